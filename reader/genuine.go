package reader

import (
	"context"
	"errors"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/emrtd/pa"
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
	r.doc.CardAccess = r.confirm()
	for _, check := range []*eid.Check{&r.doc.CA, &r.doc.AA} {
		if check.State == eid.CheckOK && r.doc.PA.State != eid.CheckOK {
			check.State, check.Word = eid.CheckNotPossible, genuine.WordNotSigned
			check.Reason += ": proof holds, but passive authentication does not vouch for the key"
		}
	}
}

// mapped judges the proof of chip authentication mapping: against the keys of
// DG14, or else against those of EF.CardSecurity, whose own signature is then
// verified (Doc 9303-11 §4.4.3.5.2).
func (r *reading) mapped(proof *pace.Proof) eid.Check {
	const how = "PACE with chip authentication mapping"
	err := proof.Verify(r.infos.Keys)
	if _, file := r.chip.Proof(); errors.Is(err, pace.ErrNoKey) && file != nil {
		content, check := pa.CardSecurity(file, r.zone.Issuer, r.o.Trust, r.o.Now)
		if check.State != eid.CheckOK {
			check.Reason = how + ": EF.CardSecurity: " + check.Reason
			return check
		}
		signed, parseErr := secinfo.Parse(content)
		if parseErr != nil {
			return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordUnsupported, Reason: how + ": EF.CardSecurity: " + parseErr.Error()}
		}
		r.vouched = signed
		err = proof.Verify(signed.Keys)
	}
	switch {
	case err == nil:
		return eid.Check{State: eid.CheckOK, Reason: how}
	case errors.Is(err, pace.ErrNoKey):
		return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoKey, Reason: how + ": " + err.Error()}
	}
	return eid.Check{State: eid.CheckFailed, Word: genuine.WordWrongProof, Reason: how + ": " + err.Error()}
}

// confirm compares EF.CardAccess, which anybody can change on the way to make
// the reader use a weaker protocol, with what the issuer signed (Doc 9303-11
// §4.2).
func (r *reading) confirm() eid.Check {
	access := r.chip.CardAccess()
	if len(access.PACE) == 0 {
		return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoFile, Reason: "chip lists no PACE in EF.CardAccess"}
	}
	for _, signed := range []secinfo.Infos{r.infos, r.vouched} {
		listed, same := signed.Confirms(access)
		switch {
		case listed && same && r.doc.PA.State == eid.CheckOK:
			return eid.Check{State: eid.CheckOK}
		case listed && same:
			return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNotSigned, Reason: "passive authentication does not vouch for DG14"}
		case listed:
			return eid.Check{State: eid.CheckFailed, Word: genuine.WordWrongProof, Reason: "EF.CardAccess differs from what the issuer signed"}
		}
	}
	return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoKey, Reason: "issuer signed no PACE entries"}
}
