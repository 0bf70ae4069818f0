package request

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"
)

// Header parameters of the COSE_Sign1 message, all protected. "origin" is our
// own label: RFC 9052 §1.4 allows text labels for private use.
const (
	contentType = "application/vnd.enrold.request+cbor"
	labelOrigin = "origin"
)

// Sign wraps an encoded body in a COSE_Sign1 message (RFC 9052 §4.2) signed
// with ES256 by the device key.
func Sign(key Signer, body []byte) ([]byte, error) {
	kid, err := KeyID(key.Public())
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	signer, err := cose.NewSigner(cose.AlgorithmES256, key)
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	m := cose.NewSign1Message()
	m.Payload = body
	m.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm:   cose.AlgorithmES256,
		cose.HeaderLabelContentType: contentType,
		cose.HeaderLabelKeyID:       kid,
		labelOrigin:                 string(key.Origin()),
	}
	if err := m.Sign(rand.Reader, nil, signer); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	signed, err := m.MarshalCBOR()
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return signed, nil
}

// Verify checks the signature of a COSE_Sign1 message against the desk's
// registered key and returns the body and where the key lives.
func Verify(pub *ecdsa.PublicKey, signed []byte) (Body, KeyOrigin, error) {
	m := cose.NewSign1Message()
	if err := m.UnmarshalCBOR(signed); err != nil {
		return Body{}, "", errors.New("verify request: not a COSE_Sign1 message")
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmES256, pub)
	if err != nil {
		return Body{}, "", fmt.Errorf("verify request: %w", err)
	}
	if err := m.Verify(nil, verifier); err != nil {
		return Body{}, "", fmt.Errorf("verify request: %w", err)
	}
	kid, err := KeyID(pub)
	if err != nil {
		return Body{}, "", fmt.Errorf("verify request: %w", err)
	}
	if got, _ := m.Headers.Protected[cose.HeaderLabelKeyID].([]byte); !bytes.Equal(got, kid) {
		return Body{}, "", errors.New("verify request: signed with another key id")
	}
	if m.Headers.Protected[cose.HeaderLabelContentType] != contentType {
		return Body{}, "", errors.New("verify request: signed content is not a request")
	}
	origin, _ := m.Headers.Protected[labelOrigin].(string)
	if origin == "" {
		return Body{}, "", errors.New("verify request: key origin is missing")
	}
	body, err := Decode(m.Payload)
	if err != nil {
		return Body{}, "", fmt.Errorf("verify request: %w", err)
	}
	return body, KeyOrigin(origin), nil
}
