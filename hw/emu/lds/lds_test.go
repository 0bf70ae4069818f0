package lds

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/persons"
)

// portrait is a picture with some texture, so that its compressed data is long.
func portrait(t testing.TB) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 120, 160))
	for y := range 160 {
		for x := range 120 {
			img.SetGray(x, y, color.Gray{Y: uint8(x*y + x*7 ^ y*3)})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chips(t testing.TB, i int) (citizen, foreigner *Chip) {
	t.Helper()
	p, err := persons.Get(i)
	if err != nil {
		t.Fatal(err)
	}
	if citizen, err = Citizen(p, portrait(t)); err != nil {
		t.Fatal(err)
	}
	if foreigner, err = Foreigner(p, portrait(t)); err != nil {
		t.Fatal(err)
	}
	return citizen, foreigner
}

func TestMRZ(t *testing.T) {
	// Lines worked out apart from this code, for synthetic persons.
	for _, c := range []struct {
		name string
		got  []string
		want string
	}{
		{
			"unlimited card", td1(persons.Identity{PersonalNumber: "099060000033", NameMRZ: "LE<<VAN<UNG", Birth: "1960-01-01", Sex: "M"}),
			"IDVNM0600000330099060000033<<6 6001010M9912315VNM<<<<<<<<<<<8 LE<<VAN<UNG<<<<<<<<<<<<<<<<<<<",
		},
		{
			"name cut", td1(persons.Identity{PersonalNumber: "099180000066", NameMRZ: "QUACH<<THI<TRUONG<UYEN<PHUONG<THAO<NHI", Birth: "1980-07-10", Expiry: "2040-07-10", Sex: "F"}),
			"IDVNM1800000665099180000066<<1 8007108F4007100VNM<<<<<<<<<<<6 QUACH<<THI<TRUONG<UYEN<PHUONG<",
		},
		{
			"passport", td3(persons.Identity{DocumentNumber: "AB1234567", NameMRZ: "TESTER<<SAM<JO", Birth: "1980-02-29", Expiry: "2030-01-01", Sex: "M", Nationality: "UTO"}),
			"P<UTOTESTER<<SAM<JO<<<<<<<<<<<<<<<<<<<<<<<<< AB12345671UTO8002295M3001019<<<<<<<<<<<<<<04",
		},
	} {
		if got := strings.Join(c.got, " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if got := checkDigit("L898902C3") + checkDigit("740812") + checkDigit("120415") + checkDigit("ZE184226B<<<<<"); got != "6291" {
		t.Errorf("check digits of ICAO's specimen passport: %s, want 6291", got)
	}
}

func TestFilesOfEveryPerson(t *testing.T) {
	for i := range persons.Count {
		citizen, foreigner := chips(t, i)
		for _, c := range []struct {
			chip   *Chip
			tags   []byte // in EF.COM
			length int    // of the machine readable zone
		}{{citizen, []byte{0x61, 0x75, 0x63, 0x6D}, 90}, {foreigner, []byte{0x61, 0x75}, 88}} {
			if got := find(t, c.chip.Files[EFCom], 0x60, 0x5C); !bytes.Equal(got, c.tags) {
				t.Errorf("person %d: EF.COM lists %X, want %X", i, got, c.tags)
			}
			zone := find(t, c.chip.Files[DG(1)], 0x61, 0x5F1F)
			if len(zone) != c.length || len(c.chip.BAC) != 24 {
				t.Errorf("person %d: zone of %d characters, access key of %d", i, len(zone), len(c.chip.BAC))
			}
			record := find(t, c.chip.Files[DG(2)], 0x75, 0x7F61, 0x7F60, 0x5F2E)
			if !bytes.HasPrefix(record, []byte("FAC\x00010\x00")) || !bytes.Equal(record[14+20+12:], portrait(t)) {
				t.Errorf("person %d: facial record does not carry the portrait as it is", i)
			}
			if _, ok := c.chip.Files[DG(3)]; ok {
				t.Errorf("person %d: the chip holds a readable DG3", i)
			}
			checkSecurityObject(t, c.chip, len(c.tags))
		}
		if !citizen.Locked[DG(3)] {
			t.Errorf("person %d: DG3 is not locked", i)
		}
	}
}

func TestPersonalData(t *testing.T) {
	citizen, _ := chips(t, 0)
	got := map[int]string{}
	for rest := find(t, citizen.Files[DG(13)], 0x6D, 0x30); len(rest) > 0; {
		_, item, after, err := ber.Next(rest)
		if err != nil {
			t.Fatal(err)
		}
		_, n, value, err := ber.Next(item)
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > 0 {
			if _, value, _, err = ber.Next(value); err != nil {
				t.Fatal(err)
			}
		}
		got[int(n[0])] = string(value)
		rest = after
	}
	for n, want := range map[int]string{1: "099064000101", 2: "NGUYỄN VĂN AN", 3: "16/05/1964", 4: "Nam", 11: "01/07/2021", 12: "Không thời hạn", 14: ""} {
		if got[n] != want {
			t.Errorf("item %d is %q, want %q", n, got[n], want)
		}
	}
	if len(got) != 16 {
		t.Errorf("%d items, want 16", len(got))
	}
}

// checkSecurityObject recomputes every hash and follows the signature up to the
// test authority.
func checkSecurityObject(t *testing.T, c *Chip, groups int) {
	t.Helper()
	_, der, _, err := ber.Next(c.Files[EFSOD])
	if err != nil {
		t.Fatal(err)
	}
	var info contentInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		t.Fatalf("EF.SOD: %v, %d bytes left", err, len(rest))
	}
	var object ldsSecurityObject
	if _, err := asn1.Unmarshal(info.Content.Encapsulated.Content, &object); err != nil {
		t.Fatal(err)
	}
	if len(object.Hashes) != groups || object.Version != 0 || !info.Content.Encapsulated.Type.Equal(oidLDSSecurityObject) {
		t.Errorf("security object: %d hashes, version %d, type %v", len(object.Hashes), object.Version, info.Content.Encapsulated.Type)
	}
	for _, h := range object.Hashes {
		content, ok := c.Files[DG(h.Number)]
		if want := sha256.Sum256(content); ok && !bytes.Equal(h.Hash, want[:]) {
			t.Errorf("hash of DG%d does not fit", h.Number)
		}
	}
	signer := info.Content.SignerInfos[0]
	set := slices.Clone(signer.SignedAttrs.FullBytes)
	set[0] = 0x31
	certificate, err := x509.ParseCertificate(info.Content.Certificates.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(set)
	if !ecdsa.VerifyASN1(certificate.PublicKey.(*ecdsa.PublicKey), digest[:], signer.Signature) {
		t.Error("signature of the security object does not fit")
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: authorities(t), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("document signer: %v", err)
	}
}

func authorities(t *testing.T) *x509.CertPool {
	t.Helper()
	files, err := CSCA()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, b := range files {
		block, _ := pem.Decode(b)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(certificate.Subject.String(), "not for production") || strings.Contains(string(b), "PRIVATE") {
			t.Errorf("%s does not look like a test authority's certificate", name)
		}
		pool.AddCert(certificate)
	}
	return pool
}

// TestOpenSSL lets an implementation of CMS that is not ours check the
// signature, the attributes and the chain.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	files, err := CSCA()
	if err != nil {
		t.Fatal(err)
	}
	citizen, foreigner := chips(t, 1)
	for ca, c := range map[string]*Chip{"csca-vn.crt.pem": citizen, "csca-ut.crt.pem": foreigner} {
		_, cms, _, err := ber.Next(c.Files[EFSOD])
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"sod": cms, "ca": files[ca]} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-inform", "DER", "-in", filepath.Join(dir, "sod"),
			"-CAfile", filepath.Join(dir, "ca"), "-purpose", "any", "-binary", "-out", os.DevNull).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", ca, err, out)
		}
	}
}

// find follows a path of tags into nested objects.
func find(t *testing.T, data []byte, path ...uint32) []byte {
	t.Helper()
	for _, want := range path {
		for {
			tag, value, rest, err := ber.Next(data)
			if err != nil {
				t.Fatalf("tag %X: %v", want, err)
			}
			if tag == want {
				data = value
				break
			}
			data = rest
		}
	}
	return data
}
