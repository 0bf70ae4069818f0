package reader

import (
	"context"
	"errors"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/emrtd"
	"github.com/enrold/enrold/reader/mrz"
)

// open opens the chip with all that the officer's input gives and returns the
// key of the machine readable zone, zero when only the CAN is known.
func (r *reading) open(ctx context.Context, card *apdu.Channel, access eid.AccessKey) (mrz.Key, error) {
	terms, err := r.terms(access)
	if err != nil {
		return mrz.Key{}, err
	}
	r.chip, err = emrtd.Open(ctx, card, terms, emrtd.Sizes{MaxLe: r.o.MaxLe, Ladder: r.o.Ladder})
	for _, a := range r.chip.Attempts() {
		r.doc.Attempts = append(r.doc.Attempts, a.String())
	}
	if err != nil {
		return mrz.Key{}, openFailure(err)
	}
	r.doc.Access = r.chip.Access()
	return terms.Key, nil
}

// maxCAN bounds the card access number; it has six digits (Doc 9303-4 §4.4).
const maxCAN = 16

// terms reads the officer's input. The zone's fields may be left out when there
// is a CAN. A twelve-digit number alone stands for a Vietnamese card, whose CAN
// is believed to be the last six digits.
func (r *reading) terms(access eid.AccessKey) (emrtd.Terms, error) {
	t := emrtd.Terms{Rand: r.o.Rand, SelectMF: r.o.SelectMF, AvoidPACE: r.o.AvoidPACE, CAN: strings.TrimSpace(access.CAN.Reveal())}
	if len(t.CAN) > maxCAN || strings.ContainsFunc(t.CAN, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return emrtd.Terms{}, eid.Fail(eid.CodeInput, "read access key", errors.New("card access number has characters that no card has"))
	}
	if len(access.MRZ) == 0 && access.Birth == "" {
		number := strings.TrimSpace(access.Number.Reveal())
		if t.CAN == "" && mrz.IsPersonalNumber(number) {
			t.CAN = number[len(number)-6:]
		}
		if t.CAN != "" {
			return t, nil
		}
	}
	var err error
	t.Key, err = mrz.KeyOf(access, r.o.Now)
	return t, err
}

// openFailure gives the officer's code for a chip that does not open.
func openFailure(err error) error {
	code := eid.CodeChipRead
	switch {
	case errors.Is(err, emrtd.ErrNoApplication):
		code = eid.CodeDocumentKind
	case errors.Is(err, emrtd.ErrBlocked):
		code = eid.CodeChipBlocked
	case errors.Is(err, emrtd.ErrAccessDenied), errors.Is(err, emrtd.ErrNotOffered):
		code = eid.CodeChipAccess
	}
	return fail(code, "open chip", err)
}
