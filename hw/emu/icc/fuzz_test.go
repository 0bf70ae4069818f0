package icc

import (
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/enrold/enrold/hw/emu/lds"
)

// FuzzProcess sends any bytes to a fresh card and to an open session: the card
// never panics, answers within its limit, and gives no file away in plain.
func FuzzProcess(f *testing.F) {
	for _, s := range []string{
		"", "00", "00A4040C07A0000002471001", "0084000008", "00B0000000", "00B00000000000",
		"0CB000000D9701048E08ED6705417E96BA5500", "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
		"00A4040C000007A00000024710010000", "00B1001E00000354010000FF", "0CB09E0000008701", "0CB09E0003970106",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		card, terminal := newCard(t, Options{MaxResponse: 4096})
		check := func(answer []byte) {
			if len(answer) < 2 || len(answer) > 4096+2 {
				t.Fatalf("answer of %d bytes", len(answer))
			}
		}
		check(card.Process(raw))
		card.Reset()
		if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
			t.Fatalf("the card does not open afterwards: %04X, %v", sw, err)
		}
		// Nobody without the session's keys gets an answer with data.
		answer := card.Process(raw)
		check(answer)
		if len(answer) > 2 {
			t.Fatalf("%d bytes for an unauthenticated command", len(answer)-2)
		}
	})
}

// FuzzCommands sends a series of commands, each after a byte of length, to a card
// with every mechanism. Without the password none of them opens a session or
// gives away a file that is not free; inside, every decrypted command is
// answered.
func FuzzCommands(f *testing.F) {
	g := group(f, "brainpoolP256r1")
	for _, series := range [][]string{
		{"0022C1A40F800A04007F00070202040202830101", "10860000027C0000", "10860000457C438141" + hex.EncodeToString(g.Encode(g.Generator())) + "00"},
		{"0022C1A412800A04007F0007020204040283010284010D", "10860000027C0000", "10860000147C1281105DD4CBFC96F5453B130D890A1CDBAE3200", "008600000C7C0A8508C2B0BD78D94BA86600"},
		{"00A4020C02011C", "00B09C0000", "00A4020C02011D", "00B09D0000", "00B0810000", "00A4040007A000000247100100", "0084000008"},
		{"002241A6059103040506", "002241A40C800A04007F00070202030202", "00860000067C0480020404", "008800000800000000000000000000"},
	} {
		var b []byte
		for _, s := range series {
			one := unhex(f, s)
			b = append(append(b, byte(len(one))), one...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, series []byte) {
		chip := paceChip(lds.PACE{Mapping: lds.Generic, Group: g, Cipher: lds.AES128}, lds.PACE{Mapping: lds.Integrated, Group: g, Cipher: lds.AES128})
		chip.Key = &lds.ChipKey{Group: g, Private: big.NewInt(7), Ciphers: []lds.Cipher{lds.TDES, lds.AES128}, ID: 13}
		chip.NoBAC = false
		outside, _ := terminalFor(t, chip, Options{MaxResponse: 4096})
		inside, _ := terminalFor(t, chip, Options{MaxResponse: 4096})
		inside.inApp, inside.session = true, newMessaging(threeDES, []byte("secret"))
		for rest := series; len(rest) > 0; {
			n := min(int(rest[0]), len(rest)-1)
			one := rest[1 : 1+n]
			rest = rest[1+n:]
			answer := outside.Process(one)
			if len(answer) < 2 || len(answer) > 4096+2 || outside.session != nil {
				t.Fatalf("answer of %d bytes, session %v", len(answer), outside.session != nil)
			}
			if string(answer[:len(answer)-2]) == "EF.CardSecurity" {
				t.Fatal("EF.CardSecurity is given away")
			}
			if cmd, err := parseCommand(one); err == nil {
				if data, _ := inside.execute(cmd, 4096); len(data) > 4096 {
					t.Fatalf("%d bytes of data", len(data))
				}
			}
		}
	})
}
