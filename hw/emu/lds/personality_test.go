package lds

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/lds/domain"
	"github.com/enrold/enrold/hw/emu/persons"
)

func makeChip(t testing.TB, s Spec) *Chip {
	t.Helper()
	p, err := persons.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Make(p, portrait(t), s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return c
}

func TestPersonalities(t *testing.T) {
	for _, c := range []struct {
		name          string
		tags          string // of EF.COM
		bac           bool
		pace          []string // object identifiers
		can           string
		chip, active  bool
		noMasterFile  bool
		groupsInClear int
	}{
		{"bac", "6175636d", true, nil, "", false, false, false, 3},
		{"pace-gm", "6175636d6e", false, []string{"0.4.0.127.0.7.2.2.4.2.2"}, "000202", false, false, false, 4},
		{"pace-im", "6175636d6e", false, []string{"0.4.0.127.0.7.2.2.4.4.2"}, "000202", false, false, false, 4},
		{"pace-im+dh-2+3des", "6175636d6e", false, []string{"0.4.0.127.0.7.2.2.4.3.1"}, "000202", false, false, false, 4},
		{"pace-gm+dh-2+aes-256", "6175636d6e", false, []string{"0.4.0.127.0.7.2.2.4.1.4"}, "000202", false, false, false, 4},
		{"pace-cam+aes-192", "6175636d6e", false, []string{"0.4.0.127.0.7.2.2.4.6.3", "0.4.0.127.0.7.2.2.4.2.3"}, "000202", true, false, false, 4},
		{"ca+dh-1", "6175636d6e", true, nil, "", true, false, false, 4},
		{"aa-rsa", "6175636d6f", true, nil, "", false, true, false, 4},
		{"aa-ecdsa", "6175636d6e6f", true, nil, "", false, true, false, 5},
		{"dg3-protected", "6175636d6e", true, nil, "", true, false, false, 4},
		{"cccd-2021", "6175636d6e6f", true, []string{"0.4.0.127.0.7.2.2.4.2.2"}, "000202", true, true, true, 5},
		{"cccd-no-cardaccess", "6175636d6e6f", true, nil, "", true, true, true, 5},
		{"cc-2024", "6175636d6e6f", true, []string{"0.4.0.127.0.7.2.2.4.2.2"}, "000202", true, true, true, 5},
		{"epassport-td3", "6175676b6c6e6f", true, []string{"0.4.0.127.0.7.2.2.4.2.2"}, "", true, true, false, 7},
	} {
		chip := makeChip(t, Spec{Personality: c.name})
		if got := find(t, chip.Files[EFCom], 0x60, 0x5C); !bytes.Equal(got, unhex(t, c.tags)) {
			t.Errorf("%s: EF.COM lists %x, want %s", c.name, got, c.tags)
		}
		if chip.NoBAC == c.bac || chip.CAN != c.can || chip.NoMasterFile != c.noMasterFile || (chip.Key != nil) != c.chip || (chip.Active != nil) != c.active {
			t.Errorf("%s: access or keys are not as they should be", c.name)
		}
		if n := len(chip.Files) - 2; n != c.groupsInClear {
			t.Errorf("%s: %d data groups can be read, want %d", c.name, n, c.groupsInClear)
		}
		var pace []string
		for _, p := range chip.PACE {
			pace = append(pace, p.OID().String())
		}
		if !slices.Equal(pace, c.pace) {
			t.Errorf("%s: PACE %v, want %v", c.name, pace, c.pace)
		}
		checkMaster(t, c.name, chip)
	}
	if len(Personalities()) != 12 {
		t.Errorf("%d personalities: test the new ones too", len(Personalities()))
	}
}

// infosOf splits a SET OF SecurityInfo.
func infosOf(t *testing.T, set []byte) []string {
	t.Helper()
	var raw []asn1.RawValue
	if rest, err := asn1.UnmarshalWithParams(set, &raw, "set"); err != nil || len(rest) > 0 {
		t.Fatalf("security infos %x: %v", set, err)
	}
	var out []string
	for _, r := range raw {
		out = append(out, string(r.FullBytes))
	}
	return out
}

// checkMaster wants EF.CardAccess repeated in DG14 and EF.CardSecurity (Doc
// 9303-11 §9.2.11) and none of the files without need.
func checkMaster(t *testing.T, name string, chip *Chip) {
	t.Helper()
	access, ok := chip.Master[EFCardAccess]
	if ok != (len(chip.PACE) > 0) {
		t.Errorf("%s: EF.CardAccess present: %v", name, ok)
	}
	if !ok {
		return
	}
	within := map[string][]string{"DG14": infosOf(t, find(t, chip.Files[DG(14)], 0x6E))}
	if security, ok := chip.Master[EFCardSecurity]; ok {
		var info contentInfo
		if _, err := asn1.Unmarshal(security, &info); err != nil {
			t.Fatal(err)
		}
		within["EF.CardSecurity"] = infosOf(t, info.Content.Encapsulated.Content)
		if !info.Content.Encapsulated.Type.Equal(oidSecurityObject) {
			t.Errorf("%s: EF.CardSecurity holds %v", name, info.Content.Encapsulated.Type)
		}
	} else if slices.ContainsFunc(chip.PACE, func(p PACE) bool { return p.Mapping == ChipAuthentication }) {
		t.Errorf("%s: no EF.CardSecurity", name)
	}
	for file, infos := range within {
		for _, i := range infosOf(t, access) {
			if !slices.Contains(infos, i) {
				t.Errorf("%s: %s lacks %x of EF.CardAccess", name, file, i)
			}
		}
	}
}

// TestCardAccessToTheByte is PACEInfo of Doc 9303-11 appendix G.1 in a set.
func TestCardAccessToTheByte(t *testing.T) {
	got := makeChip(t, Spec{Personality: "pace-gm"}).Master[EFCardAccess]
	if want := unhex(t, "31143012060A04007F0007020204020202010202010D"); !bytes.Equal(got, want) {
		t.Errorf("EF.CardAccess %X, want %X", got, want)
	}
}

func TestSpecRefuses(t *testing.T) {
	p, err := persons.Get(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Spec{
		{Personality: "no-such"},
		{Personality: "bac+no-such"},
		{Document: "visa"},
		{Curve: "secp256k1"},
		{Cipher: "des"},
		{Signature: "rsa-md5"},
		{Personality: "cccd-2021", Document: "foreigner"},
		{Personality: "epassport-td3", Document: "citizen"},
		{Personality: "pace-cam+dh-2"},
		{Personality: "pace-cam+3des"},
		{Personality: "pace-im+secp224r1"},
		{Personality: "aa-ecdsa+dh-1"},
		{Personality: "aa-ecdsa+sha1"},
		{PadDG2: -1},
		{PadDG2: maxPadding + 1},
		{Signature: "ecdsa-sha256"},
		{Signature: "ecdsa-dh-2-sha256"},
		{Signature: "dsa-sha256"},
		{Signature: "rsa-pss"},
	} {
		if _, err := Make(p, portrait(t), s); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

// TestPadding wants exactly the bytes asked for, in a picture that decodes.
func TestPadding(t *testing.T) {
	plain := portrait(t)
	for _, n := range []int{4, 5, 100, 0xFFFF, 0xFFFF + 1, 0xFFFF + 3, 0xFFFF + 4, 200000} {
		padded, err := padJPEG(plain, n)
		if err != nil || len(padded) != len(plain)+n {
			t.Errorf("%d bytes: %d more, %v", n, len(padded)-len(plain), err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(padded)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := padJPEG([]byte("no picture"), 4); err == nil {
		t.Error("something that is no JPEG is padded")
	}
	if chip := makeChip(t, Spec{PadDG2: 40000}); len(chip.Files[DG(2)]) < 40000 {
		t.Errorf("DG2 has %d bytes", len(chip.Files[DG(2)]))
	}
}

// TestOpenSSLSignatures lets OpenSSL check EF.SOD and EF.CardSecurity for every
// kind of signature. It takes no explicit domain parameters in a chain, so that
// for curves the document signer's certificate is checked apart.
func TestOpenSSLSignatures(t *testing.T) {
	for _, name := range []string{
		"rsa-sha1", "rsa-sha224", "rsa-sha256", "rsa-sha384", "rsa-sha512", "rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512",
		"ecdsa-secp256r1-sha256", "ecdsa-secp224r1-sha224", "ecdsa-secp256r1-sha1", "ecdsa-secp384r1-sha384", "ecdsa-secp521r1-sha512",
		"ecdsa-brainpoolP224r1-sha256", "ecdsa-brainpoolP256r1-sha256", "ecdsa-brainpoolP320r1-sha384", "ecdsa-brainpoolP384r1-sha384", "ecdsa-brainpoolP512r1-sha512",
	} {
		chip := makeChip(t, Spec{Personality: "pace-cam", Signature: name})
		_, cms, _, err := ber.Next(chip.Files[EFSOD])
		if err != nil {
			t.Fatal(err)
		}
		var more []string
		if strings.HasPrefix(name, "ecdsa") && name != "ecdsa-secp256r1-sha256" {
			more = []string{"-noverify"}
		}
		for file, b := range map[string][]byte{"EF.SOD": cms, "EF.CardSecurity": chip.Master[EFCardSecurity]} {
			if out, err := openSSL(t, b, more...); err != nil {
				t.Errorf("%s, %s: %v: %s", name, file, err, out)
			}
			checkCertificate(t, name, b)
		}
	}
}

// checkCertificate verifies the document signer's certificate inside a
// SignedData with the authority's key.
func checkCertificate(t *testing.T, name string, cms []byte) {
	t.Helper()
	var info contentInfo
	if _, err := asn1.Unmarshal(cms, &info); err != nil {
		t.Fatal(err)
	}
	var c certificate
	if _, err := asn1.Unmarshal(info.Content.Certificates.Bytes, &c); err != nil {
		t.Fatal(err)
	}
	authority, err := readCertificate("pki/csca-vn.crt.pem")
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.CheckSignature(x509.ECDSAWithSHA256, c.TBS.FullBytes, c.Signature.Bytes); err != nil {
		t.Errorf("%s: document signer's certificate: %v", name, err)
	}
}

// openSSL verifies a SignedData up to the test authority of Viet Nam, at the
// time of issue.
func openSSL(t *testing.T, cms []byte, more ...string) ([]byte, error) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	files, err := CSCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"cms": cms, "ca": files["csca-vn.crt.pem"]} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	arguments := append([]string{
		"cms", "-verify", "-inform", "DER", "-in", filepath.Join(dir, "cms"),
		"-CAfile", filepath.Join(dir, "ca"), "-attime", "1625097600", "-purpose", "any", "-binary", "-out", os.DevNull,
	}, more...)
	return exec.CommandContext(t.Context(), openssl, arguments...).CombinedOutput()
}

// TestDamages wants each damage to be what it says, as OpenSSL sees it.
func TestDamages(t *testing.T) {
	for _, c := range []struct {
		name string
		want string // of OpenSSL; "" for a signature that is right
	}{
		{"wrong-hash", ""},
		{"garbage-tlv", ""},
		{"huge-length", ""},
		{"wrong-signer", "certificate signature failure"},
		{"unknown-signer", "unable to get local issuer certificate"},
		{"expired-dsc", "certificate has expired"},
	} {
		chip := makeChip(t, Spec{Personality: "cccd-2021", Signature: "rsa-sha256"})
		before := bytes.Clone(chip.Files[DG(2)])
		if err := chip.Damage(c.name); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, cms, _, err := ber.Next(chip.Files[EFSOD])
		if err != nil {
			t.Fatal(err)
		}
		out, err := openSSL(t, cms)
		if (err == nil) != (c.want == "") || !bytes.Contains(out, []byte(c.want)) {
			t.Errorf("%s: OpenSSL says %v: %s", c.name, err, out)
		}
		if changed := !bytes.Equal(before, chip.Files[DG(2)]); changed != (c.name == "wrong-hash" || c.name == "huge-length") {
			t.Errorf("%s: DG2 changed: %v", c.name, changed)
		}
	}
	if err := makeChip(t, Spec{}).Damage("no-such"); err == nil {
		t.Error("an unknown damage is applied")
	}
}

// TestKeysInDG14 reads back what chip authentication needs.
func TestKeysInDG14(t *testing.T) {
	for _, name := range []string{"ca", "ca+dh-2+3des", "pace-cam", "cccd-2021", "aa-ecdsa"} {
		chip := makeChip(t, Spec{Personality: name})
		infos := infosOf(t, find(t, chip.Files[DG(14)], 0x6E))
		if chip.Key == nil {
			if len(infos) != 1 {
				t.Errorf("%s: %d security infos", name, len(infos))
			}
			continue
		}
		explicit, err := domain.KeyInfo(chip.Key.Group, chip.Key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(infos, func(i string) bool { return bytes.Contains([]byte(i), explicit) }) {
			t.Errorf("%s: DG14 lacks the key with explicit parameters", name)
		}
	}
}

// TestPublicKeyInDG15 lets the standard library read the key of RSA.
func TestPublicKeyInDG15(t *testing.T) {
	chip := makeChip(t, Spec{Personality: "aa-rsa"})
	if key, err := x509.ParsePKIXPublicKey(find(t, chip.Files[DG(15)], 0x6F)); err != nil || !chip.Active.RSA.PublicKey.Equal(key) {
		t.Errorf("DG15: %v", err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
