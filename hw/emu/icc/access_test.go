package icc

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/domain"
)

const exampleCAN = "123456"

// paceChip is testChip with PACE in place of basic access control.
func paceChip(p ...lds.PACE) *lds.Chip {
	chip := testChip()
	chip.NoMasterFile, chip.NoBAC = false, true
	chip.CAN, chip.PACE = exampleCAN, p
	chip.Master[lds.EFCardAccess] = []byte("EF.CardAccess")
	chip.Master[lds.EFCardSecurity] = []byte("EF.CardSecurity")
	return chip
}

func terminalFor(t testing.TB, chip *lds.Chip, o Options) (*Card, *icctest.Terminal) {
	t.Helper()
	card, err := New(chip, o)
	if err != nil {
		t.Fatal(err)
	}
	return card, &icctest.Terminal{Transmit: func(b []byte) ([]byte, error) { return card.Process(b), nil }}
}

// secret is f(π) of a password of the test chip.
func secret(password byte) []byte {
	if password == icctest.CAN {
		return []byte(exampleCAN)
	}
	h := sha1.Sum([]byte(exampleMRZ))
	return h[:]
}

func openPACE(t testing.TB, terminal *icctest.Terminal, p lds.PACE, password byte) icctest.Proof {
	t.Helper()
	proof, sw, err := terminal.PACE(p, password, secret(password))
	if err != nil || sw != swOK {
		t.Fatalf("PACE: %04X, %v", sw, err)
	}
	return proof
}

// ways lists every way that PACE is defined for: all domain parameters with one
// cipher, all ciphers with one curve and one group.
func ways() []lds.PACE {
	var out []lds.PACE
	for _, g := range domain.Groups() {
		for _, m := range []lds.Mapping{lds.Generic, lds.Integrated, lds.ChipAuthentication} {
			for c := lds.TDES; c <= lds.AES256; c++ {
				_, curve := g.(*domain.Curve)
				switch {
				case m == lds.Integrated && g.Name() == "secp224r1", m == lds.ChipAuthentication && (!curve || c == lds.TDES):
				case c == lds.AES128, g.Name() == "brainpoolP256r1", g.Name() == "dh-0" && c == lds.TDES:
					out = append(out, lds.PACE{Mapping: m, Group: g, Cipher: c})
				}
			}
		}
	}
	return out
}

// TestPACE opens a card in every way, with both passwords in turn, and reads.
func TestPACE(t *testing.T) {
	for i, p := range ways() {
		name := fmt.Sprintf("mapping %d, %s, cipher %d", p.Mapping, p.Group.Name(), p.Cipher)
		chip := paceChip(p)
		chip.Key = &lds.ChipKey{Group: p.Group, Private: big.NewInt(0x102030405), ID: p.Group.ID()}
		_, terminal := terminalFor(t, chip, Options{})
		proof := openPACE(t, terminal, p, byte(1+i%2))
		if p.Mapping == lds.ChipAuthentication && !proof.Fits(p.Group, chip.Key.Public()) {
			t.Errorf("%s: the chip does not prove its key", name)
		}
		if got, sw, err := terminal.Protected(insReadBinary, 0x9D, 0, nil, 15); err != nil || sw != swOK || string(got) != "EF.CardSecurity" {
			t.Errorf("%s: EF.CardSecurity: %04X, %q, %v", name, sw, got, err)
		}
		if _, sw, err := terminal.Protected(insSelect, 0x04, 0x0C, applicationID, 0); err != nil || sw != swOK {
			t.Errorf("%s: select application: %04X, %v", name, sw, err)
		}
		if got, sw, err := terminal.Protected(insReadBinary, 0x82, 0, nil, 3000); err != nil || sw != swOK || !bytes.Equal(got, chip.Files[lds.DG(2)][:3000]) {
			t.Errorf("%s: DG2: %04X, %d bytes, %v", name, sw, len(got), err)
		}
	}
}

// TestChipAuthentication restarts a session in every way, reads on, and finds
// that a wrong key leaves the session as it was.
func TestChipAuthentication(t *testing.T) {
	for _, g := range domain.Groups() {
		for c := lds.TDES; c <= lds.AES256; c++ {
			if c != lds.AES128 && g.Name() != "brainpoolP256r1" && g.Name() != "dh-2" {
				continue
			}
			for _, kat := range []bool{false, true} {
				if kat && c != lds.TDES {
					continue
				}
				name := fmt.Sprintf("%s, cipher %d, MSE:Set KAT %v", g.Name(), c, kat)
				chip := testChip()
				chip.Key = &lds.ChipKey{Group: g, Private: big.NewInt(0x102030405), Ciphers: []lds.Cipher{c}, ID: -1}
				_, terminal := terminalFor(t, chip, Options{})
				if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
					t.Fatalf("%04X, %v", sw, err)
				}
				if _, sw, err := terminal.Protected(insManage, 0x41, 0xA6, []byte{0x91, 2, 4, 4}, 0); err != nil || sw != swWrongData {
					t.Errorf("%s: wrong key: %04X, %v", name, sw, err)
				}
				old := *terminal
				if sw, err := terminal.ChipAuthentication(chip.Key, c, kat); err != nil || sw != swOK {
					t.Errorf("%s: %04X, %v", name, sw, err)
					continue
				}
				if got, sw, err := terminal.Protected(insReadBinary, 0x9E, 0, nil, 6); err != nil || sw != swOK || string(got) != "EF.COM" {
					t.Errorf("%s: read in the new session: %04X, %q, %v", name, sw, got, err)
				}
				if _, sw, err := old.Protected(insReadBinary, 0x9E, 0, nil, 6); err != nil || sw != swSMIncorrect {
					t.Errorf("%s: the old session goes on: %04X, %v", name, sw, err)
				}
			}
		}
	}
}

// TestChipWithoutTheKey answers honestly in everything but the static key: the
// session after chip authentication is not the inspection system's.
func TestChipWithoutTheKey(t *testing.T) {
	g := group(t, "secp256r1")
	chip := testChip()
	chip.Key = &lds.ChipKey{Group: g, Private: big.NewInt(42), Ciphers: []lds.Cipher{lds.AES128}, ID: -1}
	_, terminal := terminalFor(t, chip, Options{})
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	real := &lds.ChipKey{Group: g, Private: big.NewInt(43), Ciphers: []lds.Cipher{lds.AES128}, ID: -1}
	if sw, err := terminal.ChipAuthentication(real, lds.AES128, false); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	if _, sw, err := terminal.Protected(insReadBinary, 0x9E, 0, nil, 6); err != nil || sw != swSMIncorrect {
		t.Errorf("a clone reads on: %04X, %v", sw, err)
	}
}

// TestPACEStatus sends plain commands in order to a card with PACE.
func TestPACEStatus(t *testing.T) {
	g := group(t, "brainpoolP256r1")
	p := lds.PACE{Mapping: lds.Generic, Group: g, Cipher: lds.AES128}
	const (
		set   = "0022C1A40F800A04007F00070202040202830101"
		nonce = "10860000027C0000"
	)
	point := fmt.Sprintf("1086000045 7C438141%X00", g.Encode(g.Generator()))
	point = strings.ReplaceAll(point, " ", "")
	for _, c := range []struct{ name, commands, status string }{
		{"set", set, "9000"},
		{"set with the CAN", "0022C1A40F800A04007F00070202040202830102", "9000"},
		{"set with the domain parameters", "0022C1A412800A04007F0007020204020283010184010D", "9000"},
		{"set with an unknown object", "0022C1A412800A04007F00070202040202830101990100", "9000"},
		{"unknown protocol", "0022C1A40F800A04007F00070202040402830101", "6A80"},
		{"other domain parameters", "0022C1A412800A04007F0007020204020283010184010C", "6A88"},
		{"PIN", "0022C1A40F800A04007F00070202040202830103", "6A88"},
		{"no password", "0022C1A40C800A04007F00070202040202", "6A88"},
		{"garbage", "0022C1A4028005", "6A80"},
		{"chip authentication before access", "002241A40C800A04007F00070202030202", "6982"},
		{"without set", nonce, "6985"},
		{"set twice", set + " " + set + " " + nonce, "9000 9000 9000"},
		{"first without chaining", set + " 00860000027C0000", "9000 6883"},
		{"wrong order", set + " " + point, "9000 6A80"},
		{"first with data", set + " 10860000047C02810000", "9000 6A80"},
		{"point off the curve", set + " " + nonce + " " + strings.Replace(point, "8141048B", "8141048A", 1), "9000 9000 6A80"},
		{"another command ends the run", set + " " + nonce + " 00B09C0005 " + point, "9000 9000 9000 6985"},
		{"mapping", set + " " + nonce + " " + point, "9000 9000 9000"},
		{"last too early", set + " " + nonce + " 008600000C7C0A8508000000000000000000", "9000 9000 6883"},
		{"other chained commands", "10A4040C07A0000002471001", "6E00"},
		{"basic access control", "00A4040C07A0000002471001 0084000008", "9000 6985"},
		{"EF.CardAccess", "00A4020C02011C 00B0000000 00B09C0005", "9000 9000 9000"},
		{"EF.CardSecurity before access", "00A4020C02011D 00B09D0000", "6982 6982"},
		{"EF.ATR/INFO", "00A4020C022F01 00B0810000", "9000 9000"},
		{"EF.DIR is not there", "00B09E0000", "6A82"},
		{"select by path of the master file", "00A4000C023F00 00A4000C 00A4030C 00A4020C02011C", "9000 9000 6A86 9000"},
	} {
		_, terminal := terminalFor(t, paceChip(p), Options{})
		var got []string
		for _, s := range strings.Fields(c.commands) {
			_, sw, err := terminal.Plain(unhex(t, s)...)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%04X", sw))
		}
		if s := strings.Join(got, " "); s != c.status {
			t.Errorf("%s: %s, want %s", c.name, s, c.status)
		}
	}
}

// TestTries uses up the retry counter of one password; the other keeps its own.
func TestTries(t *testing.T) {
	p := lds.PACE{Mapping: lds.Generic, Group: group(t, "secp256r1"), Cipher: lds.AES256}
	card, terminal := terminalFor(t, paceChip(p), Options{Fault: "tries=3"})
	wrong := func(want uint16) {
		t.Helper()
		if _, sw, err := terminal.PACE(p, icctest.CAN, []byte("000000")); err != nil || sw != want {
			t.Errorf("wrong number: %04X, %v, want %04X", sw, err, want)
		}
	}
	wrong(0x63C2)
	card.Reset() // a counter survives
	wrong(0x63C1)
	openPACE(t, terminal, p, icctest.CAN) // success restores it
	card.Reset()
	for _, want := range []uint16{0x63C2, 0x63C1, swBlocked, swBlocked} {
		wrong(want)
	}
	openPACE(t, terminal, p, icctest.MRZ)

	_, terminal = terminalFor(t, paceChip(p), Options{})
	for range 3 {
		wrong(swAuthFailed)
	}
}

// TestExtendedLengthsAreStated reads EF.ATR/INFO of cards of several sizes.
func TestExtendedLengthsAreStated(t *testing.T) {
	for _, c := range []struct {
		most int
		info string
		last byte // third byte of the capabilities
	}{
		{256, "470394 0180", 0x80},
		{1000, "4703940 1E0 7F6608 020203E8 020203E8", 0xE0},
		{0, "47039401E0 7F660A 020300FFFD 020300FFFD", 0xE0},
	} {
		card, terminal := terminalFor(t, paceChip(), Options{MaxResponse: c.most})
		card.chip.Master = nil
		got, sw, err := terminal.Plain(0x00, insReadBinary, 0x81, 0, 0)
		if want := unhex(t, strings.ReplaceAll(c.info, " ", "")); err != nil || sw != swOK || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %X, %04X, %v, want %X", c.most, got, sw, err, want)
		}
		atr := card.ATR()
		var check byte
		for _, b := range atr[1:] {
			check ^= b
		}
		if check != 0 || atr[8] != c.last {
			t.Errorf("%d bytes: ATR %X", c.most, atr)
		}
	}
}

func word(b []byte) uint16 { return binary.BigEndian.Uint16(b[len(b)-2:]) }
