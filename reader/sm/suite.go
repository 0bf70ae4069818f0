package sm

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Suite is the cipher and the checksum of a session. Encrypt, Decrypt and MAC
// work on padded input (Pad); ssc is the send sequence counter, one block long:
// AES takes its IV from it (Doc 9303-11 §9.8.7.1), 3DES does not (§9.8.6.1).
type Suite interface {
	BlockSize() int
	Encrypt(ssc, padded []byte) []byte
	Decrypt(ssc, data []byte) []byte
	MAC(padded []byte) []byte   // 8 bytes
	Token(data []byte) []byte   // 8 bytes over data as it stands: padding is internal (§4.4.3.4)
	EncryptCBC(b []byte) []byte // zero IV, whole blocks
	DecryptCBC(b []byte) []byte // zero IV, whole blocks
}

// Algorithm names the symmetric algorithms of PACE and chip authentication.
type Algorithm int

const (
	TDES Algorithm = iota + 1 // 3DES-CBC-CBC
	AES128
	AES192
	AES256
)

func (a Algorithm) String() string {
	return [...]string{"unknown", "3DES", "AES-128", "AES-192", "AES-256"}[a.index()]
}

// KeySize is the length of a key in bytes.
func (a Algorithm) KeySize() int { return [...]int{0, 16, 16, 24, 32}[a.index()] }

func (a Algorithm) index() int {
	if a < TDES || a > AES256 {
		return 0
	}
	return int(a)
}

// Purpose is the counter of the key derivation function (Doc 9303-11 §9.7).
type Purpose uint32

const (
	Enc      Purpose = 1
	MAC      Purpose = 2
	Password Purpose = 3
)

// Derive is the key derivation function of Doc 9303-11 §9.7.1: the first bytes
// of SHA-1 or SHA-256 over secret and counter; 3DES keys get odd parity.
func (a Algorithm) Derive(secret []byte, p Purpose) []byte {
	input := binary.BigEndian.AppendUint32(append([]byte(nil), secret...), uint32(p))
	if a == AES192 || a == AES256 {
		h := sha256.Sum256(input)
		return h[:a.KeySize()]
	}
	h := sha1.Sum(input)
	key := h[:16]
	if a == TDES {
		for i, b := range key {
			key[i] = b&^1 | byte(1-bits.OnesCount8(b&^1)%2)
		}
	}
	return key
}

// New returns the suite under two keys of KeySize bytes.
func New(a Algorithm, kenc, kmac []byte) (Suite, error) {
	if len(kenc) != a.KeySize() || len(kmac) != a.KeySize() {
		return nil, fmt.Errorf("%s keys have %d and %d bytes", a, len(kenc), len(kmac))
	}
	switch a {
	case TDES:
		return newTDES(kenc, kmac)
	case AES128, AES192, AES256:
		return newAES(kenc, kmac)
	}
	return nil, errors.New("unknown symmetric algorithm")
}

// FromSecret derives both session keys from an agreed secret and begins a
// session with a counter of zero, as PACE and chip authentication do
// (Doc 9303-11 §9.8.6.3, §9.8.7.3).
func FromSecret(a Algorithm, secret []byte) (*Session, Suite, error) {
	s, err := New(a, a.Derive(secret, Enc), a.Derive(secret, MAC))
	if err != nil {
		return nil, nil, err
	}
	return NewSession(s, make([]byte, s.BlockSize())), s, nil
}

// Pad is padding method 2 of ISO/IEC 9797-1: 80, then zeros to a full block.
func Pad(b []byte, block int) []byte {
	out := append(make([]byte, 0, len(b)+block), b...)
	out = append(out, 0x80)
	for len(out)%block != 0 {
		out = append(out, 0)
	}
	return out
}

// Unpad takes padding method 2 off again.
func Unpad(b []byte) ([]byte, error) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
		case 0x80:
			return b[:i], nil
		default:
			return nil, errors.New("padding is wrong")
		}
	}
	return nil, errors.New("padding is missing")
}
