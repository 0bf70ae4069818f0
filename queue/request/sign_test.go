package request

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/veraison/go-cose"
)

// elsewhere is a key whose private half is not in this process's hands in the
// shape that go-cose knows: as keys in a TPM or a token are.
type elsewhere struct {
	crypto.Signer
	origin KeyOrigin
	alg    Algorithm
}

func (k elsewhere) Origin() KeyOrigin    { return k.origin }
func (k elsewhere) Algorithm() Algorithm { return k.alg }

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// by fills SignedBy, as Seal does.
func (b Body) by(s Signers) Body {
	b.SignedBy = s.roles()
	return b
}

func signedBy(t testing.TB, s Signers) []byte {
	t.Helper()
	plain, err := Encode(example().by(s))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Sign(s, plain)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestTwoSigners(t *testing.T) {
	chip := elsewhere{ecKey(t, elliptic.P256()), KeyTPM, ES256}
	token := elsewhere{rsaKey(t, 2048), KeyToken, PS256}
	file := vectorKey(t, "file")
	for name, s := range map[string]Signers{
		"device alone":            {Device: chip},
		"ES256 twice":             {Device: chip, Officer: file},
		"ES256 and PS256":         {Device: chip, Officer: token},
		"PS256 and ES256":         {Device: token, Officer: chip},
		"one key in both offices": {Device: chip, Officer: chip},
	} {
		t.Run(name, func(t *testing.T) {
			keys := KnownKeys{Devices: []crypto.PublicKey{s.Device.Public()}}
			if s.Officer != nil {
				keys.Officers = append(keys.Officers, s.Officer.Public())
			}
			signed := signedBy(t, s)
			body, by, err := Verify(keys, "desk-1", signed)
			if err != nil {
				t.Fatal(err)
			}
			want := func(k Signer, got Signature) {
				id, err := KeyID(k.Public())
				if err != nil || got.Algorithm != k.Algorithm() || got.Origin != k.Origin() || !bytes.Equal(got.KeyID, id) {
					t.Errorf("signature %+v, want %s of %s, %v", got, k.Algorithm(), k.Origin(), err)
				}
			}
			want(s.Device, by.Device)
			if (s.Officer == nil) != (by.Officer == nil) || len(body.SignedBy) != len(s.roles()) {
				t.Fatalf("officer %+v, signed by %v", by.Officer, body.SignedBy)
			}
			if s.Officer != nil {
				want(s.Officer, *by.Officer)
			}
			t.Logf("%d bytes over the body", len(signed)-len(by.Signed))
		})
	}
}

// TestSignaturesCannotBeMoved changes who signed what, each time with valid
// signatures over the same bytes.
func TestSignaturesCannotBeMoved(t *testing.T) {
	device, officer := vectorKey(t, "device"), vectorKey(t, "officer")
	s := Signers{Device: device, Officer: officer}
	keys := KnownKeys{Devices: []crypto.PublicKey{device.Public()}, Officers: []crypto.PublicKey{officer.Public()}}
	change := func(f func(m *cose.SignMessage)) []byte {
		m := cose.NewSignMessage()
		if err := m.UnmarshalCBOR(signedBy(t, s)); err != nil {
			t.Fatal(err)
		}
		f(m)
		out, err := m.MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, signed := range map[string][]byte{
		"officer taken away": change(func(m *cose.SignMessage) { m.Signatures = m.Signatures[:1] }),
		"device taken away":  change(func(m *cose.SignMessage) { m.Signatures = m.Signatures[1:] }),
		"officer twice":      change(func(m *cose.SignMessage) { m.Signatures[0] = m.Signatures[1] }),
		"other order":        change(func(m *cose.SignMessage) { m.Signatures[0], m.Signatures[1] = m.Signatures[1], m.Signatures[0] }),
		"a third":            change(func(m *cose.SignMessage) { m.Signatures = append(m.Signatures, m.Signatures[1]) }),
		"signatures exchanged": change(func(m *cose.SignMessage) {
			m.Signatures[0].Signature, m.Signatures[1].Signature = m.Signatures[1].Signature, m.Signatures[0].Signature
		}),
		"roles exchanged":      signedBy(t, Signers{Device: officer, Officer: device}),
		"stranger for officer": signedBy(t, Signers{Device: device, Officer: vectorKey(t, "stranger")}),
		"large CMS": change(func(m *cose.SignMessage) {
			m.Headers.RawUnprotected = nil // or the decoded header is not encoded again
			m.Headers.Unprotected[labelCMS] = make([]byte, maxCMS+1)
		}),
	} {
		if _, _, err := Verify(keys, "desk-1", signed); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	if _, _, err := Verify(keys, "desk-2", signedBy(t, s)); err == nil {
		t.Error("another desk's body verified")
	}
	if _, _, err := Verify(keys, "desk-1", signedBy(t, s)); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	good := vectorKey(t, "device")
	for name, s := range map[string]Signers{
		"nobody":               {},
		"officer alone":        {Officer: good},
		"RSA of 1024 bits":     {Device: elsewhere{rsaKeySmall(t), KeyToken, PS256}},
		"P-384":                {Device: elsewhere{ecKey(t, elliptic.P384()), KeyToken, ES256}},
		"name of another kind": {Device: elsewhere{good.key, KeyTPM, PS256}},
		"unknown name":         {Device: elsewhere{good.key, KeyTPM, "EdDSA"}},
		"bad officer":          {Device: good, Officer: elsewhere{good.key, KeyTPM, "RS256"}},
	} {
		if _, err := Sign(s, []byte("body")); err == nil {
			t.Errorf("%s: signed", name)
		} else if strings.Contains(err.Error(), "body") {
			t.Errorf("%s: the error quotes what was signed: %v", name, err)
		}
	}
	if alg, err := AlgorithmFor(rsaKey(t, 2048).Public()); err != nil || alg != PS256 {
		t.Errorf("algorithm for RSA: %s, %v", alg, err)
	}
	if _, err := AlgorithmFor(ecKey(t, elliptic.P521()).Public()); err == nil {
		t.Error("an algorithm for P-521")
	}
}

// rsaKeySmall is below what the circular allows; the standard library makes none
// of that size without being asked to.
func rsaKeySmall(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	return rsaKey(t, 1024)
}

// A sealer that signs for another key, or in another role, says so.
func TestSealerFollowsTheKeys(t *testing.T) {
	central := vectorSealKey(t, vectorCentral)
	var s Sealer
	for _, c := range []struct{ device, officer string }{{"device", vectorOfficer}, {"device", vectorOfficer}, {"device-2", vectorOfficer}, {vectorOfficer, "device-2"}, {"device", "device"}} {
		device, officer := vectorKey(t, c.device), vectorKey(t, c.officer)
		p, err := s.Prepare(sealedTo(central), example().Request)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := p.Seal(Signers{Device: device, Officer: officer}, example())
		if err != nil {
			t.Fatal(err)
		}
		keys := KnownKeys{Devices: []crypto.PublicKey{device.Public()}, Officers: []crypto.PublicKey{officer.Public()}}
		if _, _, err := Open(central, keys, sealed); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		p.Release()
	}
}
