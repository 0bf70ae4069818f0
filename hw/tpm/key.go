package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"

	"github.com/google/go-tpm/tpm2"

	"github.com/enrold/enrold/internal/eid"
)

// Algorithm of a signing key, by its COSE name.
type Algorithm string

const (
	ES256 Algorithm = "ES256" // ECDSA P-256 with SHA-256
	PS256 Algorithm = "PS256" // RSASSA-PSS, RSA 2048 with SHA-256
)

// Key is a signing key in the chip.
type Key struct {
	tpm       *TPM
	blob      blob
	public    crypto.PublicKey
	algorithm Algorithm
}

// signing are the attributes of our keys: the chip made them, they cannot leave
// it, and a lockout does not stop them (they have no password to guess).
var signing = tpm2.TPMAObject{
	FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true,
}

// templates of keys by algorithm.
func template(alg Algorithm) (tpm2.TPMTPublic, error) {
	hash := tpm2.TPMSSchemeHash{HashAlg: tpm2.TPMAlgSHA256}
	switch alg {
	case ES256:
		return tpm2.TPMTPublic{
			Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: signing,
			Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
				CurveID: tpm2.TPMECCNistP256,
				Scheme: tpm2.TPMTECCScheme{
					Scheme:  tpm2.TPMAlgECDSA,
					Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: hash.HashAlg}),
				},
			}),
		}, nil
	case PS256:
		return tpm2.TPMTPublic{
			Type: tpm2.TPMAlgRSA, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: signing,
			Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{
				KeyBits: 2048,
				Scheme: tpm2.TPMTRSAScheme{
					Scheme:  tpm2.TPMAlgRSAPSS,
					Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgRSAPSS, &tpm2.TPMSSigSchemeRSAPSS{HashAlg: hash.HashAlg}),
				},
			}),
		}, nil
	}
	return tpm2.TPMTPublic{}, fmt.Errorf("no algorithm %q", alg)
}

// CreateKey makes a key and its file NAME.tpm.pem, which must not exist yet.
func (t *TPM) CreateKey(ctx context.Context, name string, alg Algorithm) (*Key, error) {
	const op = "make TPM key"
	public, err := template(alg)
	if err != nil {
		return nil, eid.Fail(eid.CodeDeviceKey, op, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ensureRoot(ctx)
	if err != nil {
		return nil, fail(op, err)
	}
	made, err := run(ctx, func() (*tpm2.CreateResponse, error) {
		return tpm2.Create{ParentHandle: r.parent(tpm2.PasswordAuth(nil)), InPublic: tpm2.New2B(public)}.Execute(t.chip)
	})
	if err != nil {
		return nil, fail(op, err)
	}
	b := blob{public: made.OutPublic, private: made.OutPrivate}
	k, err := t.key(b)
	if err != nil {
		return nil, fail(op, err)
	}
	// A key that cannot sign is never kept: some chips salt RSASSA-PSS otherwise.
	if err := k.try(ctx, r); err != nil {
		return nil, fail(op, err)
	}
	if err := t.writeKey(name, b); err != nil {
		return nil, eid.Fail(eid.CodeDeviceKey, op, err)
	}
	return k, nil
}

// Key finds the key of the file NAME.tpm.pem and makes sure that this chip can
// use it. A missing file is E-DEVICE-KEY over fs.ErrNotExist.
func (t *TPM) Key(ctx context.Context, name string) (*Key, error) {
	const op = "load TPM key"
	t.mu.Lock()
	defer t.mu.Unlock()
	b, err := t.readKey(name)
	if err != nil {
		return nil, eid.Fail(eid.CodeDeviceKey, op, err)
	}
	k, err := t.key(b)
	if err != nil {
		return nil, eid.Fail(eid.CodeDeviceKey, op, err)
	}
	r, err := t.ensureRoot(ctx)
	if err != nil {
		return nil, fail(op, err)
	}
	handle, err := t.load(ctx, r, b)
	if err != nil {
		return nil, fail(op, err)
	}
	t.flush(handle.Handle)
	return k, nil
}

// HasKey reports whether there is a key file NAME.tpm.pem, whatever is in it.
func (t *TPM) HasKey(name string) bool {
	_, err := t.readKey(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// RenameKey puts the key file FROM in the place of TO.
func (t *TPM) RenameKey(from, to string) error {
	if err := os.Rename(t.keyFile(from), t.keyFile(to)); err != nil {
		return eid.Fail(eid.CodeDeviceKey, "rename TPM key", err)
	}
	if err := syncFolder(t.dir); err != nil {
		return eid.Fail(eid.CodeDeviceKey, "rename TPM key", err)
	}
	return nil
}

func (t *TPM) key(b blob) (*Key, error) {
	public, err := b.public.Contents()
	if err != nil {
		return nil, err
	}
	if public.ObjectAttributes != signing {
		return nil, errors.New("key has other attributes than ours")
	}
	pub, err := tpm2.Pub(*public)
	if err != nil {
		return nil, err
	}
	k := &Key{tpm: t, blob: b, public: pub}
	switch pub.(type) {
	case *ecdsa.PublicKey:
		k.algorithm = ES256
	case *rsa.PublicKey:
		k.algorithm = PS256
	default:
		return nil, fmt.Errorf("no algorithm for a %T", pub)
	}
	return k, nil
}

// Public returns an *ecdsa.PublicKey or an *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Algorithm is what the key signs with.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Sign signs a SHA-256 digest: ASN.1 for ES256, RSASSA-PSS with a salt of 32
// bytes for PS256. The randomness is the chip's own.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign with TPM"
	if err := k.takes(digest, opts); err != nil {
		return nil, eid.Fail(eid.CodeTPM, op, err)
	}
	ctx := context.Background() // crypto.Signer has none; commands are bounded
	t := k.tpm
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ensureRoot(ctx)
	if err != nil {
		return nil, fail(op, err)
	}
	signature, err := k.sign(ctx, r, digest)
	if err != nil {
		return nil, fail(op, err)
	}
	return signature, nil
}

func (k *Key) sign(ctx context.Context, r *root, digest []byte) ([]byte, error) {
	t := k.tpm
	handle, err := t.load(ctx, r, k.blob)
	if err != nil {
		return nil, err
	}
	defer t.flush(handle.Handle)
	made, err := run(ctx, func() (*tpm2.SignResponse, error) {
		return tpm2.Sign{
			KeyHandle:  tpm2.AuthHandle{Handle: handle.Handle, Name: handle.Name, Auth: tpm2.PasswordAuth(nil)},
			Digest:     tpm2.TPM2BDigest{Buffer: digest},
			Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
		}.Execute(t.chip)
	})
	if err != nil {
		return nil, err
	}
	return k.encode(made.Signature)
}

// try signs once and verifies as the central does.
func (k *Key) try(ctx context.Context, r *root) error {
	digest := sha256.Sum256([]byte("enrold key test"))
	signature, err := k.sign(ctx, r, digest[:])
	if err != nil {
		return err
	}
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(pub, digest[:], signature) {
			return errors.New("its signature does not verify")
		}
	case *rsa.PublicKey: // RFC 8230 §2: the salt is as long as the digest
		err := rsa.VerifyPSS(pub, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			return fmt.Errorf("its signature does not verify with a salt of 32 bytes: use %s: %w", ES256, err)
		}
	}
	return nil
}

// takes refuses what the key was not made for, instead of signing something else.
func (k *Key) takes(digest []byte, opts crypto.SignerOpts) error {
	// ECDSA signers of COSE libraries give no options: the digest's length speaks.
	if len(digest) != crypto.SHA256.Size() || opts != nil && opts.HashFunc() != crypto.SHA256 {
		return errors.New("want a SHA-256 digest")
	}
	pss, isPSS := opts.(*rsa.PSSOptions)
	if isPSS != (k.algorithm == PS256) {
		return fmt.Errorf("the key signs %s only", k.algorithm)
	}
	if isPSS && pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != crypto.SHA256.Size() && pss.SaltLength != rsa.PSSSaltLengthAuto {
		return errors.New("want a salt of the digest's length")
	}
	return nil
}

func (k *Key) encode(s tpm2.TPMTSignature) ([]byte, error) {
	if k.algorithm == PS256 {
		pss, err := s.Signature.RSAPSS()
		if err != nil {
			return nil, err
		}
		return pss.Sig.Buffer, nil
	}
	ec, err := s.Signature.ECDSA()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(ec.SignatureR.Buffer), new(big.Int).SetBytes(ec.SignatureS.Buffer),
	})
}
