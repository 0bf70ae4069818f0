package request

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// KeyOrigin says where a signing key lives. Every signature carries it, and a
// production central refuses KeySoftware.
type KeyOrigin string

const (
	KeySoftware KeyOrigin = "software" // in a file
	KeyTPM      KeyOrigin = "tpm2"
	KeyToken    KeyOrigin = "pkcs11"
)

// Signer is a device's or an officer's key, in a file or in hardware. Sign gets
// a digest and the crypto.SignerOpts of Algorithm: crypto.SHA256 for ES256 (the
// answer is an ASN.1 signature), *rsa.PSSOptions for PS256.
type Signer interface {
	crypto.Signer
	Origin() KeyOrigin
	Algorithm() Algorithm
}

// DeviceKey is a software key (ECDSA P-256): the device's, or an officer's at a
// desk without tokens.
type DeviceKey struct{ key *ecdsa.PrivateKey }

// Public returns the *ecdsa.PublicKey.
func (k *DeviceKey) Public() crypto.PublicKey { return k.key.Public() }

// Sign makes an ASN.1 signature over digest.
func (k *DeviceKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.key.Sign(random, digest, opts)
}

// Origin is KeySoftware.
func (k *DeviceKey) Origin() KeyOrigin { return KeySoftware }

// Algorithm is ES256.
func (k *DeviceKey) Algorithm() Algorithm { return ES256 }

// PublicPEM returns the public key as a PEM block (SubjectPublicKeyInfo), the
// file that a central wants when it registers the desk.
func (k *DeviceKey) PublicPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	if err != nil {
		return nil, fmt.Errorf("encode device public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// KeyID is the SHA-256 of the SubjectPublicKeyInfo: the `kid` of signatures.
func KeyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("identify key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

// LoadOrCreateDeviceKey reads the software key at path (PEM, PKCS #8) or makes
// one. A file that others than its owner may read, or that is not a plain file,
// is refused.
func LoadOrCreateDeviceKey(path string) (*DeviceKey, error) {
	key, err := LoadPrivateKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, fmt.Errorf("make device key: %w", err)
		}
		err = writePrivateKey(path, key)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			key, err = LoadPrivateKey(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load device key: %w", err)
	}
	return &DeviceKey{key: key}, nil
}

// LoadPrivateKey reads a P-256 key (PEM, PKCS #8) from a file of mode 0600 or
// narrower.
func LoadPrivateKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := ReadSecret(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s: not a PEM private key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: not a PKCS #8 key", path)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s: not an ECDSA P-256 key", path)
	}
	return key, nil
}

// ReadSecret reads a small file that only its owner may read.
func ReadSecret(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: mode %s: a secret must be a plain file of mode 0600", path, info.Mode())
	}
	return io.ReadAll(io.LimitReader(f, 64<<10))
}

// writePrivateKey never leaves half a key under the final name and never
// replaces an existing one: two daemons that start at once end with one key.
func writePrivateKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := pem.Encode(tmp, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ParsePublicKey reads a PEM SubjectPublicKeyInfo holding a P-256 key.
func ParsePublicKey(data []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("parse public key: not a PEM public key")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	pub, ok := parsed.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("parse public key: not an ECDSA P-256 key")
	}
	return pub, nil
}
