package enrolment

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	"github.com/enrold/enrold/queue/request"
)

const (
	requestDomain  = "enrold enrolment request v1\x00"
	maxAttestation = 64 << 10
)

// requestFile is the file. Signature is by the device key over the encoding of
// the file with an empty Signature; the certificate request within carries the
// TLS key's own proof of possession (RFC 2986 §4.2).
type requestFile struct {
	Version      int               `cbor:"version"`
	DeskID       string            `cbor:"desk_id"`
	CSR          []byte            `cbor:"csr"`        // PKCS #10, DER
	DeviceKey    []byte            `cbor:"device_key"` // SubjectPublicKeyInfo, DER
	DeviceOrigin request.KeyOrigin `cbor:"device_origin"`
	Attestation  []byte            `cbor:"attestation,omitempty"`
	Signature    []byte            `cbor:"signature"`
}

func (f requestFile) signed() ([]byte, error) {
	f.Signature = []byte{}
	return encMode.Marshal(f)
}

// Request is a verified request of a desk. What it says of itself (DeskID,
// DeviceOrigin) is a claim; a person decides.
type Request struct {
	DeskID       string
	CSR          *x509.CertificateRequest
	DeviceKey    crypto.PublicKey // *ecdsa.PublicKey (P-256) or *rsa.PublicKey
	DeviceSPKI   []byte           // its DER, as registered
	DeviceOrigin request.KeyOrigin
	Attestation  []byte // of the device key by its TPM; may be empty, checked by who knows its maker
}

// Fingerprint names the keys of the request; both sides show it.
func (r Request) Fingerprint() string {
	return fingerprint(requestDomain, []byte(r.DeskID), r.CSR.RawSubjectPublicKeyInfo, r.DeviceSPKI)
}

// Make writes the request of a desk: a certificate request for the TLS key and
// the device key with its origin, each key with proof of its possession.
func Make(desk string, tls crypto.Signer, device Signer, attestation []byte) ([]byte, error) {
	file, err := makeRequest(desk, tls, device, attestation)
	if err != nil {
		return nil, fmt.Errorf("make enrolment request: %w", err)
	}
	return file, nil
}

func makeRequest(desk string, tls crypto.Signer, device Signer, attestation []byte) ([]byte, error) {
	if err := request.CheckDesk(desk); err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: desk}}, tls)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(device.Public())
	if err != nil {
		return nil, err
	}
	f := requestFile{Version: Version, DeskID: desk, CSR: csr, DeviceKey: spki, DeviceOrigin: device.Origin(), Attestation: attestation}
	content, err := f.signed()
	if err != nil {
		return nil, err
	}
	if f.Signature, err = sign(device, requestDomain, content); err != nil {
		return nil, err
	}
	file, err := encMode.Marshal(f)
	if err != nil {
		return nil, err
	}
	// What the central would refuse is never written.
	if _, err := verifyRequest(file); err != nil {
		return nil, err
	}
	return file, nil
}

// Verify reads a request file and checks both proofs of possession.
func Verify(file []byte) (Request, error) {
	r, err := verifyRequest(file)
	if err != nil {
		return Request{}, fmt.Errorf("verify enrolment request: %w", err)
	}
	return r, nil
}

func verifyRequest(file []byte) (Request, error) {
	var f requestFile
	if err := decode(file, &f); err != nil {
		return Request{}, err
	}
	if f.Version != Version {
		return Request{}, fmt.Errorf("version %d, want %d", f.Version, Version)
	}
	if err := request.CheckDesk(f.DeskID); err != nil {
		return Request{}, err
	}
	if f.DeviceOrigin == "" || len(f.DeviceOrigin) > 32 {
		return Request{}, errors.New("device origin is missing or too long")
	}
	if len(f.Attestation) > maxAttestation {
		return Request{}, fmt.Errorf("attestation has %d bytes, at most %d", len(f.Attestation), maxAttestation)
	}
	csr, err := x509.ParseCertificateRequest(f.CSR)
	if err != nil {
		return Request{}, errors.New("certificate request is malformed")
	}
	if _, err := algorithmOf(csr.PublicKey); err != nil {
		return Request{}, err
	}
	if err := csr.CheckSignature(); err != nil {
		return Request{}, fmt.Errorf("TLS key: no proof of possession: %w", err)
	}
	if csr.Subject.CommonName != f.DeskID {
		return Request{}, errors.New("certificate request names another desk")
	}
	device, err := parseKey(f.DeviceKey)
	if err != nil {
		return Request{}, err
	}
	content, err := f.signed()
	if err != nil {
		return Request{}, err
	}
	if err := verify(device, requestDomain, content, f.Signature); err != nil {
		return Request{}, fmt.Errorf("device key: no proof of possession: %w", err)
	}
	return Request{
		DeskID: f.DeskID, CSR: csr, DeviceKey: device, DeviceSPKI: f.DeviceKey,
		DeviceOrigin: f.DeviceOrigin, Attestation: f.Attestation,
	}, nil
}
