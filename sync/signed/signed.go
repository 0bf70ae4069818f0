// Package signed is one signature over one document: COSE_Sign1 (RFC 9052
// §4.2) whose protected header binds the algorithm, the signer's key and the
// media type, so that a document of one kind can never pass for another.
package signed

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"

	"github.com/enrold/enrold/queue/request"
)

// Sign returns payload as COSE_Sign1 under key: ECDSA P-256 (ES256) or RSA
// (PS256), in a file or in hardware. The error names no content.
func Sign(key crypto.Signer, mediaType string, payload []byte) ([]byte, error) {
	signed, err := sign(key, mediaType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", mediaType, err)
	}
	return signed, nil
}

func sign(key crypto.Signer, mediaType string, payload []byte) ([]byte, error) {
	alg, err := algorithm(key.Public())
	if err != nil {
		return nil, err
	}
	kid, err := request.KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	signer, err := cose.NewSigner(alg, key)
	if err != nil {
		return nil, err
	}
	m := cose.NewSign1Message()
	m.Payload = payload
	m.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm:   alg,
		cose.HeaderLabelContentType: mediaType,
		cose.HeaderLabelKeyID:       kid,
	}
	if err := m.Sign(rand.Reader, nil, signer); err != nil {
		return nil, err
	}
	return m.MarshalCBOR()
}

// Verify returns the payload of a message that the owner of pub signed as
// mediaType. The caller bounds the message's length.
func Verify(pub crypto.PublicKey, mediaType string, message []byte) ([]byte, error) {
	m, err := parse(mediaType, message)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", mediaType, err)
	}
	alg, err := algorithm(pub)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", mediaType, err)
	}
	verifier, err := cose.NewVerifier(alg, pub)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", mediaType, err)
	}
	if err := m.Verify(nil, verifier); err != nil {
		return nil, fmt.Errorf("verify %s: %w", mediaType, err)
	}
	return m.Payload, nil
}

// Unverified returns the payload of a message whose signer is not known yet: it
// serves to find whose key verifies, and for nothing else.
func Unverified(mediaType string, message []byte) ([]byte, error) {
	m, err := parse(mediaType, message)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", mediaType, err)
	}
	return m.Payload, nil
}

// KeyID returns the id of the key that a message names as its signer's; only
// [Verify] proves it.
func KeyID(mediaType string, message []byte) ([]byte, error) {
	m, err := parse(mediaType, message)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", mediaType, err)
	}
	kid, ok := m.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok || len(kid) != request.HashSize {
		return nil, fmt.Errorf("read %s: no key id", mediaType)
	}
	return kid, nil
}

func parse(mediaType string, message []byte) (*cose.Sign1Message, error) {
	m := cose.NewSign1Message()
	if err := m.UnmarshalCBOR(message); err != nil {
		return nil, fmt.Errorf("not a COSE_Sign1 message (%T)", err)
	}
	if m.Headers.Protected[cose.HeaderLabelContentType] != mediaType {
		return nil, errors.New("signed content is of another type")
	}
	// Nothing may ride along that is not signed.
	if len(m.Headers.Unprotected) != 0 {
		return nil, errors.New("message has unprotected headers")
	}
	return m, nil
}

func algorithm(pub crypto.PublicKey) (cose.Algorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return cose.AlgorithmES256, nil
		}
	case *rsa.PublicKey:
		return cose.AlgorithmPS256, nil // go-cose refuses keys under 2048 bits
	}
	return 0, errors.New("key is neither ECDSA P-256 nor RSA")
}
