package reader

import (
	"context"
	"errors"
	"fmt"

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
	file, check, err := r.keyFile(ctx, 14)
	if err != nil {
		return err
	}
	if r.ca = check; file != nil {
		if r.infos, err = secinfo.ParseDG14(file); err != nil {
			r.ca = eid.Check{State: eid.CheckNotPossible, Word: genuine.WordUnsupported, Reason: err.Error()}
		} else if r.ca, err = r.proveKey(ctx); err != nil {
			return err
		}
	}
	if file, check, err = r.keyFile(ctx, 15); err != nil {
		return err
	}
	if r.aa = check; file != nil {
		r.aa, err = genuine.Active(ctx, r.chip, file, r.infos, r.chip.Room(), r.o.Rand)
	}
	return err
}

// proveKey takes the proof that PACE with chip authentication mapping gave, if
// the key is in DG14; otherwise it runs chip authentication.
func (r *reading) proveKey(ctx context.Context) (eid.Check, error) {
	if proof, _ := r.chip.Proof(); proof != nil {
		if err := proof.Verify(r.infos.Keys); !errors.Is(err, pace.ErrNoKey) {
			return mappingCheck(err), nil
		}
		if len(r.infos.Chip) == 0 {
			return mappingCheck(pace.ErrNoKey), nil // until EF.CardSecurity is looked into
		}
	}
	return genuine.Chip(ctx, r.chip, r.infos, r.o.Rand)
}

// byMapping is the reason of a check by chip authentication mapping.
const byMapping = "PACE with chip authentication mapping"

func mappingCheck(err error) eid.Check {
	switch {
	case err == nil:
		return eid.Check{State: eid.CheckOK, Reason: byMapping}
	case errors.Is(err, pace.ErrNoKey):
		return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoKey, Reason: byMapping + ": " + err.Error()}
	}
	return eid.Check{State: eid.CheckFailed, Word: genuine.WordWrongProof, Reason: byMapping + ": " + err.Error()}
}

// keyFile reads a data group with a key if the security object lists it. A copy
// without the key would rather not show the file: a chip that refuses what its
// issuer signed and no chip protects fails the check. file is nil when check
// tells the result.
func (r *reading) keyFile(ctx context.Context, n int) (file []byte, check eid.Check, err error) {
	if !r.sod.Lists(n) {
		return nil, eid.Check{State: eid.CheckNotPossible, Word: genuine.WordNoFile, Reason: fmt.Sprintf("chip has no DG%d", n)}, nil
	}
	file, err = r.group(ctx, n)
	if refusal, ok := errors.AsType[*apdu.StatusError](err); ok && denied(refusal.SW) {
		return nil, eid.Check{State: eid.CheckFailed, Word: genuine.WordRefused, Reason: fmt.Sprintf("chip refuses DG%d, which its issuer signed: %s", n, refusal.SW)}, nil
	}
	return file, eid.Check{}, err
}

// denied tells a file that a chip withholds from a command that went wrong.
func denied(sw apdu.Status) bool {
	return sw == apdu.FileNotFound || sw == apdu.SecurityStatus || sw == apdu.ConditionsNotMet || sw>>8 == 0x6A
}

// settle makes the results final once passive authentication is done: a proof
// counts only for a key that the issuer signed, and chip authentication only
// once the chip has answered under the new keys (Doc 9303-11 §6.2.1).
func (r *reading) settle() {
	if r.ca.State == eid.CheckOK {
		if proven, err := r.chip.Renewed(); !proven {
			r.ca.State, r.ca.Word = eid.CheckFailed, genuine.WordWrongProof
			r.ca.Reason += ": chip does not answer under the new keys"
			if err != nil {
				r.ca.Reason += ": " + err.Error()
			}
		}
	}
	// PACE with chip authentication mapping proves as much. It takes the place of a
	// proof that was not given, not of one that was wrong.
	if proof, _ := r.chip.Proof(); proof != nil && r.ca.State != eid.CheckOK && r.ca.Word != genuine.WordWrongProof {
		if mapped := r.mapped(proof); mapped.State != eid.CheckNotPossible || r.ca.State == eid.CheckNotPossible {
			r.ca = mapped
		}
	}
	r.doc.CardAccess = r.confirm()
	for _, check := range []*eid.Check{&r.ca, &r.aa} {
		if check.State == eid.CheckOK && r.doc.PA.State != eid.CheckOK {
			check.State, check.Word = eid.CheckNotPossible, genuine.WordNotSigned
			check.Reason += ": proof holds, but passive authentication does not vouch for the key"
		}
	}
	r.doc.CA, r.doc.AA = r.ca, r.aa
}

// mapped judges the proof of chip authentication mapping against the keys of
// EF.CardSecurity, whose own signature is verified first (Doc 9303-11
// §4.4.3.5.2).
func (r *reading) mapped(proof *pace.Proof) eid.Check {
	_, file := r.chip.Proof()
	if file == nil {
		return mappingCheck(pace.ErrNoKey)
	}
	content, check := pa.CardSecurity(file, r.zone.Issuer, r.o.Trust, r.o.Now)
	if check.State != eid.CheckOK {
		check.Reason = byMapping + ": EF.CardSecurity: " + check.Reason
		return check
	}
	var err error
	if r.vouched, err = secinfo.Parse(content); err != nil {
		return eid.Check{State: eid.CheckNotPossible, Word: genuine.WordUnsupported, Reason: byMapping + ": EF.CardSecurity: " + err.Error()}
	}
	return mappingCheck(proof.Verify(r.vouched.Keys))
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
