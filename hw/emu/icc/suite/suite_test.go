package suite

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/enrold/enrold/hw/emu/lds"
)

// TestAppendixD has the values of Doc 9303-11 appendix D.
func TestAppendixD(t *testing.T) {
	s := For(lds.TDES)
	seed := unhex(t, "0036D272F5C350ACAC50C3F572D23600") // D.3: the session's seed
	if got := s.KDF(seed, 1); !bytes.Equal(got, unhex(t, "979EC13B1CBFE9DCD01AB0FED307EAE5")) {
		t.Errorf("session key for encryption: %X", got)
	}
	key := s.KDF(seed, 2)
	if !bytes.Equal(key, unhex(t, "F1CB1F1FB5ADF208806B89DC579DC1F8")) {
		t.Errorf("session key for the checksum: %X", key)
	}
	n := unhex(t, "887022120C06C2270CA4020C800000008709016375432908C044F6") // D.4 step 1
	if got := s.MAC(key, s.Pad(n)); !bytes.Equal(got, unhex(t, "BF8B92D635FF24F8")) {
		t.Errorf("checksum: %X", got)
	}
}

// TestCMAC has the examples of NIST SP 800-38B D.1 to D.3, cut to 8 bytes.
func TestCMAC(t *testing.T) {
	message := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for _, c := range []struct {
		cipher lds.Cipher
		key    string
		macs   [4]string // of 0, 16, 40 and 64 bytes
	}{
		{lds.AES128, "2b7e151628aed2a6abf7158809cf4f3c", [4]string{"bb1d6929e9593728", "070a16b46b4d4144", "dfa66747de9ae630", "51f0bebf7e3b9d92"}},
		{lds.AES192, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", [4]string{"d17ddf46adaacde5", "9e99a7bf31e71090", "8a1de5be2eb31aad", "a1d5df0eed790f79"}},
		{lds.AES256, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", [4]string{"028962f61b7bf89e", "28a7023f452e8f82", "aaf3d8f1de5640c2", "e1992190549f6ed5"}},
	} {
		for i, n := range []int{0, 16, 40, 64} {
			if got := For(c.cipher).Token(unhex(t, c.key), message[:n]); !bytes.Equal(got, unhex(t, c.macs[i])) {
				t.Errorf("cipher %d, %d bytes: %x, want %s", c.cipher, n, got, c.macs[i])
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for c, want := range map[lds.Cipher][3]int{lds.TDES: {8, 16, 16}, lds.AES128: {16, 16, 16}, lds.AES192: {16, 24, 32}, lds.AES256: {16, 32, 32}} {
		s := For(c)
		if got := [3]int{s.Block(), s.KeySize(), s.NonceSize()}; got != want || len(s.KDF([]byte("secret"), 1)) != want[1] {
			t.Errorf("cipher %d: block, key and nonce have %v bytes, want %v", c, got, want)
		}
		data := bytes.Repeat([]byte{7}, 64)
		key, iv := s.KDF(nil, 1), bytes.Repeat([]byte{1}, s.Block())
		if got := s.Decrypt(key, iv, s.Encrypt(key, iv, data)); !bytes.Equal(got, data) {
			t.Errorf("cipher %d: data does not come back", c)
		}
	}
}

func TestPadding(t *testing.T) {
	for _, c := range []lds.Cipher{lds.TDES, lds.AES128} {
		s := For(c)
		for n := range 40 {
			data := bytes.Repeat([]byte{0x80}, n)
			padded := s.Pad(data)
			if got, ok := s.Unpad(padded); !ok || !bytes.Equal(got, data) || len(padded)%s.Block() != 0 {
				t.Errorf("%d bytes do not come back from %X", n, padded)
			}
		}
		for _, bad := range []string{"", "0000000000000000", "8001", "8000000000000000000000000000000000"} {
			if got, ok := s.Unpad(unhex(t, bad)); ok {
				t.Errorf("%q unpadded to %X", bad, got)
			}
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
