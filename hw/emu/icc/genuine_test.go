package icc

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/domain"
)

var challenge = []byte{0xF1, 0x73, 0x58, 0x99, 0x74, 0xBF, 0x40, 0xC6}

func openActive(t *testing.T, k *lds.ActiveKey) *icctest.Terminal {
	t.Helper()
	chip := testChip()
	chip.Active = k
	_, terminal := terminalFor(t, chip, Options{})
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	return terminal
}

// TestActiveRSA recovers the message as Doc 9303-11 appendix F does, for every hash.
func TestActiveRSA(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for hash, trailer := range map[crypto.Hash]string{
		crypto.SHA1: "bc", crypto.SHA224: "38cc", crypto.SHA256: "34cc", crypto.SHA384: "36cc", crypto.SHA512: "35cc",
	} {
		terminal := openActive(t, &lds.ActiveKey{RSA: key, Hash: hash})
		s, sw, err := terminal.Protected(insInternal, 0, 0, challenge, 256)
		if err != nil || sw != swOK || len(s) != 128 {
			t.Errorf("%v: %04X, %d bytes, %v", hash, sw, len(s), err)
			continue
		}
		f := new(big.Int).Exp(new(big.Int).SetBytes(s), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, 128))
		end := len(f) - len(trailer)/2
		m1, digest := f[1:end-hash.Size()], f[end-hash.Size():end]
		h := hash.New()
		h.Write(m1)
		h.Write(challenge)
		if f[0] != 0x6A || hex.EncodeToString(f[end:]) != trailer || !bytes.Equal(h.Sum(nil), digest) {
			t.Errorf("%v: message representative %X", hash, f)
		}
	}
}

func TestActiveECDSA(t *testing.T) {
	for name, standard := range map[string]elliptic.Curve{"secp256r1": elliptic.P256(), "secp521r1": elliptic.P521()} {
		curve := group(t, name).(*domain.Curve)
		private := big.NewInt(0x998877665544)
		terminal := openActive(t, &lds.ActiveKey{Curve: curve, Private: private, Hash: crypto.SHA256})
		s, sw, err := terminal.Protected(insInternal, 0, 0, challenge, 256)
		if err != nil || sw != swOK {
			t.Fatalf("%s: %04X, %v", name, sw, err)
		}
		public, err := ecdsa.ParseUncompressedPublicKey(standard, curve.Encode(curve.Power(curve.Generator(), private)))
		if err != nil {
			t.Fatal(err)
		}
		h := crypto.SHA256.New()
		h.Write(challenge)
		n := len(s) / 2
		if n != (curve.Order().BitLen()+7)/8 || !ecdsa.Verify(public, h.Sum(nil), new(big.Int).SetBytes(s[:n]), new(big.Int).SetBytes(s[n:])) {
			t.Errorf("%s: the signature of %d bytes does not fit", name, len(s))
		}
	}
}

func TestActiveRefuses(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k := &lds.ActiveKey{RSA: key, Hash: crypto.SHA256}
	for _, c := range []struct {
		name   string
		p1     byte
		data   []byte
		ne     int
		status uint16
	}{
		{"challenge too short", 0, challenge[:7], 256, swWrongLength},
		{"algorithm named", 1, challenge, 256, swParameters},
		{"extended", 0, challenge, 65536, swOK},
	} {
		if _, sw, err := openActive(t, k).Protected(insInternal, c.p1, 0, c.data, c.ne); err != nil || sw != c.status {
			t.Errorf("%s: %04X, %v, want %04X", c.name, sw, err, c.status)
		}
	}
	if _, sw, err := openCard(t, Options{}).Protected(insInternal, 0, 0, challenge, 256); err != nil || sw != swInstruction {
		t.Errorf("a card without the key: %04X, %v", sw, err)
	}
	chip := testChip()
	chip.Active = k
	_, terminal := terminalFor(t, chip, Options{})
	if _, sw, err := terminal.Plain(append([]byte{0, insInternal, 0, 0, 8}, append(challenge, 0)...)...); err != nil || sw != swLocked {
		t.Errorf("before access: %04X, %v", sw, err)
	}
}
