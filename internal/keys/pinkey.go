package keys

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// A supervisor's key in a file, for tests and pilots: sealed under his PIN, so
// that who serves the desk cannot sign for him. It counts wrong PINs as a token
// does, but only towards who uses this program: whoever copies the file may try
// on. A production desk refuses software keys.
const (
	pinRounds = 600_000 // OWASP, PBKDF2-HMAC-SHA256
	pinTries  = 5
	minPIN    = 4
)

// pinFile is the file, JSON.
type pinFile struct {
	Salt   []byte `json:"salt"`
	Rounds int    `json:"rounds"`
	Wrong  int    `json:"wrong"` // PINs in a row
	Sealed []byte `json:"sealed"`
}

func (f pinFile) cipher(pin eid.Private) (cipher.AEAD, error) {
	if f.Rounds < 1 || f.Rounds > 10*pinRounds || len(f.Salt) < 16 {
		return nil, errors.New("damaged")
	}
	secret, err := pbkdf2.Key(sha256.New, pin.Reveal(), f.Salt, f.Rounds, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// createPINKey makes an ECDSA P-256 key at path.
func createPINKey(path string, pin eid.Private) (*pinKey, error) {
	const op = "make supervisor's key"
	if len(pin) < minPIN {
		return nil, eid.Fail(eid.CodePINWrong, op, fmt.Errorf("a PIN has %d characters or more", minPIN))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	f := pinFile{Salt: make([]byte, 16), Rounds: pinRounds}
	_, _ = rand.Read(f.Salt) // never fails
	aead, err := f.cipher(pin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	f.Sealed = aead.Seal(nil, nil, der, nil) //nolint:gosec // this AEAD makes its own random nonce
	return &pinKey{key}, f.write(path)
}

func (f pinFile) write(path string) error {
	text, err := json.Marshal(f)
	if err == nil {
		err = replace(path, text)
	}
	if err != nil {
		return fmt.Errorf("write supervisor's key: %w", err)
	}
	return nil
}

// openPINKey opens the key at path. The try is counted before it is made: a
// program that is killed in time does not get it back.
func openPINKey(path string, pin eid.Private, lastTry bool) (*pinKey, error) {
	const op = "open supervisor's key"
	text, err := request.ReadSecret(path)
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	var f pinFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, errors.New("damaged"))
	}
	switch {
	case f.Wrong >= pinTries:
		return nil, eid.Fail(eid.CodePINLocked, op, nil)
	case f.Wrong == pinTries-1 && !lastTry:
		return nil, eid.Fail(eid.CodePINFinal, op, errors.New("not tried"))
	}
	aead, err := f.cipher(pin)
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	f.Wrong++
	if err := f.write(path); err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	der, err := aead.Open(nil, nil, f.Sealed, nil)
	if err != nil {
		return nil, eid.Fail(f.failure(), op, nil)
	}
	f.Wrong = 0
	if err := f.write(path); err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, eid.Fail(eid.CodeSupervisorKey, op, errors.New("not an ECDSA key"))
	}
	return &pinKey{key}, nil
}

// failure is what the wrong PIN that was just counted means.
func (f pinFile) failure() eid.Code {
	switch {
	case f.Wrong >= pinTries:
		return eid.CodePINLocked
	case f.Wrong == pinTries-1:
		return eid.CodePINFinal
	}
	return eid.CodePINLow
}

// pinKey is an opened key of a file.
type pinKey struct{ key *ecdsa.PrivateKey }

func (k *pinKey) Public() crypto.PublicKey { return k.key.Public() }

func (k *pinKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.key.Sign(random, digest, opts)
}

func (k *pinKey) Origin() request.KeyOrigin { return request.KeySoftware }

func (k *pinKey) Algorithm() request.Algorithm { return request.ES256 }
