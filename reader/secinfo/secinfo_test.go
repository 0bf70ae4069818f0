package secinfo

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// set wraps entries given in hexadecimal as SecurityInfos.
func set(t testing.TB, entries ...string) []byte {
	return tlv.Append(nil, 0x31, unhex(t, strings.Join(entries, "")))
}

const (
	gm128      = "3012 060A04007F00070202040202 020102 02010D"
	im3des     = "3012 060A04007F00070202040401 020102 02010C"
	cam256     = "3012 060A04007F00070202040604 020102 020110"
	dhGM       = "3012 060A04007F00070202040104 020102 020102"
	noID       = "300F 060A04007F00070202040202 020102"
	version1   = "3012 060A04007F00070202040202 020101 02010D"
	caAES      = "3012 060A04007F00070202030202 020101 020155"
	ca3DES     = "300F 060A04007F00070202030201 020101"
	terminal   = "300D 060804007F0007020202 020101"
	activeP256 = "3017 0606678108010105 020101 060A04007F00070101040103"
	key        = "3062 060904007F000702020102 3052 300C060704007F0007010202010D 034200 0418727094 94399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8 84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F 02010D"
)

func TestParse(t *testing.T) {
	infos, err := Parse(set(t, gm128, im3des, cam256, dhGM, noID, version1, caAES, ca3DES, terminal, activeP256, key))
	if err != nil {
		t.Fatal(err)
	}
	want := []PACE{
		{Mapping: Generic, Cipher: sm.AES128, Parameter: 13},
		{Mapping: Integrated, Cipher: sm.TDES, Parameter: 12},
		{Mapping: ChipAuth, Cipher: sm.AES256, Parameter: 16},
		{Mapping: Generic, Field: true, Cipher: sm.AES256, Parameter: 2},
		{Mapping: Generic, Cipher: sm.AES128, Parameter: -1},
	}
	if len(infos.PACE) != len(want) {
		t.Fatalf("%d PACE entries", len(infos.PACE))
	}
	for i, w := range want {
		g := infos.PACE[i]
		if g.Mapping != w.Mapping || g.Field != w.Field || g.Cipher != w.Cipher || g.Parameter != w.Parameter || len(g.OID) != 10 {
			t.Errorf("PACE %d: %+v", i, g)
		}
	}
	if len(infos.Chip) != 2 || infos.Chip[0].Cipher != sm.AES128 || string(infos.Chip[0].KeyID) != "\x55" || infos.Chip[1].Cipher != sm.TDES || infos.Chip[1].KeyID != nil {
		t.Errorf("chip authentication %+v", infos.Chip)
	}
	if len(infos.Keys) != 1 || infos.Keys[0].Field || string(infos.Keys[0].KeyID) != "\x0D" || len(infos.Keys[0].SPKI) != 0x54 {
		t.Errorf("keys %+v", infos.Keys)
	}
	if !infos.Terminal || len(infos.ActiveHash) != 10 {
		t.Error("terminal or active authentication is missing")
	}
}

// What is unknown or makes no sense is left out, the rest is read (§9.2).
func TestParseTolerates(t *testing.T) {
	for name, entry := range map[string]string{
		"another protocol":     "300A 06082A864886F70D0101",
		"mapping 5":            "3012 060A04007F00070202040502 020102 02010D",
		"cipher 5":             "3012 060A04007F00070202040205 020102 02010D",
		"CAM with 3DES":        "3012 060A04007F00070202040601 020102 02010D",
		"no version":           "300C 060A04007F00070202040202",
		"not a sequence":       "040400000000",
		"identifier too large": "301B 060A04007F00070202040202 020102 020A00000000000000000001",
		"chip auth version 3":  "300F 060A04007F00070202030202 020103",
		"cut inside":           "3004 060A0400",
	} {
		infos, err := Parse(set(t, entry, gm128))
		if err != nil || len(infos.PACE) != 1 || len(infos.Chip) != 0 {
			t.Errorf("%s: %+v %v", name, infos.PACE, err)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "sequence": unhex(t, "3000"), "cut short": unhex(t, "3114 3012"), "list cut": unhex(t, "3102 3012")} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if infos, err := Parse(unhex(t, "3100")); err != nil || len(infos.PACE) != 0 {
		t.Error(err)
	}
}

func TestDG14(t *testing.T) {
	infos, err := ParseDG14(tlv.Append(nil, 0x6E, set(t, caAES, key)))
	if err != nil || len(infos.Chip) != 1 || len(infos.Keys) != 1 {
		t.Error(err)
	}
	if _, err := ParseDG14(set(t, caAES)); err == nil {
		t.Error("a set without tag 6E was accepted")
	}
}

// EF.CardAccess is not signed: DG14 must repeat what it lists (§4.2).
func TestConfirms(t *testing.T) {
	parse := func(entries ...string) Infos {
		infos, err := Parse(set(t, entries...))
		if err != nil {
			t.Fatal(err)
		}
		return infos
	}
	for name, c := range map[string]struct {
		signed, access Infos
		listed, same   bool
	}{
		"same":             {parse(gm128, caAES), parse(gm128), true, true},
		"fewer shown":      {parse(gm128, cam256), parse(gm128), true, true},
		"another cipher":   {parse(gm128), parse(im3des), true, false},
		"old document":     {parse(caAES), parse(gm128), false, false},
		"no EF.CardAccess": {parse(caAES), Infos{}, false, true},
	} {
		if listed, same := c.signed.Confirms(c.access); listed != c.listed || same != c.same {
			t.Errorf("%s: %v %v", name, listed, same)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(set(f, gm128, cam256))
	f.Add(set(f, caAES, ca3DES, terminal, activeP256, key))
	f.Add([]byte{0x31, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{0x31, 0x02, 0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		infos, err := Parse(b)
		if err != nil {
			return
		}
		for _, p := range infos.PACE {
			if p.Mapping == "" || p.Cipher.KeySize() == 0 || p.Parameter > 127 {
				t.Fatalf("entry without meaning: %+v", p)
			}
		}
	})
}
