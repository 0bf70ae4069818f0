package request

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/veraison/go-cose"
)

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

// Message is a COSE_Sign message that was read and not verified: everything in
// it is a claim.
type Message struct {
	Payload []byte  // the encoded body
	CMS     []byte  // the officer's detached CMS signature, nil without one
	Claims  []Claim // one for each signature, in order

	message *cose.SignMessage
}

// Claim is what a signature says of itself.
type Claim struct {
	Role Role
	Signature
	algorithm cose.Algorithm
}

// ParseMessage reads a COSE_Sign message of one or two signatures.
func ParseMessage(signed []byte) (Message, error) {
	const op = "read signed request"
	m := cose.NewSignMessage()
	if err := m.UnmarshalCBOR(signed); err != nil {
		return Message{}, fmt.Errorf("%s: not a COSE_Sign message (%T)", op, err)
	}
	if m.Headers.Protected[cose.HeaderLabelContentType] != contentType {
		return Message{}, errors.New(op + ": the content is not a request")
	}
	if len(m.Signatures) > 2 {
		return Message{}, fmt.Errorf("%s: %d signatures, at most 2", op, len(m.Signatures))
	}
	out := Message{Payload: m.Payload, message: m}
	if out.CMS, _ = m.Headers.Unprotected[labelCMS].([]byte); len(out.CMS) > maxCMS {
		return Message{}, fmt.Errorf("%s: CMS signature of %d bytes, at most %d", op, len(out.CMS), maxCMS)
	}
	for i, s := range m.Signatures {
		c, err := claim(s.Headers.Protected)
		if err != nil {
			return Message{}, fmt.Errorf("%s: signature %d: %w", op, i+1, err)
		}
		out.Claims = append(out.Claims, c)
	}
	return out, nil
}

// claim reads one signature's protected header.
func claim(h cose.ProtectedHeader) (Claim, error) {
	kid, _ := h[cose.HeaderLabelKeyID].([]byte)
	origin, _ := h[labelOrigin].(string)
	role, _ := h[labelRole].(string)
	alg, err := h.Algorithm()
	if err != nil || len(kid) != HashSize || origin == "" {
		return Claim{}, errors.New("algorithm, key id or origin is missing")
	}
	if Role(role) != RoleDevice && Role(role) != RoleOfficer {
		return Claim{}, errors.New("unknown role of a signer")
	}
	name, err := algorithmNamed(alg)
	if err != nil {
		return Claim{}, err
	}
	return Claim{Role: Role(role), Signature: Signature{KeyID: kid, Algorithm: name, Origin: KeyOrigin(origin)}, algorithm: alg}, nil
}

// VerifyClaim checks signature i against the key that it should be by.
func (m Message) VerifyClaim(i int, pub crypto.PublicKey) error {
	c := m.Claims[i]
	if id, err := KeyID(pub); err != nil || !bytes.Equal(c.KeyID, id) {
		return errors.New("verify signature: it names another key")
	}
	if alg, err := AlgorithmFor(pub); err != nil || alg != c.Algorithm {
		return errors.New("verify signature: the key is not one of its algorithm")
	}
	v, err := cose.NewVerifier(c.algorithm, pub)
	if err != nil {
		return fmt.Errorf("verify signature: %w", err)
	}
	protected, err := m.message.Headers.MarshalProtected()
	if err != nil {
		return fmt.Errorf("verify signature: %w", err)
	}
	if err := m.message.Signatures[i].Verify(v, protected, m.Payload, nil); err != nil {
		return fmt.Errorf("verify signature: %w", err)
	}
	return nil
}

// Body decodes the payload and holds its signers against the claims.
func (m Message) Body() (Body, error) {
	body, err := Decode(m.Payload)
	if err != nil {
		return Body{}, err
	}
	roles := make([]Role, len(m.Claims))
	for i, c := range m.Claims {
		roles[i] = c.Role
	}
	if !slices.Equal(roles, body.SignedBy) {
		return Body{}, errors.New("the signers are not those that the body names")
	}
	return body, nil
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
	m, err := ParseMessage(signed)
	if err != nil {
		return Body{}, Signatures{}, err
	}
	out := Signatures{Signed: m.Payload, CMS: m.CMS}
	for i, c := range m.Claims {
		lookup := keys.Device
		if c.Role == RoleOfficer {
			lookup = keys.Officer
		}
		pub, err := lookup(desk, c.KeyID)
		if err == nil {
			err = m.VerifyClaim(i, pub)
		}
		if err != nil {
			return Body{}, Signatures{}, fmt.Errorf("%s: %w", c.Role, err)
		}
		if c.Role == RoleDevice {
			out.Device = c.Signature
		} else {
			out.Officer = &c.Signature
		}
	}
	body, err := m.Body()
	if err != nil {
		return Body{}, Signatures{}, err
	}
	if body.DeskID != desk {
		return Body{}, Signatures{}, errors.New("the body is another desk's")
	}
	return body, out, nil
}
