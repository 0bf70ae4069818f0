package main

import (
	"bytes"
	"crypto/sha1"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
)

// openAny proves access to chip as it wants it and selects the application.
func openAny(t *testing.T, terminal *icctest.Terminal, chip *lds.Chip) (icctest.Proof, bool) {
	t.Helper()
	if len(chip.PACE) == 0 {
		sw, err := terminal.Open(chip.BAC)
		if err != nil || sw != 0x9000 {
			t.Errorf("basic access control: %04X, %v", sw, err)
		}
		return icctest.Proof{}, err == nil && sw == 0x9000
	}
	password, secret := icctest.MRZ, sha1.Sum([]byte(chip.BAC))
	f := secret[:]
	if chip.CAN != "" {
		password, f = icctest.CAN, []byte(chip.CAN)
	}
	proof, sw, err := terminal.PACE(chip.PACE[0], password, f)
	if err != nil || sw != 0x9000 {
		t.Errorf("PACE: %04X, %v", sw, err)
		return proof, false
	}
	_, sw, err = terminal.Protected(0xA4, 0x04, 0x0C, []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}, 0)
	if err != nil || sw != 0x9000 {
		t.Errorf("select application: %04X, %v", sw, err)
	}
	return proof, err == nil && sw == 0x9000
}

// TestPersonalities inserts each kind of card, opens it through pcscd, proves that
// the chip is genuine where it can, and reads a file.
func TestPersonalities(t *testing.T) {
	d := start(t)
	for _, name := range []string{
		"bac", "pace-gm", "pace-gm+dh-2+3des", "pace-gm+secp521r1+aes-256", "pace-im", "pace-cam", "pace-cam+brainpoolP384r1+aes-192",
		"ca", "ca+dh-2", "aa-rsa", "aa-ecdsa", "dg3-protected", "cccd-2021", "cccd-no-cardaccess", "cc-2024", "epassport-td3",
	} {
		t.Run(name, func(t *testing.T) {
			if err := d.send(t, control.Command{Do: "insert", Person: 1, Personality: name}); err != nil {
				t.Fatal(err)
			}
			chip, err := lds.LoadSpec(1, d.photos, lds.Spec{Personality: name})
			if err != nil {
				t.Fatal(err)
			}
			_, card := connect(t)
			terminal := &icctest.Terminal{Transmit: card.Transmit}
			began := time.Now()
			proof, opened := openAny(t, terminal, chip)
			if !opened {
				return
			}
			t.Logf("access in %v", time.Since(began))
			if strings.HasPrefix(name, "pace-cam") && !proof.Fits(chip.Key.Group, chip.Key.Public()) {
				t.Error("the chip does not prove its key")
			}
			if chip.Active != nil {
				signature, sw, err := terminal.Protected(0x88, 0, 0, []byte("CHALLENG"), 256)
				if err != nil || sw != 0x9000 || len(signature) < 64 {
					t.Errorf("active authentication: %04X, %d bytes, %v", sw, len(signature), err)
				}
			}
			if chip.Key != nil && len(chip.Key.Ciphers) > 0 {
				if sw, err := terminal.ChipAuthentication(chip.Key, chip.Key.Ciphers[0], false); err != nil || sw != 0x9000 {
					t.Errorf("chip authentication: %04X, %v", sw, err)
				}
			}
			if got, sw, err := terminal.Protected(0xB0, 0x81, 0, nil, 256); err != nil || sw != 0x9000 || !bytes.Equal(got, chip.Files[lds.DG(1)]) {
				t.Errorf("DG1: %04X, %d bytes, %v", sw, len(got), err)
			}
		})
	}
}

// TestPulledAtCommand pulls the card at its fifth command; the next card works.
func TestPulledAtCommand(t *testing.T) {
	d := start(t)
	if err := d.send(t, control.Command{Do: "insert", Fault: "removal@5"}); err != nil {
		t.Fatal(err)
	}
	chip, err := lds.Load(0, "citizen", d.photos)
	if err != nil {
		t.Fatal(err)
	}
	ctx, card := connect(t)
	terminal := &icctest.Terminal{Transmit: card.Transmit}
	if sw, err := terminal.Open(chip.BAC); err != nil || sw != 0x9000 {
		t.Fatalf("%04X, %v", sw, err)
	}
	if _, sw, err := terminal.Protected(0xB0, 0x9E, 0, nil, 8); err != nil || sw != 0x9000 {
		t.Fatalf("fourth command: %04X, %v", sw, err)
	}
	began := time.Now()
	if _, _, err := terminal.Protected(0xB0, 0x81, 0, nil, 8); err == nil {
		t.Error("a pulled card answers")
	}
	readers, err := ctx.ListReaders()
	if err != nil {
		t.Fatal(err)
	}
	states := []scard.ReaderState{{Reader: readers[0], CurrentState: scard.StatePresent}}
	if err := ctx.GetStatusChange(states, 2*time.Second); err != nil || states[0].EventState&scard.StateEmpty == 0 {
		t.Errorf("the reader is not empty: %v, %v", states[0].EventState, err)
	}
	t.Logf("removal seen after %v", time.Since(began))
	if err := d.send(t, control.Command{Do: "insert"}); err != nil {
		t.Fatal(err)
	}
	_, card = connect(t)
	terminal = &icctest.Terminal{Transmit: card.Transmit}
	if sw, err := terminal.Open(chip.BAC); err != nil || sw != 0x9000 {
		t.Errorf("the next card: %04X, %v", sw, err)
	}
}

// TestStartedPersonality keeps the kind of card of the command line for cards
// that are inserted without one.
func TestStartedPersonality(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "p.jpg")
	d := prepare(t)
	photo, err := filepath.Glob(filepath.Join(d.photos, "*", "1.jpg"))
	if err != nil || len(photo) == 0 {
		t.Fatal(err)
	}
	b, err := os.ReadFile(photo[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(picture, b, 0o600); err != nil {
		t.Fatal(err)
	}
	d.cmd.Args = append(d.cmd.Args, "--person", "0", "--personality", "pace-gm", "--pace-curve", "secp256r1",
		"--pace-cipher", "aes-256", "--signature", "rsa-pss-sha256", "--pad-dg2", "20000", "--portrait", picture)
	d.launch(t, filepath.Join(d.run, "pcscd", "pcscd.comm"))
	spec := lds.Spec{Personality: "pace-gm", Curve: "secp256r1", Cipher: "aes-256", Signature: "rsa-pss-sha256", PadDG2: 20000}
	for person := range 2 {
		if person == 1 {
			if err := d.send(t, control.Command{Do: "insert", Person: 1}); err != nil {
				t.Fatal(err)
			}
		}
		chip, err := lds.LoadSpec(person, d.photos, spec)
		if err != nil {
			t.Fatal(err)
		}
		_, card := connect(t)
		terminal := &icctest.Terminal{Transmit: card.Transmit}
		if _, opened := openAny(t, terminal, chip); !opened {
			continue
		}
		got, sw, err := terminal.Protected(0xB0, 0x82, 0, nil, 65536)
		if err != nil || sw != 0x9000 || !bytes.Equal(got, chip.Files[lds.DG(2)]) || len(got) < 20000 {
			t.Errorf("person %d: DG2 of %d bytes, %04X, %v", person, len(got), sw, err)
		}
	}
	for _, c := range []control.Command{{Do: "insert", Personality: "no-such"}, {Do: "insert", Personality: "cccd-2021", Document: "foreigner"}, {Do: "insert", Curve: "curve25519"}} {
		if err := d.send(t, c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestList(t *testing.T) {
	var b strings.Builder
	if err := printList(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cccd-2021", "pace-cam", "brainpoolP512r1", "dh-2", "removal@N", "wrong-signer", "aes-192", "CAN 000202", "IDVNM0850002025099085000202<<1|8508258M4508250VNM<<<<<<<<<<<2"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the list lacks %s", want)
		}
	}
}
