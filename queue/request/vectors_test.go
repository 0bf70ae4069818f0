package request

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// The vectors under testdata are of a synthetic person and of keys that follow
// from the words below: whoever writes another central can make the same keys.
//
//	body.golden.hex    the deterministic CBOR, made again by every run
//	signed.golden.hex  COSE_Sign by device and officer with the officer's CMS
//	sealed.golden.hex  sealed to two central keys
const (
	vectorDevice   = "enrold test vector: device key"
	vectorOfficer  = "enrold test vector: officer key"
	vectorCentral  = "enrold test vector: central key, in use"
	vectorNext     = "enrold test vector: central key, next"
	vectorSigned   = "testdata/signed.golden.hex"
	vectorSealed   = "testdata/sealed.golden.hex"
	vectorNotAfter = "2036-01-01T00:00:00Z"
)

// vectorKey is the P-256 key whose private scalar is SHA-256 of words.
func vectorKey(t testing.TB, words string) *DeviceKey {
	t.Helper()
	d := sha256.Sum256([]byte(words))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
	if err != nil {
		t.Fatal(err)
	}
	return &DeviceKey{key: key}
}

// vectorSealKey is the central key derived (RFC 9180 §7.1.3) from words.
func vectorSealKey(t testing.TB, words string) hpke.PrivateKey {
	t.Helper()
	key, err := SealKEM().DeriveKeyPair([]byte(words))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certify makes a certificate of key by itself.
func certify(t testing.TB, key crypto.Signer, name string) *x509.Certificate {
	t.Helper()
	until, err := time.Parse(time.RFC3339, vectorNotAfter)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: until.AddDate(-20, 0, 0), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeHex(t *testing.T, path string, data []byte) {
	t.Helper()
	var lines strings.Builder
	for len(data) > 0 {
		n := min(40, len(data))
		fmt.Fprintf(&lines, "%x\n", data[:n])
		data = data[n:]
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readHex(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestVectors opens and verifies what an earlier run sealed and signed: readers
// of today's requests must be able to do so for as long as requests are kept.
func TestVectors(t *testing.T) {
	device, officer := vectorKey(t, vectorDevice), vectorKey(t, vectorOfficer)
	centrals := []hpke.PrivateKey{vectorSealKey(t, vectorCentral), vectorSealKey(t, vectorNext)}
	if *update {
		body := example()
		data, err := Encode(body)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := Sign(Signers{Device: device, Officer: officer, Certificate: certify(t, officer, "officer-1")}, data)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := SealBytes(sealedTo(centrals...), body.ident(), signed)
		if err != nil {
			t.Fatal(err)
		}
		writeHex(t, vectorSigned, signed)
		writeHex(t, vectorSealed, sealed)
	}
	keys := KnownKeys{Devices: []crypto.PublicKey{device.Public()}, Officers: []crypto.PublicKey{officer.Public()}}
	sealed, signed, plain := readHex(t, vectorSealed), readHex(t, vectorSigned), readHex(t, "testdata/body.golden.hex")
	for i, central := range centrals {
		body, by, err := Open(central, keys, sealed)
		if err != nil {
			t.Fatalf("central key %d: %v", i+1, err)
		}
		if body.Seq != 7 || by.Officer == nil || by.Officer.Algorithm != ES256 || !bytes.Equal(by.Signed, plain) {
			t.Errorf("central key %d: number %d, officer %v", i+1, body.Seq, by.Officer)
		}
		if c, err := VerifyCMS(by.CMS, by.Signed, nil); err != nil || c.Subject.CommonName != "officer-1" {
			t.Errorf("central key %d: CMS: %v", i+1, err)
		}
	}
	if _, _, err := Verify(keys, "desk-1", signed); err != nil {
		t.Error(err)
	}
}
