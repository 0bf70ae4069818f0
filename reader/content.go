package reader

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/cccd"
	"github.com/enrold/enrold/reader/emrtd"
	"github.com/enrold/enrold/reader/emrtd/pa"
	"github.com/enrold/enrold/reader/lds"
)

// wordNoSecurityObject is the stable name of a failed passive authentication:
// every chip must have a security object, so one without was tampered with.
const wordNoSecurityObject = "sod-missing"

// security reads EF.COM and EF.SOD and returns the data groups that they list.
// EF.COM may be absent. A chip without a security object that can be understood
// is read on, by EF.COM alone, so that the officer sees what is there; DG1 and DG2
// are on every chip (Doc 9303-10 §4.6).
func (r *reading) security(ctx context.Context) ([]int, error) {
	var listed []int
	com, err := r.chip.Read(ctx, emrtd.COM, r.progress.file("COM"))
	if err != nil && !refused(err) {
		return nil, err
	}
	if err == nil {
		if list, err := lds.ParseCOM(com); err == nil { // unsigned and advisory: the security object tells
			listed = list.Groups
		}
	}
	r.groups = make(map[int][]byte)
	digest, begun := sha256.New(), false
	tell := r.progress.file("SOD")
	file, err := r.chip.Read(ctx, emrtd.SOD, func(done, size int) { begun = true; tell(done, size) }, digest)
	switch {
	case err != nil && !begun && absent(err):
		r.unsigned = eid.Check{State: eid.CheckFailed, Word: wordNoSecurityObject, Reason: "chip has no security object"}
	case err != nil:
		return nil, err
	default:
		r.doc.SODSHA256 = digest.Sum(nil)
		if r.sod, err = pa.Parse(file); err != nil {
			r.unsigned = eid.Check{State: eid.CheckFailed, Word: pa.WordMalformed, Reason: "security object is malformed"}
		}
	}
	if r.unsigned.State != "" {
		r.sod = new(pa.SecurityObject)
		for _, n := range []int{1, 2} {
			if !slices.Contains(listed, n) {
				listed = append(listed, n)
			}
		}
		return listed, nil
	}
	for n := 1; n <= 16; n++ {
		if r.sod.Lists(n) && !slices.Contains(listed, n) {
			listed = append(listed, n)
		}
	}
	return listed, nil
}

// absent tells a file that is not there, or is there and empty, from one that the
// chip does not give this time: an empty file ends before its first byte (6282),
// or has no place to begin at (6B00).
func absent(err error) bool {
	e, ok := errors.AsType[*apdu.StatusError](err)
	return ok && (e.SW == apdu.FileNotFound || e.SW == apdu.EndOfFile || e.SW == apdu.WrongParameters) || errors.Is(err, emrtd.ErrEmptyFile)
}

// refused tells a file that the chip does not give from an error that ends the
// reading.
func refused(err error) bool {
	_, ok := errors.AsType[*apdu.StatusError](err)
	return ok
}

// content reads the data groups: those that name the holder first, the large
// portrait last. err ends the reading; problem is content that cannot be
// understood, which matters only if it proves authentic.
func (r *reading) content(ctx context.Context, listed []int) (problem, err error) {
	note := func(n int, err error) {
		if err != nil && problem == nil {
			problem = fail(eid.CodeChipRead, fmt.Sprintf("understand DG%d", n), err)
		}
	}
	dg1, err := r.group(ctx, 1)
	if err != nil {
		return nil, err
	}
	r.zone, err = lds.ParseDG1(dg1, r.o.Now)
	if err != nil {
		problem = eid.Fail(eid.CodeChipRead, "understand DG1", err)
	} else if r.doc.Kind = kindOf(r.zone); r.doc.Kind == "" {
		problem = eid.Fail(eid.CodeDocumentKind, "read chip", errors.New("neither passport nor Vietnamese identity card"))
	}
	for _, l := range r.zone.Lines {
		r.doc.MRZ = append(r.doc.MRZ, eid.Private(l))
	}
	r.doc.Holder = holderOf(r.zone)
	for _, n := range r.wanted(listed) {
		file, err := r.group(ctx, n)
		switch {
		case refused(err): // optional: the security object tells whether it is there
		case err != nil:
			return nil, err
		default:
			note(n, r.understand(n, file))
		}
	}
	if err := r.fingerprints(ctx, listed); err != nil {
		return nil, err
	}
	dg2, err := r.group(ctx, 2)
	if err != nil {
		return nil, err
	}
	images, err := lds.ParseDG2(dg2)
	if note(2, err); err == nil {
		r.doc.Portrait, r.doc.PortraitType = images[0].Data, images[0].Type
	}
	return problem, nil
}

// wanted lists the optional data groups to read, in order: DG13 of a Vietnamese
// card, else DG11, and with Options.All the others that have content.
func (r *reading) wanted(listed []int) []int {
	var list []int
	vietnamese := r.doc.Kind == eid.DocumentCCCD
	for _, n := range []int{13, 11, 12, 7, 16} {
		ask := r.o.All
		switch n {
		case 13:
			ask = vietnamese
		case 11:
			ask = ask || !vietnamese
		}
		if ask && slices.Contains(listed, n) {
			list = append(list, n)
		}
	}
	return list
}

// understand takes an optional data group into the document.
func (r *reading) understand(n int, file []byte) error {
	switch n {
	case 7:
		images, err := lds.ParseDG7(file)
		if err != nil {
			return err
		}
		r.doc.Signature, r.doc.SignatureType = images[0].Data, images[0].Type
	case 11:
		p, err := lds.ParseDG11(file)
		if err != nil {
			return err
		}
		r.details(p)
	case 12:
		i, err := lds.ParseDG12(file)
		if err != nil {
			return err
		}
		r.issue(i)
	case 13:
		d, err := cccd.Parse(file)
		if err != nil {
			return err
		}
		r.person(d)
	case 16:
		list, err := lds.ParseDG16(file)
		if err != nil {
			return err
		}
		r.contacts(list)
	}
	return nil
}

// group reads data group n and keeps its hashes, computed while it arrives.
func (r *reading) group(ctx context.Context, n int) ([]byte, error) {
	record := sha256.New()
	sinks := []io.Writer{record}
	var check hash.Hash
	if r.unsigned.State == "" {
		check = r.sod.Hash().New()
		sinks = append(sinks, check)
	}
	file, err := r.chip.Read(ctx, emrtd.DG(n), r.progress.file(fmt.Sprintf("DG%d", n)), sinks...)
	if err != nil {
		return nil, err
	}
	r.doc.DataGroups = append(r.doc.DataGroups, eid.DataGroup{Number: n, SHA256: record.Sum(nil), Bytes: len(file)})
	if check != nil {
		r.groups[n] = check.Sum(nil)
	}
	return file, nil
}
