package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/veraison/go-cose"
)

const kind = "application/vnd.enrold.test"

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ES256": p256, "PS256": pss}
}

func TestSignVerify(t *testing.T) {
	all := keys(t)
	for name, key := range all {
		m, err := Sign(key, kind, []byte("payload"))
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := Verify(key.Public(), kind, m); err != nil || string(got) != "payload" {
			t.Fatalf("%s: Verify = %q, %v", name, got, err)
		}
		if _, err := Verify(key.Public(), kind+"2", m); err == nil {
			t.Errorf("%s: passed for another media type", name)
		}
		for other, k := range all {
			if _, err := Verify(k.Public(), kind, m); other != name && err == nil {
				t.Errorf("%s verified by %s", name, other)
			}
		}
		for i := range m {
			bad := bytes.Clone(m)
			bad[i] ^= 1 << (i % 8)
			if _, err := Verify(key.Public(), kind, bad); err == nil {
				t.Fatalf("%s: byte %d of %d may be changed", name, i, len(m))
			}
		}
	}
}

func TestOtherKeysAreRefused(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{ed, p384} {
		if _, err := Sign(key, kind, nil); err == nil {
			t.Errorf("%T signed", key)
		}
		if _, err := Verify(key.Public(), kind, nil); err == nil {
			t.Errorf("%T verified", key)
		}
	}
}

// An unprotected header is outside the signature: a message with one is refused.
func TestNothingUnsignedRidesAlong(t *testing.T) {
	key := keys(t)["ES256"]
	signed, err := Sign(key, kind, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	m := cose.NewSign1Message()
	if err := m.UnmarshalCBOR(signed); err != nil {
		t.Fatal(err)
	}
	m.Headers.Unprotected = cose.UnprotectedHeader{cose.HeaderLabelIV: []byte("iv")}
	m.Headers.RawUnprotected = nil
	rider, err := m.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(key.Public(), kind, rider); err == nil {
		t.Fatal("a message with an unprotected header was accepted")
	}
}

func FuzzUnverified(f *testing.F) {
	key := keys(f)["ES256"]
	m, err := Sign(key, kind, []byte("payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m)
	f.Add([]byte{0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, err := Unverified(kind, data)
		if err == nil && len(payload) > len(data) {
			t.Fatal("the payload is longer than the message")
		}
	})
}
