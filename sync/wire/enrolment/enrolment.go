// Package enrolment holds the files by which a desk and its officers become
// known to a central, carried by hand or by any channel:
//
//	desk:    Make → request file (certificate request, device key, proofs of possession)
//	central: Verify → a person compares Request.Fingerprint → registry, certificate
//	central: Answer.Marshal → answer file
//	desk:    ParseAnswer → a person compares Answer.Fingerprint → installed
//
// An officer's key takes the same way with [MakeOfficer] and [VerifyOfficer];
// the device vouches for the officer at its desk. All files are deterministic
// CBOR, at most [MaxFile] bytes. Signatures are those of COSE algorithms
// (RFC 9053 §2): ES256 for P-256, PS256 for RSA of 2048 bits and more.
package enrolment

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/veraison/go-cose"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/queue/request"
)

// Version of all files of this package.
const Version = 1

// MaxFile bounds a file of this package.
const MaxFile = 256 << 10

const (
	minRSABits = 2048 // Circular 15/2025/TT-BKHCN
	maxRSABits = 4096 // bounds the work that a stranger's file causes
)

var encMode, decMode = detcbor.Modes(detcbor.Bounds{Depth: 4, Elements: 64, Pairs: 64})

// decode reads a file into v, whose deterministic encoding it must be.
func decode(file []byte, v any) error {
	if len(file) > MaxFile {
		return fmt.Errorf("%d bytes, at most %d", len(file), MaxFile)
	}
	if err := decMode.Unmarshal(file, v); err != nil {
		return fmt.Errorf("malformed CBOR (%T)", err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode again: %w", err)
	}
	if !bytes.Equal(again, file) {
		return errors.New("not the deterministic encoding")
	}
	return nil
}

// Signer is a key that can prove its possession and says where it lives.
type Signer interface {
	crypto.Signer
	Origin() request.KeyOrigin
}

// algorithmOf returns the only algorithm that a key is used with.
func algorithmOf(pub crypto.PublicKey) (cose.Algorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return cose.AlgorithmES256, nil
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			return cose.AlgorithmPS256, nil
		}
	}
	return 0, errors.New("a key is neither ECDSA P-256 nor RSA of 2048 to 4096 bits")
}

// sign signs domain and content by key.
func sign(key crypto.Signer, domain string, content []byte) ([]byte, error) {
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	signer, err := cose.NewSigner(alg, key)
	if err != nil {
		return nil, err
	}
	return signer.Sign(rand.Reader, append([]byte(domain), content...))
}

func verify(pub crypto.PublicKey, domain string, content, signature []byte) error {
	alg, err := algorithmOf(pub)
	if err != nil {
		return err
	}
	verifier, err := cose.NewVerifier(alg, pub)
	if err != nil {
		return err
	}
	return verifier.Verify(append([]byte(domain), content...), signature)
}

func parseKey(spki []byte) (crypto.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, errors.New("a key is not a SubjectPublicKeyInfo")
	}
	if _, err := algorithmOf(pub); err != nil {
		return nil, err
	}
	return pub, nil
}

// fingerprint is what two persons read to each other: SHA-256 over domain and
// parts, each with its length, as eight groups of four hexadecimal digits (128 bits).
func fingerprint(domain string, parts ...[]byte) string {
	h := sha256.New()
	h.Write([]byte(domain))
	for _, p := range parts {
		sum := sha256.Sum256(p)
		h.Write(sum[:])
	}
	text := hex.EncodeToString(h.Sum(nil)[:16])
	var groups []string
	for ; text != ""; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(groups, "-")
}
