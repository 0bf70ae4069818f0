// Package genuine asks a chip to prove that it is not a copy: chip
// authentication and active authentication (ICAO Doc 9303-11 §6). Both prove
// possession of a key in DG14 or DG15, so they count only with passive
// authentication of these files, which is the caller's.
package genuine

import (
	"context"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/sm"
)

// Sender sends commands in the session of access control.
type Sender interface {
	Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error)
}

// send makes a status word that came outside secure messaging an answer like
// others; dropped says that it was one. It may be nobody's, so the caller asks
// once more, in the session that is then opened again.
func send(ctx context.Context, card Sender, cmd apdu.Command) (r apdu.Response, dropped bool, err error) {
	r, err = card.Send(ctx, cmd)
	if u, ok := errors.AsType[*sm.UnprotectedError](err); ok {
		return apdu.Response{SW: u.SW}, true, nil
	}
	return r, false, err
}

// Renewer goes on under the keys that chip authentication gave.
type Renewer interface {
	Sender
	Renew(s *sm.Session)
}

// Words of the results, stable for translation.
const (
	WordNoFile      = "no-file"           // the chip has no DG14 or DG15
	WordNoKey       = "no-key"            // the file lists no key for it
	WordUnsupported = "unsupported"       // algorithm or parameters that this reader does not know
	WordTooLong     = "too-long"          // the answer does not fit the card reader
	WordRefused     = "refused"           // the chip refuses to prove
	WordWrongProof  = "wrong-proof"       // the proof does not hold
	WordNotSigned   = "key-not-authentic" // passive authentication does not vouch for the key
)

func notPossible(word, reason string, args ...any) eid.Check {
	return eid.Check{State: eid.CheckNotPossible, Word: word, Reason: fmt.Sprintf(reason, args...)}
}

func failed(word, reason string, args ...any) eid.Check {
	return eid.Check{State: eid.CheckFailed, Word: word, Reason: fmt.Sprintf(reason, args...)}
}

// passed names what was done in the reason.
func passed(reason string) eid.Check { return eid.Check{State: eid.CheckOK, Reason: reason} }
