package request

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

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

func (s Signers) key(role Role) Signer {
	if role == RoleOfficer {
		return s.Officer
	}
	return s.Device
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
	f := newFrame(body)
	if err := sign(f, by, signerHead); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return f.bytes(), nil
}

// headOf returns the protected header of a signer's signatures, encoded.
type headOf func(Role, Signer) ([]byte, error)

// sign makes of the encoded body in f the message around it. The library would copy
// the body for each signature and twice more for the message; only the headers and
// the signatures are its work here, the frame around them is ours.
func sign(f *frame, by Signers, head headOf) error {
	if by.Device == nil {
		return errors.New("no device key")
	}
	protected, err := cose.ProtectedHeader{cose.HeaderLabelContentType: contentType}.MarshalCBOR()
	if err != nil {
		return err
	}
	body, unprotected := f.bytes(), cose.UnprotectedHeader{}
	if by.Officer != nil && by.Certificate != nil {
		if unprotected[labelCMS], err = signCMS(by.Officer, by.Certificate, body); err != nil {
			return err
		}
	}
	around, err := unprotected.MarshalCBOR()
	if err != nil {
		return err
	}
	signatures := appendHead(nil, majorArray, len(by.roles()))
	for _, role := range by.roles() {
		key := by.key(role)
		signer, err := head(role, key)
		if err == nil {
			signatures, err = appendSignature(signatures, key, protected, signer, body)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
	}
	begin := appendHead(appendHead(nil, majorTag, cose.CBORTagSignMessage), majorArray, 4)
	f.prepend(begin, protected, around, appendHead(nil, majorBytes, len(body)))
	f.append(signatures)
	return nil
}

// signerHead names the algorithm, the key, where the key lives and the role.
func signerHead(role Role, key Signer) ([]byte, error) {
	kid, err := KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	signer, err := coseSigner(key)
	if err != nil {
		return nil, err
	}
	return cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm: signer.Algorithm(),
		cose.HeaderLabelKeyID:     kid,
		labelOrigin:               string(key.Origin()),
		labelRole:                 string(role),
	}.MarshalCBOR()
}

// signerHeads keeps the header of each role's last key: a desk signs with the same
// one all day.
type signerHeads struct {
	mu   sync.Mutex
	last map[Role]knownSigner
}

type knownSigner struct {
	public    crypto.PublicKey
	origin    KeyOrigin
	algorithm Algorithm
	head      []byte
}

func (h *signerHeads) of(role Role, key Signer) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	public := key.Public()
	if last, ok := h.last[role]; ok && last.origin == key.Origin() && last.algorithm == key.Algorithm() && sameKey(last.public, public) {
		return last.head, nil
	}
	head, err := signerHead(role, key)
	if err != nil {
		return nil, err
	}
	if h.last == nil {
		h.last = map[Role]knownSigner{}
	}
	h.last[role] = knownSigner{public, key.Origin(), key.Algorithm(), head}
	return head, nil
}

// sameKey compares as every public key of the standard library can.
func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// appendSignature appends one COSE_Signature.
func appendSignature(out []byte, key Signer, message, head, body []byte) ([]byte, error) {
	signer, err := coseSigner(key)
	if err != nil {
		return nil, err
	}
	signature, err := signer.SignDigest(rand.Reader, toBeSigned(message, head, body))
	if err != nil {
		return nil, err
	}
	out = append(appendHead(out, majorArray, 3), head...)
	out = appendHead(out, majorMap, 0)
	return append(appendHead(out, majorBytes, len(signature)), signature...), nil
}

// toBeSigned is the SHA-256 of the Sig_structure (RFC 9052 §4.4) of one signer;
// there is no external data. Both algorithms hash with SHA-256.
func toBeSigned(message, signer, body []byte) []byte {
	head := appendHead(nil, majorArray, 5)
	head = append(appendHead(head, majorText, len("Signature")), "Signature"...)
	head = append(append(head, message...), signer...)
	head = appendHead(appendHead(head, majorBytes, 0), majorBytes, len(body))
	h := sha256.New()
	h.Write(head)
	h.Write(body)
	return h.Sum(nil)
}

// Major types of CBOR (RFC 8949 §3.1), in place.
const (
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
	majorTag   = 6 << 5
)

// appendHead appends the shortest head of a data item.
func appendHead(out []byte, major byte, n int) []byte {
	switch {
	case n < 24:
		return append(out, major|byte(n))
	case n < 1<<8:
		return append(out, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(out, major|25), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(out, major|26), uint32(n)) // MaxSealed fits
}
