package request

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

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

// Verifier knows whose keys are whose. It returns an error for a key id that
// does not belong to the desk in that role.
type Verifier interface {
	Device(desk string, kid []byte) (crypto.PublicKey, error)
	Officer(desk string, kid []byte) (crypto.PublicKey, error)
}

// Signature is what is known of a signature that was verified.
type Signature struct {
	KeyID     []byte    `json:"key_id"`
	Algorithm Algorithm `json:"algorithm"`
	Origin    KeyOrigin `json:"origin"` // as the signer says, under its signature
}

// Signatures of one body. Officer is nil where only the device signed. CMS is
// the officer's detached CMS signature (DER) over Signed; it is carried, not
// verified: see [VerifyCMS].
type Signatures struct {
	Device  Signature
	Officer *Signature
	CMS     []byte
	Signed  []byte // the encoded body: the bytes that all signatures are over
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

// Verify checks every signature of a COSE_Sign message of desk and returns the
// body. A signature too many, missing or of an unknown role is an error.
func Verify(keys Verifier, desk string, signed []byte) (Body, Signatures, error) {
	body, sigs, err := verify(keys, desk, signed)
	if err != nil {
		return Body{}, Signatures{}, fmt.Errorf("verify request: %w", err)
	}
	return body, sigs, nil
}

func verify(keys Verifier, desk string, signed []byte) (Body, Signatures, error) {
	m := cose.NewSignMessage()
	if err := m.UnmarshalCBOR(signed); err != nil {
		return Body{}, Signatures{}, errors.New("not a COSE_Sign message")
	}
	if m.Headers.Protected[cose.HeaderLabelContentType] != contentType {
		return Body{}, Signatures{}, errors.New("signed content is not a request")
	}
	if len(m.Signatures) > 2 {
		return Body{}, Signatures{}, fmt.Errorf("%d signatures, at most 2", len(m.Signatures))
	}
	out := Signatures{Signed: m.Payload}
	var roles []Role
	var verifiers []cose.Verifier
	for i, s := range m.Signatures {
		role, sig, verifier, err := signer(keys, desk, s)
		if err != nil {
			return Body{}, Signatures{}, fmt.Errorf("signature %d: %w", i+1, err)
		}
		if role == RoleDevice {
			out.Device = sig
		} else {
			out.Officer = &sig
		}
		roles, verifiers = append(roles, role), append(verifiers, verifier)
	}
	if err := m.Verify(nil, verifiers...); err != nil {
		return Body{}, Signatures{}, err
	}
	body, err := Decode(m.Payload)
	if err != nil {
		return Body{}, Signatures{}, err
	}
	if !slices.Equal(roles, body.SignedBy) {
		return Body{}, Signatures{}, errors.New("the signers are not those that the body names")
	}
	if body.DeskID != desk {
		return Body{}, Signatures{}, errors.New("the body is another desk's")
	}
	if out.CMS, _ = m.Headers.Unprotected[labelCMS].([]byte); len(out.CMS) > maxCMS {
		return Body{}, Signatures{}, errors.New("the CMS signature is too large")
	}
	return body, out, nil
}

// signer reads one signature's protected header and finds its key.
func signer(keys Verifier, desk string, s *cose.Signature) (Role, Signature, cose.Verifier, error) {
	h := s.Headers.Protected
	kid, _ := h[cose.HeaderLabelKeyID].([]byte)
	origin, _ := h[labelOrigin].(string)
	text, _ := h[labelRole].(string)
	role := Role(text)
	alg, err := h.Algorithm()
	if err != nil || len(kid) == 0 || origin == "" {
		return "", Signature{}, nil, errors.New("algorithm, key id or origin is missing")
	}
	name, err := algorithmNamed(alg)
	if err != nil {
		return "", Signature{}, nil, err
	}
	var pub crypto.PublicKey
	switch role {
	case RoleDevice:
		pub, err = keys.Device(desk, kid)
	case RoleOfficer:
		pub, err = keys.Officer(desk, kid)
	default:
		err = errors.New("unknown role of a signer")
	}
	if err != nil {
		return "", Signature{}, nil, err
	}
	if want, err := KeyID(pub); err != nil || !bytes.Equal(kid, want) {
		return "", Signature{}, nil, errors.New("the registered key has another id")
	}
	v, err := cose.NewVerifier(alg, pub)
	if err != nil {
		return "", Signature{}, nil, err
	}
	return role, Signature{KeyID: kid, Algorithm: name, Origin: KeyOrigin(origin)}, v, nil
}
