package reader_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/genuine"
)

// special is an emulated card of a personality, without a reader between.
func special(t testing.TB, person int, s lds.Spec, o icc.Options) (*line, eid.AccessKey, *lds.Chip) {
	t.Helper()
	if _, err := os.Stat(photos); err != nil {
		t.Skip("photographs are missing: run make setup")
	}
	chip, err := lds.LoadSpec(person, photos, s)
	if err != nil {
		t.Fatal(err)
	}
	card, err := icc.New(chip, o)
	if err != nil {
		t.Fatal(err)
	}
	document := "citizen"
	if len(chip.MRZ) == 2 {
		document = "foreigner"
	}
	return &line{card: card}, keyOf(identity(t, person, document)), chip
}

// state shows the checks in one word each: "ok ok no" for passive, chip and
// active authentication.
func state(d eid.ChipDocument) string {
	short := map[eid.CheckState]string{eid.CheckOK: "ok", eid.CheckFailed: "failed", eid.CheckNotPossible: "no"}
	return short[d.PA.State] + " " + short[d.CA.State] + " " + short[d.AA.State]
}

func TestEveryPersonality(t *testing.T) {
	store := anchors(t)
	for name, want := range map[string]struct{ mrz, can, checks string }{
		"bac":                          {"BAC", "BAC", "ok no no"},
		"pace-gm":                      {"PACE-GM/MRZ", "PACE-GM/CAN", "ok no no"},
		"pace-gm+secp256r1+3des":       {"PACE-GM/MRZ", "PACE-GM/CAN", "ok no no"},
		"pace-gm+secp521r1+aes-256":    {"PACE-GM/MRZ", "PACE-GM/CAN", "ok no no"},
		"pace-gm+dh-2+aes-192":         {"PACE-GM/MRZ", "PACE-GM/CAN", "ok no no"},
		"pace-im":                      {"PACE-IM/MRZ", "PACE-IM/CAN", "ok no no"},
		"pace-im+secp384r1+aes-256":    {"PACE-IM/MRZ", "PACE-IM/CAN", "ok no no"},
		"pace-im+dh-2+3des":            {"PACE-IM/MRZ", "PACE-IM/CAN", "ok no no"},
		"pace-cam":                     {"PACE-CAM/MRZ", "PACE-CAM/CAN", "ok ok no"},
		"pace-cam+secp384r1+aes-192":   {"PACE-CAM/MRZ", "PACE-CAM/CAN", "ok ok no"},
		"ca":                           {"BAC", "BAC", "ok ok no"},
		"ca+secp256r1+3des":            {"BAC", "BAC", "ok ok no"},
		"ca+brainpoolP512r1+aes-256":   {"BAC", "BAC", "ok ok no"},
		"ca+dh-2+aes-128":              {"BAC", "BAC", "ok ok no"},
		"ca+dh-2+3des":                 {"BAC", "BAC", "ok ok no"},
		"aa-rsa":                       {"BAC", "BAC", "ok no ok"},
		"aa-rsa+sha512":                {"BAC", "BAC", "ok no ok"},
		"aa-ecdsa":                     {"BAC", "BAC", "ok no ok"},
		"aa-ecdsa+secp384r1":           {"BAC", "BAC", "ok no ok"},
		"dg3-protected":                {"BAC", "BAC", "ok ok no"},
		"cccd-2021":                    {"PACE-GM/MRZ", "PACE-GM/CAN", "ok ok ok"},
		"cccd-no-cardaccess":           {"BAC", "BAC", "ok ok ok"},
		"cc-2024":                      {"PACE-GM/MRZ", "PACE-GM/CAN", "ok ok ok"},
		"epassport-td3":                {"PACE-GM/MRZ", "PACE-GM/MRZ", "ok ok ok"},
		"epassport-td3+secp256r1+3des": {"PACE-GM/MRZ", "PACE-GM/MRZ", "ok ok ok"},
	} {
		for _, with := range []string{"mrz", "can"} {
			l, key, chip := special(t, 1, lds.Spec{Personality: name}, icc.Options{})
			access := want.mrz
			if with == "can" {
				if access = want.can; chip.CAN == "" {
					continue
				}
				key.CAN = eid.Private(chip.CAN)
			}
			doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
			if err != nil || doc.Access != access || state(doc) != want.checks {
				t.Errorf("%s by %s: %v\n%s, tried %v\nPA %+v\nCA %+v\nAA %+v", name, with, err, doc.Access, doc.Attempts, doc.PA, doc.CA, doc.AA)
			}
			mustNotReadPlain(t, l.sent)
		}
	}
}

// Only the card access number, or only the twelve-digit number of a Vietnamese
// card, opens the chip too.
func TestOnlyTheCAN(t *testing.T) {
	store := anchors(t)
	for _, personality := range []string{"pace-gm", "cccd-2021", "pace-cam"} {
		l, key, chip := special(t, 2, lds.Spec{Personality: personality}, icc.Options{})
		for _, access := range []eid.AccessKey{{CAN: eid.Private(chip.CAN)}, {Number: key.Number}} {
			l.card.Reset()
			doc, err := reader.Read(context.Background(), l, access, reader.Options{Trust: store, Now: now})
			if err != nil || !strings.HasSuffix(doc.Access, "/CAN") || doc.PA.State != eid.CheckOK || doc.Holder.PersonalNumber != key.Number {
				t.Errorf("%s: %v %s %+v", personality, err, doc.Access, doc.PA)
			}
		}
	}
	l, _, _ := special(t, 2, lds.Spec{Personality: "bac"}, icc.Options{})
	_, err := reader.Read(context.Background(), l, eid.AccessKey{CAN: "123456"}, reader.Options{Trust: store, Now: now})
	if eid.CodeOf(err) != eid.CodeChipAccess {
		t.Error(err)
	}
	for _, bad := range []eid.Private{"12345678901234567", "12 34", "１２３４５６"} {
		if _, err := reader.Read(context.Background(), l, eid.AccessKey{CAN: bad}, reader.Options{Trust: store, Now: now}); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%q: %v", bad.Reveal(), err)
		}
	}
}

// Vietnamese cards list PACE and may refuse it: BAC opens them after the
// application was selected again.
func TestPACEFailsThenBAC(t *testing.T) {
	for _, personality := range []string{"cccd-2021", "cc-2024", "epassport-td3"} {
		l, key, chip := special(t, 0, lds.Spec{Personality: personality}, icc.Options{Fault: "pace-fails"})
		key.CAN = eid.Private(chip.CAN)
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: anchors(t), Now: now})
		if err != nil || doc.Access != "BAC" || doc.PA.State != eid.CheckOK || len(doc.Attempts) < 2 || doc.Attempts[len(doc.Attempts)-1] != "BAC: ok" {
			t.Errorf("%s: %v %s %v", personality, err, doc.Access, doc.Attempts)
		}
		mustNotReadPlain(t, l.sent)
	}
}

// A wrong card access number is tried once; the machine readable zone opens the
// chip then, and the record tells the tries left.
func TestWrongCAN(t *testing.T) {
	store := anchors(t)
	l, key, _ := special(t, 0, lds.Spec{Personality: "cccd-2021"}, icc.Options{Fault: "tries=3"})
	right := key
	key.CAN = "000000"
	doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
	if err != nil || doc.Access != "PACE-GM/MRZ" || len(doc.Attempts) != 2 || !strings.Contains(doc.Attempts[0], "2 tries left") {
		t.Errorf("%v %s %q", err, doc.Access, doc.Attempts)
	}
	for _, a := range doc.Attempts {
		if strings.Contains(a, "000000") || strings.Contains(a, right.Number.Reveal()[3:]) {
			t.Errorf("attempt tells the password: %s", a)
		}
	}
	// Nothing but the CAN: denied, then blocked.
	only := eid.AccessKey{CAN: "000000"}
	want := []eid.Code{eid.CodeChipAccess, eid.CodeChipAccess, eid.CodeChipBlocked, eid.CodeChipBlocked}
	l, _, _ = special(t, 0, lds.Spec{Personality: "pace-gm"}, icc.Options{Fault: "tries=3"})
	for i, code := range want {
		l.card.Reset()
		doc, err := reader.Read(context.Background(), l, only, reader.Options{Trust: store, Now: now})
		if eid.CodeOf(err) != code {
			t.Errorf("try %d: %v %q", i+1, err, doc.Attempts)
		}
		mustNotReadPlain(t, l.sent)
	}
}

// A copy of a card's files without its keys: every proof fails, and the content
// is read all the same.
func TestCopiedChip(t *testing.T) {
	store := anchors(t)
	for personality, fails := range map[string]string{
		"ca": "ok failed no", "ca+secp256r1+3des": "ok failed no", "ca+dh-2+aes-128": "ok failed no", "pace-cam": "ok failed no",
		"aa-ecdsa": "ok no failed", "cccd-2021": "ok failed failed",
	} {
		_, key, chip := special(t, 0, lds.Spec{Personality: personality}, icc.Options{})
		_, _, other := special(t, 1, lds.Spec{Personality: personality}, icc.Options{})
		copied := *chip
		copied.Key = other.Key
		copied.Active = strange(t, chip.Active)
		card, err := icc.New(&copied, icc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := &line{card: card}
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if err != nil || state(doc) != fails || len(doc.Portrait) == 0 {
			t.Errorf("%s: %v\nPA %+v\nCA %+v\nAA %+v", personality, err, doc.PA, doc.CA, doc.AA)
		}
		if strings.Contains(fails, " failed no") && doc.CA.Word != genuine.WordWrongProof {
			t.Errorf("%s: CA %+v", personality, doc.CA)
		}
		mustNotReadPlain(t, l.sent)
	}
}

// strange is a key of the same kind that the issuer did not sign.
func strange(t testing.TB, k *lds.ActiveKey) *lds.ActiveKey {
	t.Helper()
	if k == nil {
		return nil
	}
	other := *k
	if k.RSA != nil {
		var err error
		if other.RSA, err = rsa.GenerateKey(rand.Reader, k.RSA.N.BitLen()); err != nil {
			t.Fatal(err)
		}
		return &other
	}
	other.Private = new(big.Int).Add(k.Private, big.NewInt(1))
	return &other
}

// The key of chip authentication mapping may be in EF.CardSecurity only.
func TestKeyOfCardSecurity(t *testing.T) {
	store := anchors(t)
	l, key, chip := special(t, 0, lds.Spec{Personality: "pace-cam"}, icc.Options{})
	chip.Locked[lds.DG(14)] = true
	doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
	if err != nil || state(doc) != "ok ok no" || doc.CardAccess.State == eid.CheckFailed {
		t.Errorf("%v %+v %+v", err, doc.CA, doc.CardAccess)
	}
	file := chip.Master[lds.EFCardSecurity]
	for _, at := range []int{len(file) - 5, len(file) / 2, 60} {
		file[at] ^= 1
		l.card.Reset()
		doc, err = reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if err != nil || doc.CA.State == eid.CheckOK {
			t.Errorf("changed byte %d: %v %+v", at, err, doc.CA)
		}
		file[at] ^= 1
	}
	delete(chip.Master, lds.EFCardSecurity)
	l.card.Reset()
	doc, err = reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
	if err != nil || state(doc) != "ok failed no" || doc.CA.Word != genuine.WordRefused {
		t.Errorf("without the file: %v %+v", err, doc.CA)
	}
}

// EF.CardAccess changed to offer something else than the issuer signed.
func TestDowngrade(t *testing.T) {
	store := anchors(t)
	for name, c := range map[string]struct {
		change bool
		want   eid.CheckState
	}{"as signed": {false, eid.CheckOK}, "changed": {true, eid.CheckFailed}} {
		l, key, chip := special(t, 0, lds.Spec{Personality: "cccd-2021"}, icc.Options{})
		if c.change {
			_, _, other := special(t, 0, lds.Spec{Personality: "cccd-2021+3des"}, icc.Options{})
			chip.PACE, chip.Master[lds.EFCardAccess] = other.PACE, other.Master[lds.EFCardAccess]
		}
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if err != nil || doc.Access != "PACE-GM/MRZ" || doc.CardAccess.State != c.want {
			t.Errorf("%s: %v %s %+v", name, err, doc.Access, doc.CardAccess)
		}
	}
}

// A copy that hides the keys which its issuer signed fails too.
func TestHiddenKeys(t *testing.T) {
	store := anchors(t)
	for personality, fails := range map[string]string{"ca": "ok failed no", "aa-rsa": "ok no failed", "cccd-2021": "ok failed failed"} {
		l, key, chip := special(t, 0, lds.Spec{Personality: personality}, icc.Options{})
		chip.Locked[lds.DG(14)], chip.Locked[lds.DG(15)] = true, true
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if err != nil || state(doc) != fails {
			t.Errorf("%s: %v %+v %+v", personality, err, doc.CA, doc.AA)
		}
	}
}

// A reader that does not wait for slow cards uses BAC where the chip has it.
func TestAvoidPACE(t *testing.T) {
	store := anchors(t)
	for personality, access := range map[string]string{"cccd-2021": "BAC", "pace-gm": "PACE-GM/MRZ"} {
		l, key, _ := special(t, 0, lds.Spec{Personality: personality}, icc.Options{})
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now, AvoidPACE: true})
		if err != nil || doc.Access != access || doc.PA.State != eid.CheckOK {
			t.Errorf("%s: %v %s %v", personality, err, doc.Access, doc.Attempts)
		}
	}
}
