package reader

import (
	"context"
	"errors"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/genuine"
	"github.com/enrold/enrold/reader/pace"
	"github.com/enrold/enrold/reader/secinfo"
)

// genuine lets the chip prove that it is no copy, before the large files: what
// is read after chip authentication is then read under its keys. The results
// are provisional until settle. An error ends the reading.
func (r *reading) genuine(ctx context.Context) error {
	var infos secinfo.Infos
	file, present, err := r.optional(ctx, 14)
	if err != nil {
		return err
	}
	r.doc.CA = eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoFile, Reason: "chip has no DG14"}
	if present {
		if infos, err = secinfo.ParseDG14(file); err != nil {
			r.doc.CA = eid.Check{State: eid.CheckNotPossible, Word: genuine.WordUnsupported, Reason: err.Error()}
		} else if r.doc.CA, err = genuine.Chip(ctx, r.chip, infos, r.o.Rand); err != nil {
			return err
		}
	}
	r.infos = infos
	file, present, err = r.optional(ctx, 15)
	if err != nil {
		return err
	}
	r.doc.AA = eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoFile, Reason: "chip has no DG15"}
	if present {
		r.doc.AA, err = genuine.Active(ctx, r.chip, file, infos, r.o.MaxLe, r.o.Rand)
	}
	return err
}

// optional reads a data group if the security object lists it. One that the
// chip refuses is not there.
func (r *reading) optional(ctx context.Context, n int) (file []byte, present bool, err error) {
	if !r.sod.Lists(n) {
		return nil, false, nil
	}
	file, err = r.group(ctx, n)
	if _, refused := errors.AsType[*apdu.StatusError](err); refused {
		return nil, false, nil
	}
	return file, err == nil, err
}

// settle makes the results final once passive authentication is done: a proof
// counts only for a key that the issuer signed, and chip authentication only
// once the chip has answered under the new keys (Doc 9303-11 §6.2.1).
func (r *reading) settle() {
	if r.doc.CA.State == eid.CheckOK {
		if proven, err := r.chip.Renewed(); !proven {
			r.doc.CA.State, r.doc.CA.Word = eid.CheckFailed, genuine.WordWrongProof
			r.doc.CA.Reason += ": chip does not answer under the new keys"
			if err != nil {
				r.doc.CA.Reason += ": " + err.Error()
			}
		}
	}
	if proof, _ := r.chip.Proof(); proof != nil && r.doc.CA.State == eid.CheckNotPossible {
		r.doc.CA = r.mapped(proof)
	}
	for _, check := range []*eid.Check{&r.doc.CA, &r.doc.AA} {
		if check.State == eid.CheckOK && r.doc.PA.State != eid.CheckOK {
			check.State, check.Word = eid.CheckNotPossible, genuine.WordNotSigned
			check.Reason += ": proof holds, but passive authentication does not vouch for the key"
		}
	}
}

// mapped judges the proof of chip authentication mapping against DG14.
func (r *reading) mapped(proof *pace.Proof) eid.Check {
	err := proof.Verify(r.infos.Keys)
	switch {
	case err == nil:
		return eid.Check{State: eid.CheckOK, Reason: "PACE with chip authentication mapping"}
	case errors.Is(err, pace.ErrNoKey):
		return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoKey, Reason: "PACE with chip authentication mapping: " + err.Error()}
	}
	return eid.Check{State: eid.CheckFailed, Word: genuine.WordWrongProof, Reason: "PACE with chip authentication mapping: " + err.Error()}
}
