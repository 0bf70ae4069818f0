package pa

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust"
)

// card makes the content of an emulated card, written by other hands than the
// reader's.
func card(t *testing.T, spec lds.Spec, damage string) *lds.Chip {
	t.Helper()
	p, err := persons.Get(0)
	if err != nil {
		t.Fatal(err)
	}
	var portrait bytes.Buffer
	picture := image.NewGray(image.Rect(0, 0, 240, 320))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i * i / 97) // something to change
	}
	if err := jpeg.Encode(&portrait, picture, nil); err != nil {
		t.Fatal(err)
	}
	c, err := lds.Make(p, portrait.Bytes(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if damage != "" {
		if err := c.Damage(damage); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func testAnchors(t *testing.T) *trust.Store {
	t.Helper()
	roots, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range roots {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := trust.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func judge(t *testing.T, c *lds.Chip, s *trust.Store, state string) eid.Check {
	t.Helper()
	o, err := Parse(c.Files[lds.EFSOD])
	if err != nil {
		t.Fatal(err)
	}
	sums := map[int][]byte{}
	for n := 1; n <= 16; n++ {
		if b := c.Files[lds.DG(n)]; b != nil && o.Lists(n) {
			sums[n] = sum(o.Hash(), b)
		}
	}
	check, _ := o.Verify(Read{sums, state}, s, time.Now())
	return check
}

func TestEmulatedCards(t *testing.T) {
	s := testAnchors(t)
	signatures := []string{"", "rsa-sha1", "rsa-sha256", "rsa-pss-sha256", "rsa-pss-sha512"}
	for _, curve := range []string{"secp192r1", "secp224r1", "secp256r1", "secp384r1", "secp521r1", "brainpoolP192r1", "brainpoolP224r1", "brainpoolP256r1", "brainpoolP320r1", "brainpoolP384r1", "brainpoolP512r1"} {
		signatures = append(signatures, "ecdsa-"+curve+"-sha256", "ecdsa-"+curve+"-sha512")
	}
	for _, signature := range signatures {
		if check := judge(t, card(t, lds.Spec{Signature: signature}, ""), s, "VNM"); check.State != eid.CheckOK || check.Word != "crl-missing" {
			t.Errorf("%s: %+v", signature, check)
		}
	}
	for _, p := range lds.Personalities() {
		spec := lds.Spec{Personality: p.Name}
		state := "VNM"
		if strings.HasPrefix(p.Name, "epassport") {
			state = "UTO"
		}
		if check := judge(t, card(t, spec, ""), s, state); check.State != eid.CheckOK {
			t.Errorf("%s: %+v", p.Name, check)
		}
	}
	for damage, want := range map[string]eid.Check{
		"wrong-hash":     {State: eid.CheckFailed, Word: WordHash},
		"wrong-signer":   {State: eid.CheckFailed, Word: trust.WordIssuerMismatch},
		"unknown-signer": {State: eid.CheckNotPossible, Word: trust.WordNoCSCA},
		"expired-dsc":    {State: eid.CheckFailed, Word: WordNotValid},
	} {
		if check := judge(t, card(t, lds.Spec{}, damage), s, "VNM"); check.State != want.State || check.Word != want.Word {
			t.Errorf("%s: %+v", damage, check)
		}
	}
}
