// Package reader is the way from a card transport to a document: it opens the
// chip, reads its files, checks them and fills an eid.ChipDocument.
package reader

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/cccd"
	"github.com/enrold/enrold/reader/emrtd"
	"github.com/enrold/enrold/reader/emrtd/pa"
	"github.com/enrold/enrold/reader/lds"
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
	Now      time.Time
	Rand     io.Reader                        // nonces and keys of the terminal; nil means crypto/rand
	Progress func(share float64, file string) // may be nil
}

// Read opens the chip behind t with key and reads EF.COM, EF.SOD, DG1, DG13 (if
// there is one) and DG2, the large one, last. A failed check is in the result,
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
	zone     mrz.Document
	number   string         // personal number of DG13
	birth    eid.Date       // of DG13
	groups   map[int][]byte // hashes by the security object's algorithm
	progress *progress
	doc      eid.ChipDocument
}

func (r *reading) run(ctx context.Context, card *apdu.Channel, access eid.AccessKey) error {
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
	// A forged chip may also be malformed or contradict itself: what the officer
	// must learn is that it is not authentic.
	if r.doc.PA.State == eid.CheckFailed {
		return nil
	}
	if problem == nil {
		if key == (mrz.Key{}) {
			key = r.zone.Key() // opened by the CAN: there is no key to compare with
		}
		problem = r.contradiction(access, key)
	}
	return problem
}

// security reads EF.COM and EF.SOD and returns the data groups that they list.
// EF.COM may be absent; the security object may not.
func (r *reading) security(ctx context.Context) ([]int, error) {
	var listed []int
	com, err := r.chip.Read(ctx, emrtd.COM, r.progress.file("COM"))
	if _, refused := errors.AsType[*apdu.StatusError](err); err != nil && !refused {
		return nil, err
	}
	if err == nil {
		if list, err := lds.ParseCOM(com); err == nil { // unsigned and advisory: the security object tells
			listed = list.Groups
		}
	}
	digest := sha256.New()
	file, err := r.chip.Read(ctx, emrtd.SOD, r.progress.file("SOD"), digest)
	if err != nil {
		return nil, err
	}
	r.doc.SODSHA256 = digest.Sum(nil)
	if r.sod, err = pa.Parse(file); err != nil {
		return nil, err
	}
	for n := 1; n <= 16; n++ {
		if r.sod.Lists(n) && !slices.Contains(listed, n) {
			listed = append(listed, n)
		}
	}
	r.groups = make(map[int][]byte)
	return listed, nil
}

// content reads the data groups. err ends the reading; problem is content that
// cannot be understood, which matters only if it proves authentic.
func (r *reading) content(ctx context.Context, listed []int) (problem, err error) {
	dg1, err := r.group(ctx, 1)
	if err != nil {
		return nil, err
	}
	if r.zone, err = lds.ParseDG1(dg1, r.o.Now); err != nil {
		problem = eid.Fail(eid.CodeChipRead, "understand DG1", err)
	} else if r.doc.Kind = kindOf(r.zone); r.doc.Kind == "" {
		problem = eid.Fail(eid.CodeDocumentKind, "read chip", errors.New("neither passport nor Vietnamese identity card"))
	}
	for _, l := range r.zone.Lines {
		r.doc.MRZ = append(r.doc.MRZ, eid.Private(l))
	}
	r.doc.Holder = holderOf(r.zone)
	if r.doc.Kind == eid.DocumentCCCD && slices.Contains(listed, 13) {
		file, err := r.group(ctx, 13)
		if _, refused := errors.AsType[*apdu.StatusError](err); err != nil && !refused {
			return nil, err
		}
		if err == nil {
			if data, err := cccd.Parse(file); err == nil {
				r.person(data)
			} else if problem == nil {
				problem = eid.Fail(eid.CodeChipRead, "understand DG13", err)
			}
		}
	}
	dg2, err := r.group(ctx, 2)
	if err != nil {
		return nil, err
	}
	if images, err := lds.ParseDG2(dg2); err == nil {
		r.doc.Portrait, r.doc.PortraitType = images[0].Data, images[0].Type
	} else if problem == nil {
		problem = eid.Fail(eid.CodeChipRead, "understand DG2", err)
	}
	return problem, nil
}

// group reads data group n and keeps its hashes.
func (r *reading) group(ctx context.Context, n int) ([]byte, error) {
	record, check := sha256.New(), hash.Hash(r.sod.Hash().New())
	file, err := r.chip.Read(ctx, emrtd.DG(n), r.progress.file(fmt.Sprintf("DG%d", n)), record, check)
	if err != nil {
		return nil, err
	}
	r.doc.DataGroups = append(r.doc.DataGroups, eid.DataGroup{Number: n, SHA256: record.Sum(nil), Bytes: len(file)})
	r.groups[n] = check.Sum(nil)
	return file, nil
}

// verify fills the checks.
func (r *reading) verify() {
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
