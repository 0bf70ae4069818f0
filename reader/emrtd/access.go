// Package emrtd opens the chip of a machine readable travel document or of an
// identity card of the same kind and reads its files (ICAO Doc 9303 parts 10
// and 11).
package emrtd

import (
	"context"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

var (
	// ErrNotOffered means that the chip does not offer this access procedure.
	ErrNotOffered = errors.New("access procedure is not offered")
	// ErrNoApplication means that the card holds no eMRTD application.
	ErrNoApplication = errors.New("card holds no travel document application")
	// ErrAccessDenied means that the chip refused the access key.
	ErrAccessDenied = errors.New("chip refuses the access key")
)

// application is the AID of the eMRTD application (Doc 9303-10 §3.3); Vietnamese
// identity cards carry the same.
var application = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// Access is one way to open a chip: PACE or BAC. Open runs on a selected card
// in the clear and returns the session that protects everything after it. It
// selects the application itself, before (BAC) or after (PACE). An error that
// is ErrNotOffered lets the next way try.
type Access interface {
	Name() string
	Open(ctx context.Context, card *apdu.Channel, terms Terms) (*sm.Session, error)
}

// Terms is what an access procedure may use.
type Terms struct {
	Key        mrz.Key
	CardAccess []byte // content of EF.CardAccess; nil when the chip has none
}

// OffersPACE says whether EF.CardAccess lists PACE (Doc 9303-11 §9.2.1).
func (t Terms) OffersPACE() bool {
	_, set, err := tlvSet(t.CardAccess)
	if err != nil {
		return false
	}
	for _, info := range set {
		if parts, err := tlv.List(info.Value); err == nil && len(parts) > 0 && parts[0].Tag == 0x06 &&
			len(parts[0].Value) == 10 && string(parts[0].Value[:8]) == "\x04\x00\x7F\x00\x07\x02\x02\x04" {
			return true
		}
	}
	return false
}

func tlvSet(b []byte) (tag uint32, list []tlv.Object, err error) {
	o, _, err := tlv.Next(b)
	if err != nil {
		return 0, nil, err
	}
	list, err = tlv.List(o.Value)
	return o.Tag, list, err
}

// maxCardAccess bounds EF.CardAccess: real ones have 20 to 200 bytes.
const maxCardAccess = 4096

// readCardAccess reads EF.CardAccess, the only file that is free (Doc 9303-10
// §3.11.3). It lies in the master file, which Vietnamese cards refuse to select
// (6D00, 6982) and others do not need: both are passed over. Any refusal means
// that there is no such file, since a chip without PACE has none.
func readCardAccess(ctx context.Context, card *apdu.Channel) ([]byte, error) {
	for _, cmd := range []apdu.Command{
		{INS: 0xA4, P1: 0x00, P2: 0x0C, Data: []byte{0x3F, 0x00}},
		{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{0x01, 0x1C}},
	} {
		r, err := card.Send(ctx, cmd)
		if err != nil {
			return nil, err
		}
		if r.SW != apdu.OK && cmd.P1 == 0x02 {
			return nil, nil
		}
	}
	var out []byte
	for len(out) < maxCardAccess {
		r, err := card.Send(ctx, apdu.Command{INS: 0xB0, P1: byte(len(out) >> 8), P2: byte(len(out)), Le: apdu.MaxShort})
		if err != nil {
			return nil, err
		}
		if r.SW != apdu.OK && r.SW != apdu.EndOfFile || len(r.Data) == 0 {
			break
		}
		out = append(out, r.Data...)
		if _, _, err := tlv.Next(out); err == nil {
			return out, nil
		}
	}
	return nil, nil
}

// selectApplication selects the eMRTD application without asking for data:
// some cards refuse an Le here.
func selectApplication(ctx context.Context, card *apdu.Channel) error {
	r, err := card.Send(ctx, apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: application})
	if err != nil {
		return fmt.Errorf("select application: %w", err)
	}
	switch r.SW {
	case apdu.OK:
		return nil
	case apdu.FileNotFound, apdu.INSNotSupported, 0x6E00:
		return fmt.Errorf("select application: %w (%s)", ErrNoApplication, r.SW)
	}
	return fmt.Errorf("select application: %w", &apdu.StatusError{Op: "select", SW: r.SW})
}
