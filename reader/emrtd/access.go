// Package emrtd opens the chip of a machine readable travel document or of an
// identity card of the same kind and reads its files (ICAO Doc 9303 parts 10
// and 11).
package emrtd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/pace"
	"github.com/enrold/enrold/reader/secinfo"
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
	// ErrBlocked means that the chip has blocked the password after too many tries.
	ErrBlocked = errors.New("chip has blocked the password")
)

// application is the AID of the eMRTD application (Doc 9303-10 §3.3); Vietnamese
// identity cards carry the same.
var application = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// Terms is what the access procedures may use.
type Terms struct {
	Key  mrz.Key   // zero when only the CAN is known
	CAN  string    // card access number, "" when unknown
	Rand io.Reader // nonces and keys of the terminal: crypto/rand.Reader outside tests
	// SelectMF is the reader profile's word on selecting the master file: "skip",
	// "require", or anything else to select it where that helps.
	SelectMF string
	// AvoidPACE is for readers that do not wait for a slow card (the reader
	// profile says so): BAC comes first, PACE only where it must.
	AvoidPACE bool
}

// way is one access procedure with one password.
type way interface {
	// name is what the record says: "BAC", "PACE-GM/CAN".
	name() string
	// open runs on a card in the clear. again says that a session ended before:
	// the card may be anywhere.
	open(ctx context.Context, card *apdu.Channel, again bool) (*sm.Session, *pace.Proof, error)
	// outside says that the session begins in the master file, so that the
	// application must be selected in it.
	outside() bool
}

// maxProtocols bounds the PACE protocols tried with one password.
const maxProtocols = 4

// ways lists what to try, in order: PACE with the CAN, which the officer typed
// for this; PACE with the machine readable zone; BAC, for Vietnamese cards that
// list PACE and then refuse it. A wrong password is not tried with a second
// protocol: the chip may count.
func (t Terms) ways(offered []pace.Protocol) [][]way {
	var passwords []pace.Password
	if t.CAN != "" {
		passwords = append(passwords, pace.CAN(t.CAN))
	}
	if t.Key != (mrz.Key{}) {
		passwords = append(passwords, pace.MRZ(t.Key.Information()))
	}
	var list [][]way
	for _, p := range passwords {
		var group []way
		for _, protocol := range offered[:min(len(offered), maxProtocols)] {
			group = append(group, paceWay{protocol, p, t.Rand})
		}
		list = append(list, group)
	}
	if t.Key == (mrz.Key{}) {
		return list
	}
	basic := []way{bac{t.Key, t.Rand}}
	if t.AvoidPACE {
		return append([][]way{basic}, list...)
	}
	return append(list, basic)
}

// paceWay is PACE with one protocol and one password.
type paceWay struct {
	protocol pace.Protocol
	password pace.Password
	rand     io.Reader
}

func (w paceWay) name() string { return w.protocol.Name() + "/" + w.password.Name() }
func (paceWay) outside() bool  { return true }

func (w paceWay) open(ctx context.Context, card *apdu.Channel, again bool) (*sm.Session, *pace.Proof, error) {
	if again {
		// PACE belongs to the master file. A card that still holds a session takes
		// the first plain command only to end it; Vietnamese cards refuse both.
		for range 2 {
			r, err := card.Send(ctx, selectMaster)
			if err != nil {
				return nil, nil, fmt.Errorf("select master file: %w", err)
			}
			if r.SW == apdu.OK {
				break
			}
		}
	}
	r, err := pace.Run(ctx, card, w.protocol, w.password, w.rand)
	if err != nil {
		refusal, ok := errors.AsType[*pace.Refusal](err)
		switch {
		case ok && refusal.Blocked():
			err = fmt.Errorf("%w: %w", ErrBlocked, err)
		case ok && refusal.WrongPassword():
			err = fmt.Errorf("%w: %w", ErrAccessDenied, err)
		}
		return nil, nil, err
	}
	return r.Session, r.Proof, nil
}

var selectMaster = apdu.Command{INS: 0xA4, P1: 0x00, P2: 0x0C, Data: []byte{0x3F, 0x00}}

// maxCardAccess bounds EF.CardAccess: real ones have 20 to 200 bytes.
const maxCardAccess = 4096

// How a profile treats the selection of the master file.
const (
	masterSkip    = "skip"    // never sent
	masterRequire = "require" // sent before anything else
)

// readCardAccess reads EF.CardAccess, the only file that is free (Doc 9303-10
// §3.11.3), by its short identifier: after a reset the master file, where it
// lies, is the current one. A chip that refuses this, for any reason, is asked
// for the file by its identifier: one refusal is too little to give up PACE. All
// of this comes before access control: once that began, nothing is read in the
// clear again, not even this file.
func readCardAccess(ctx context.Context, card *apdu.Channel, master string) (secinfo.Infos, error) {
	if master == masterRequire {
		return selectCardAccess(ctx, card, master)
	}
	infos, sw, err := cardAccess(ctx, card, 0x80|0x1C)
	if err != nil || sw == apdu.OK {
		return infos, err
	}
	return selectCardAccess(ctx, card, master)
}

// selectCardAccess selects the master file and EF.CardAccess in it. Vietnamese
// cards refuse the first (6D00, 6982) and others do not need it: the refusal is
// passed over. Any refusal of the file means that there is none, since a chip
// without PACE has none.
func selectCardAccess(ctx context.Context, card *apdu.Channel, master string) (secinfo.Infos, error) {
	if master != masterSkip {
		if _, err := card.Send(ctx, selectMaster); err != nil {
			return secinfo.Infos{}, err
		}
	}
	r, err := card.Send(ctx, apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{0x01, 0x1C}})
	if err != nil || r.SW != apdu.OK {
		return secinfo.Infos{}, err
	}
	infos, _, err := cardAccess(ctx, card, 0)
	return infos, err
}

// cardAccess reads EF.CardAccess from its beginning, which P1 names, and gives
// the status word of a refusal. Content that makes no sense is no content: the
// chip is then asked for BAC.
func cardAccess(ctx context.Context, card *apdu.Channel, p1 byte) (secinfo.Infos, apdu.Status, error) {
	var out []byte
	for len(out) < maxCardAccess {
		if len(out) > 0 {
			p1 = byte(len(out) >> 8)
		}
		r, err := card.Send(ctx, apdu.Command{INS: 0xB0, P1: p1, P2: byte(len(out)), Le: apdu.MaxShort})
		if err != nil {
			return secinfo.Infos{}, 0, err
		}
		if r.SW != apdu.OK && r.SW != apdu.EndOfFile || len(r.Data) == 0 {
			if len(out) == 0 && r.SW != apdu.OK {
				return secinfo.Infos{}, r.SW, nil
			}
			break
		}
		out = append(out, r.Data...)
		if _, _, err := tlv.Next(out); err == nil {
			infos, err := secinfo.Parse(out)
			if err != nil {
				infos = secinfo.Infos{}
			}
			return infos, apdu.OK, nil
		}
	}
	return secinfo.Infos{}, apdu.OK, nil
}

// selectCommand selects the eMRTD application without asking for data: some
// cards refuse an Le here.
var selectCommand = apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: application}

// selectApplication selects the eMRTD application over send, which protects the
// command once access is proven. A card that does not know a selection without
// an answer is asked for one (P2 00: file control information, which nobody needs).
func selectApplication(ctx context.Context, send func(context.Context, apdu.Command) (apdu.Response, error)) error {
	r, err := send(ctx, selectCommand)
	if err == nil && wrongSelection(r.SW) {
		cmd := selectCommand
		cmd.P2, cmd.Le = 0x00, apdu.MaxShort
		r, err = send(ctx, cmd)
	}
	if err != nil {
		return fmt.Errorf("select application: %w", err)
	}
	switch {
	case selectedBy(r.SW):
		return nil
	case r.SW == apdu.FileNotFound, r.SW == apdu.INSNotSupported, r.SW == 0x6E00:
		return fmt.Errorf("select application: %w (%s)", ErrNoApplication, r.SW)
	}
	return &apdu.StatusError{Op: "select application", SW: r.SW}
}

// wrongSelection tells that the card does not know P1 and P2 of a SELECT.
func wrongSelection(sw apdu.Status) bool { return sw == 0x6A86 || sw == 0x6A81 }

// selectedBy takes warnings (62xx) for what they are: the file is selected.
func selectedBy(sw apdu.Status) bool { return sw == apdu.OK || sw>>8 == 0x62 }
