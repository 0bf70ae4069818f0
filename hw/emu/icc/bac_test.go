package icc

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/enrold/enrold/hw/emu/lds"
)

// The worked example of Doc 9303-11 appendix D.
const (
	exampleMRZ = "L898902C<369080619406236"
	exampleCom = "60145F0104303130365F36063034303030305C026175"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeyDerivation(t *testing.T) {
	b := newBasicAccess(exampleMRZ, nil) // D.2
	if got := hex.EncodeToString(b.enc); got != "ab94fdecf2674fdfb9b391f85d7f76f2" {
		t.Errorf("K_Enc = %s", got)
	}
	if got := hex.EncodeToString(b.mac); got != "7962d9ece03d1acd4c76089dce131543" {
		t.Errorf("K_MAC = %s", got)
	}
}

// TestAppendixD replays the inspection system's commands of D.3 and D.4 to the
// byte and wants the chip's answers to the byte.
func TestAppendixD(t *testing.T) {
	chip := &lds.Chip{BAC: exampleMRZ, Files: map[uint16][]byte{lds.EFCom: unhex(t, exampleCom)}}
	random := append(unhex(t, "4608F91988702212"), unhex(t, "0B4F80323EB3191CB04970CB4052790B")...)
	card, err := New(chip, Options{Random: bytes.NewReader(random)})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ name, command, want string }{
		{"select application", "00A4040C07A0000002471001", "9000"},
		{"get challenge", "0084000008", "4608F919887022129000"},
		{
			"external authenticate",
			"008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
			"46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000",
		},
		{
			"select EF.COM",
			"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
			"990290008E08FA855A5D4C50A8ED9000",
		},
		{
			"read four bytes",
			"0CB000000D9701048E08ED6705417E96BA5500",
			"8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
		},
		{
			"read the rest",
			"0CB000040D9701128E082EA28A70F3C7B53500",
			"871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
		},
	} {
		if got := card.Process(unhex(t, step.command)); !bytes.Equal(got, unhex(t, step.want)) {
			t.Fatalf("%s: got %X, want %s", step.name, got, step.want)
		}
	}
}
