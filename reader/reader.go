// Package reader is the way from a card transport to a document: it opens the
// chip, reads its files, checks them and fills an eid.ChipDocument.
package reader

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/crosscheck"
	"github.com/enrold/enrold/reader/emrtd"
	"github.com/enrold/enrold/reader/emrtd/pa"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/trust"
)

// Options is what a reading depends on beside card and key.
type Options struct {
	Trust    *trust.Store
	Origin   eid.Origin
	Reader   string // the reader's name, for the record
	MaxLe    int    // largest response that the reader takes, 0 if unknown
	Ladder   []int  // response sizes to step down through; empty: the usual
	SelectMF string // "skip", "tolerate" or "require": selection of the master file
	// AvoidPACE is for readers that are not fit for PACE: BAC comes first.
	AvoidPACE bool
	Now       time.Time
	Rand      io.Reader                        // nonces and keys of the terminal; nil means crypto/rand
	Progress  func(share float64, file string) // may be nil
	// All also reads what no procedure asks for: DG7, DG11, DG12 and DG16, and DG3
	// where it is free.
	All bool
	// Terminal and Chain open DG3 where terminal authentication guards it. Without
	// them it is reported as protected.
	Terminal Terminal
	Chain    [][]byte // card verifiable certificates (tag 7F21), the terminal's last
}

// Read opens the chip behind t with key and reads EF.COM, EF.SOD, the keys in
// DG14 and DG15, DG1, what else says who the holder is (DG13 of a Vietnamese
// card, DG11 of others), and DG2, the large one, last. A failed check is in the result,
// not an error: what was read is returned so that the screen can explain. When
// an *eid.Error is returned, the document holds what was read until then.
//
// Codes: eid.CodeMRZCheck and eid.CodeInput for the key, eid.CodeChipAccess,
// eid.CodeChipBlocked, eid.CodeChipRead, eid.CodeChipMismatch, eid.CodeDocumentKind, and those of
// the transport.
func Read(ctx context.Context, t apdu.Transmitter, key eid.AccessKey, o Options) (eid.ChipDocument, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	card := apdu.NewChannel(t)
	r := &reading{o: o, progress: newProgress(o.Progress)}
	r.doc.Reader, r.doc.Origin = o.Reader, o.Origin
	r.doc.TrustSHA256, r.doc.TrustTime = o.Trust.SHA256(), o.Trust.Updated()
	err := r.run(ctx, card, key)
	r.doc.APDUs, r.doc.Bytes = card.APDUs(), card.Bytes()
	if r.chip != nil && r.doc.Access != "" {
		r.doc.LeastAPDUs = r.chip.Least()
	}
	return r.doc, err
}

// reading is one reading of one chip.
type reading struct {
	o        Options
	chip     *emrtd.Chip
	sod      *pa.SecurityObject
	infos    secinfo.Infos // of DG14
	ca, aa   eid.Check     // provisional, until settle
	vouched  secinfo.Infos // of EF.CardSecurity, once it was verified
	unsigned eid.Check     // why no security object speaks for the files; no state: one does
	zone     mrz.Document
	facts    []crosscheck.Facts // what DG11 or DG13 says
	code     *crosscheck.Facts  // what the card's code says
	groups   map[int][]byte     // hashes by the security object's algorithm
	progress *progress
	doc      eid.ChipDocument
}

func (r *reading) run(ctx context.Context, card *apdu.Channel, access eid.AccessKey) error {
	access, err := r.scanned(access)
	if err != nil {
		return err
	}
	key, err := r.open(ctx, card, access)
	if err != nil {
		return err
	}
	listed, err := r.security(ctx)
	if err != nil {
		return fail(eid.CodeChipRead, "read security object", err)
	}
	if err := r.genuine(ctx); err != nil {
		return fail(eid.CodeChipRead, "prove chip genuine", err)
	}
	problem, err := r.content(ctx, listed)
	if err != nil {
		return fail(eid.CodeChipRead, "read chip", err)
	}
	r.verify()
	if r.zone.Lines != nil {
		r.compare(access, key)
	}
	// A forged chip may also be malformed or contradict itself: what the officer
	// must learn is that it is not authentic.
	if r.doc.PA.State == eid.CheckFailed {
		return nil
	}
	if problem == nil {
		problem = r.contradiction()
	}
	return problem
}

// verify fills the checks.
func (r *reading) verify() {
	if r.unsigned.State != "" {
		r.doc.PA = r.unsigned
		r.settle()
		return
	}
	r.doc.PA, r.doc.Signer = r.sod.Verify(pa.Read{Groups: r.groups, State: r.zone.Issuer}, r.o.Trust, r.o.Now)
	r.settle()
}

// fail adds the code unless the cause has one already: the transport knows best
// whether the card was removed.
func fail(code eid.Code, op string, err error) error {
	if _, ok := errors.AsType[*eid.Error](err); ok {
		return fmt.Errorf("%s: %w", op, err)
	}
	return eid.Fail(code, op, err)
}
