package tdes

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// Values of Doc 9303-11 appendix D.
func TestAppendixD(t *testing.T) {
	seed := unhex(t, "0036D272F5C350ACAC50C3F572D23600") // D.3: the session's seed
	if got := KDF(seed, 1); !bytes.Equal(got, unhex(t, "979EC13B1CBFE9DCD01AB0FED307EAE5")) {
		t.Errorf("session key for encryption: %X", got)
	}
	key := KDF(seed, 2)
	if !bytes.Equal(key, unhex(t, "F1CB1F1FB5ADF208806B89DC579DC1F8")) {
		t.Errorf("session key for the checksum: %X", key)
	}
	n := unhex(t, "887022120C06C2270CA4020C800000008709016375432908C044F6") // D.4 step 1
	if got := MAC(key, Pad(n)); !bytes.Equal(got, unhex(t, "BF8B92D635FF24F8")) {
		t.Errorf("checksum: %X", got)
	}
}

func TestPadding(t *testing.T) {
	for n := range 20 {
		data := bytes.Repeat([]byte{0x80}, n)
		padded := Pad(data)
		if got, ok := Unpad(padded); !ok || !bytes.Equal(got, data) || len(padded)%8 != 0 {
			t.Errorf("%d bytes do not come back from %X", n, padded)
		}
	}
	for _, s := range []string{"", "0000000000000000", "8001", "80000000000000000000"} {
		if got, ok := Unpad(unhex(t, s)); ok {
			t.Errorf("%q unpadded to %X", s, got)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
