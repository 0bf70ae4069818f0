package reader

import (
	"context"
	"fmt"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/lds"
)

// Sender sends one command to the chip, protected.
type Sender interface {
	Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error)
}

// Terminal proves to a chip that this desk may read fingerprints: terminal
// authentication (BSI TR-03110-3 §B.3). The ministry issues the certificates; this
// project holds none, and no implementation.
type Terminal interface {
	// Authenticate runs terminal authentication on the session that chip
	// authentication began. chain is the certificates to present, number the document
	// number of DG1. It returns nil only if the chip
	// accepted the terminal's signature.
	Authenticate(ctx context.Context, chip Sender, chain [][]byte, number string) error
}

// Words of the fingerprints' check.
const (
	wordNoFingerprints = "no-file"
	wordProtected      = "no-terminal-certificates"
	wordNotAsked       = "not-asked-for"
	wordRefused        = "refused"
	wordUnreadable     = "unreadable"
)

// fingerprints reads DG3 if that is wanted and possible and says what happened.
// The images themselves are let go: what is on the chip is compared by the centre.
func (r *reading) fingerprints(ctx context.Context, listed []int) error {
	no := func(word, reason string) {
		r.doc.Fingerprints = eid.Check{State: eid.CheckNotPossible, Word: word, Reason: reason}
	}
	guarded := r.infos.Terminal
	switch {
	case !slices.Contains(listed, 3):
		no(wordNoFingerprints, "chip has no DG3")
		return nil
	case guarded && (r.o.Terminal == nil || len(r.o.Chain) == 0):
		no(wordProtected, "DG3 is protected and this desk has no terminal certificates")
		return nil
	case !guarded && !r.o.All:
		no(wordNotAsked, "no procedure asks for DG3")
		return nil
	}
	if guarded {
		if err := r.o.Terminal.Authenticate(ctx, r.chip, r.o.Chain, r.zone.Number); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			no(wordRefused, "terminal authentication: "+err.Error())
			return nil
		}
	}
	file, err := r.group(ctx, 3)
	if refused(err) {
		no(wordProtected, "DG3 is protected and this desk has no terminal certificates")
		return nil
	}
	if err != nil {
		return err
	}
	fingers, err := lds.ParseDG3(file)
	if err != nil {
		no(wordUnreadable, err.Error())
		return nil
	}
	r.doc.Fingerprints = eid.Check{State: eid.CheckOK, Reason: fmt.Sprintf("DG3 holds %d images", len(fingers))}
	return nil
}
