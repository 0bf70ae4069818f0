package enrolment

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
)

const answerDomain = "enrold enrolment answer v1\x00"

const maxChain = 8

// Answer is what a central gives a desk that it took in or renewed.
type Answer struct {
	Version     int    `cbor:"version"`
	DeskID      string `cbor:"desk_id"`
	Certificate []byte `cbor:"certificate"` // PEM, the desk's first, then what leads to CA
	CA          []byte `cbor:"ca"`          // PEM, one or more: who may be the central
	ReceiptKey  []byte `cbor:"receipt_key"` // PEM SubjectPublicKeyInfo
	SealKeys    []byte `cbor:"seal_keys"`   // the signed list (package published); empty where there is none yet
	SealKey     []byte `cbor:"seal_key"`    // HPKE public key in use now, raw; for a desk without the list
	// Root is the PEM public key of the offline root that signed SealKeys; empty
	// where the central has none yet.
	Root []byte `cbor:"root,omitempty"`
}

// Marshal writes the answer file.
func (a Answer) Marshal() ([]byte, error) {
	a.Version = Version
	for _, field := range []*[]byte{&a.SealKeys, &a.SealKey} {
		if *field == nil {
			*field = []byte{}
		}
	}
	file, err := encMode.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("write enrolment answer: %w", err)
	}
	if _, err := ParseAnswer(file); err != nil {
		return nil, fmt.Errorf("write enrolment answer: %w", err)
	}
	return file, nil
}

// ParseAnswer reads an answer file. It proves nothing yet: [Answer.Check] says
// whether the answer fits a desk, and a person compares its Fingerprint.
func ParseAnswer(file []byte) (Answer, error) {
	var a Answer
	if err := decode(file, &a); err != nil {
		return Answer{}, fmt.Errorf("read enrolment answer: %w", err)
	}
	if err := a.shape(); err != nil {
		return Answer{}, fmt.Errorf("read enrolment answer: %w", err)
	}
	return a, nil
}

func (a Answer) shape() error {
	if a.Version != Version {
		return fmt.Errorf("version %d, want %d", a.Version, Version)
	}
	if err := request.CheckDesk(a.DeskID); err != nil {
		return err
	}
	if _, err := certificates(a.Certificate); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if _, err := certificates(a.CA); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	if err := publicKey(a.ReceiptKey); err != nil {
		return fmt.Errorf("receipt key: %w", err)
	}
	if len(a.Root) > 0 {
		if err := publicKey(a.Root); err != nil {
			return fmt.Errorf("root: %w", err)
		}
	}
	return nil
}

func publicKey(text []byte) error {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return errors.New("not a PEM public key")
	}
	_, err := parseKey(block.Bytes)
	return err
}

// Fingerprint names the central: its authorities, its receipt key and, where it
// has one, its root. The central shows it with each answer, and it stays the same
// for renewals.
func (a Answer) Fingerprint() string {
	parts := [][]byte{}
	cas, _ := certificates(a.CA)
	for _, c := range cas {
		parts = append(parts, c.Raw)
	}
	for _, key := range [][]byte{a.ReceiptKey, a.Root} {
		if block, _ := pem.Decode(key); block != nil {
			parts = append(parts, block.Bytes)
		}
	}
	return fingerprint(answerDomain, parts...)
}

// Check says whether the answer is for desk and its TLS key, and whether its
// certificate leads to its authorities at the time now. It returns the desk's
// certificate.
func (a Answer) Check(desk string, tls crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	leaf, err := a.check(desk, tls, now)
	if err != nil {
		return nil, fmt.Errorf("check enrolment answer: %w", err)
	}
	return leaf, nil
}

func (a Answer) check(desk string, tls crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	if err := a.shape(); err != nil {
		return nil, err
	}
	if a.DeskID != desk {
		return nil, fmt.Errorf("it is for desk %s, this is %s", a.DeskID, desk)
	}
	chain, err := certificates(a.Certificate)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	if own, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(tls) {
		return nil, errors.New("its certificate is not for this desk's key")
	}
	if leaf.Subject.CommonName != desk {
		return nil, errors.New("its certificate names another desk")
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	cas, err := certificates(a.CA)
	if err != nil {
		return nil, err
	}
	for _, c := range cas {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return leaf, err
}

// certificates reads 1 to maxChain PEM certificates and nothing else.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for len(text) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("not a PEM certificate")
		}
		if len(out) == maxChain {
			return nil, fmt.Errorf("more than %d certificates", maxChain)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("malformed certificate")
		}
		out, text = append(out, c), rest
	}
	if len(out) == 0 {
		return nil, errors.New("no certificate")
	}
	return out, nil
}
