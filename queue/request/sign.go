package request

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"
)

// Role of a signer of the body.
type Role string

const (
	RoleDevice  Role = "device"
	RoleOfficer Role = "officer"
)

// Signers sign one body: the device that captured and the officer who answers
// for it. Officer may be nil only where the desk's policy allows it; the body
// names who signed it (Body.SignedBy), so that a signature taken away shows.
type Signers struct {
	Device, Officer Signer
	// Certificate of the officer's key. Where it is set, the officer also makes
	// a detached CMS signature over the same bytes, for records offices.
	Certificate *x509.Certificate
}

func (s Signers) roles() []Role {
	if s.Officer == nil {
		return []Role{RoleDevice}
	}
	return []Role{RoleDevice, RoleOfficer}
}

// Header parameters. The texts are our own labels: RFC 9052 §1.4 leaves text
// labels to private use.
const (
	contentType = "application/vnd.enrold.request+cbor"
	labelOrigin = "origin" // protected, of each signer
	labelRole   = "role"   // protected, of each signer
	labelCMS    = "cms"    // unprotected, of the message: it proves itself
)

// maxCMS bounds the officer's CMS signature with its certificate.
const maxCMS = 32 << 10

// Sign wraps an encoded body in a COSE_Sign message (RFC 9052 §4.1): one
// signature for each signer, all over the same bytes.
func Sign(by Signers, body []byte) ([]byte, error) {
	const op = "sign request"
	if by.Device == nil {
		return nil, errors.New(op + ": no device key")
	}
	m := cose.NewSignMessage()
	m.Payload = body
	m.Headers.Protected[cose.HeaderLabelContentType] = contentType
	keys := map[Role]Signer{RoleDevice: by.Device, RoleOfficer: by.Officer}
	var signers []cose.Signer
	for _, role := range by.roles() {
		key := keys[role]
		kid, err := KeyID(key.Public())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		signer, err := coseSigner(key)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", op, role, err)
		}
		s := cose.NewSignature()
		s.Headers.Protected = cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: signer.Algorithm(),
			cose.HeaderLabelKeyID:     kid,
			labelOrigin:               string(key.Origin()),
			labelRole:                 string(role),
		}
		m.Signatures, signers = append(m.Signatures, s), append(signers, signer)
	}
	if by.Officer != nil && by.Certificate != nil {
		der, err := signCMS(by.Officer, by.Certificate, body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		m.Headers.Unprotected[labelCMS] = der
	}
	if err := m.Sign(rand.Reader, nil, signers...); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	signed, err := m.MarshalCBOR()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return signed, nil
}
