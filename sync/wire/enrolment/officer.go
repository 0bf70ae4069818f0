package enrolment

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/enrold/enrold/queue/request"
)

const officerDomain = "enrold officer request v1\x00"

// officerFile is the file. Signature is by the officer key, DeviceSignature by
// the device key of the desk, both over the encoding with both signatures empty.
type officerFile struct {
	Version         int               `cbor:"version"`
	DeskID          string            `cbor:"desk_id"`
	Officer         string            `cbor:"officer"`     // the name that the desk's configuration gives
	OfficerKey      []byte            `cbor:"officer_key"` // SubjectPublicKeyInfo, DER
	OfficerOrigin   request.KeyOrigin `cbor:"officer_origin"`
	Signature       []byte            `cbor:"signature"`
	DeviceSignature []byte            `cbor:"device_signature"`
}

func (f officerFile) signed() ([]byte, error) {
	f.Signature, f.DeviceSignature = []byte{}, []byte{}
	return encMode.Marshal(f)
}

// OfficerRequest asks the central to take an officer's key at a desk.
type OfficerRequest struct {
	DeskID        string
	Officer       string
	OfficerKey    crypto.PublicKey // *ecdsa.PublicKey (P-256) or *rsa.PublicKey
	OfficerSPKI   []byte
	OfficerOrigin request.KeyOrigin
}

// Fingerprint names desk, officer and key; both sides show it.
func (r OfficerRequest) Fingerprint() string {
	return fingerprint(officerDomain, []byte(r.DeskID), []byte(r.Officer), r.OfficerSPKI)
}

// MakeOfficer writes the request for an officer's key at a desk.
func MakeOfficer(desk, officer string, key Signer, device crypto.Signer) ([]byte, error) {
	file, err := makeOfficer(desk, officer, key, device)
	if err != nil {
		return nil, fmt.Errorf("make officer request: %w", err)
	}
	return file, nil
}

func makeOfficer(desk, officer string, key Signer, device crypto.Signer) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	f := officerFile{Version: Version, DeskID: desk, Officer: officer, OfficerKey: spki, OfficerOrigin: key.Origin()}
	content, err := f.signed()
	if err != nil {
		return nil, err
	}
	if f.Signature, err = sign(key, officerDomain, content); err != nil {
		return nil, err
	}
	if f.DeviceSignature, err = sign(device, officerDomain, content); err != nil {
		return nil, err
	}
	file, err := encMode.Marshal(f)
	if err != nil {
		return nil, err
	}
	if _, err := verifyOfficer(file, device.Public()); err != nil {
		return nil, err
	}
	return file, nil
}

// OfficerDesk returns the desk that an officer's request names, unverified: the
// central finds the device key for [VerifyOfficer] by it.
func OfficerDesk(file []byte) (string, error) {
	f, err := decodeOfficer(file)
	if err != nil {
		return "", fmt.Errorf("read officer request: %w", err)
	}
	return f.DeskID, nil
}

// VerifyOfficer reads an officer's request and checks that the officer's key is
// there and that the desk's registered device key vouches for it.
func VerifyOfficer(file []byte, device crypto.PublicKey) (OfficerRequest, error) {
	r, err := verifyOfficer(file, device)
	if err != nil {
		return OfficerRequest{}, fmt.Errorf("verify officer request: %w", err)
	}
	return r, nil
}

func decodeOfficer(file []byte) (officerFile, error) {
	var f officerFile
	if err := decode(file, &f); err != nil {
		return f, err
	}
	if f.Version != Version {
		return f, fmt.Errorf("version %d, want %d", f.Version, Version)
	}
	if err := request.CheckDesk(f.DeskID); err != nil {
		return f, err
	}
	if f.Officer == "" || len(f.Officer) > 128 {
		return f, errors.New("officer is missing or too long")
	}
	if f.OfficerOrigin == "" || len(f.OfficerOrigin) > 32 {
		return f, errors.New("officer origin is missing or too long")
	}
	return f, nil
}

func verifyOfficer(file []byte, device crypto.PublicKey) (OfficerRequest, error) {
	f, err := decodeOfficer(file)
	if err != nil {
		return OfficerRequest{}, err
	}
	key, err := parseKey(f.OfficerKey)
	if err != nil {
		return OfficerRequest{}, err
	}
	content, err := f.signed()
	if err != nil {
		return OfficerRequest{}, err
	}
	if err := verify(key, officerDomain, content, f.Signature); err != nil {
		return OfficerRequest{}, fmt.Errorf("officer key: no proof of possession: %w", err)
	}
	if err := verify(device, officerDomain, content, f.DeviceSignature); err != nil {
		return OfficerRequest{}, fmt.Errorf("device key does not vouch: %w", err)
	}
	return OfficerRequest{DeskID: f.DeskID, Officer: f.Officer, OfficerKey: key, OfficerSPKI: f.OfficerKey, OfficerOrigin: f.OfficerOrigin}, nil
}
