package request

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
)

// Sealed bytes, version 2:
//
//	"ENRS" 0x02 | header length, 2 bytes big endian | header | AES-256-GCM ciphertext
//
// The header is deterministic CBOR and names no person: desk, request id,
// sequence number, and for each recipient the content key sealed with HPKE
// (RFC 9180 base mode). The content key is random and used for this request
// only. Everything before the ciphertext is additional data of the content, so
// a changed header does not open; and each recipient's share is bound to its
// request, so it does not open elsewhere.
const (
	magic       = "ENRS\x02"
	sealInfo    = "enrold request seal v2"
	contentInfo = "enrold request content v2"
	prefixBytes = len(magic) + 2
	keyBytes    = 32
	tagBytes    = 16 // AES-256-GCM

	// maxRecipients allows for central keys that overlap, with room to spare.
	maxRecipients = 8
	maxHeader     = 16 << 10
)

// MaxSealed bounds the sealed bytes of one request: what the wire carries.
const MaxSealed = 16 << 20

// recipient is one central key's share. KEM, KDF and AEAD are the identifiers
// of RFC 9180 §7, so that another suite is another header and not another
// format; recipients may differ in it.
type recipient struct {
	KEM   uint16 `cbor:"kem"`
	KDF   uint16 `cbor:"kdf"`
	AEAD  uint16 `cbor:"aead"`
	KeyID []byte `cbor:"key_id"` // first 16 bytes of SHA-256 of the central's public key
	Enc   []byte `cbor:"enc"`
	Key   []byte `cbor:"key"` // the sealed content key
}

type header struct {
	DeskID     string      `cbor:"desk_id"`
	RequestID  string      `cbor:"request_id"`
	Seq        int64       `cbor:"seq"`
	Commitment []byte      `cbor:"commitment"` // to the content key: AES-GCM alone commits to none
	Recipients []recipient `cbor:"recipients"`
}

func (h header) ident() Ident { return Ident{Desk: h.DeskID, Request: h.RequestID, Seq: h.Seq} }

// shareContext binds a recipient's share to its request.
func (h header) shareContext() []byte {
	return fmt.Appendf(nil, "%s\n%s\n%d\n%x", h.DeskID, h.RequestID, h.Seq, h.Commitment)
}

// SealKEM is the KEM of central keys: ML-KEM-768 with P-256.
func SealKEM() hpke.KEM { return hpke.MLKEM768P256() }

// SealKeyID names a central key: the first 16 bytes of SHA-256 of its public half.
func SealKeyID(pub hpke.PublicKey) []byte {
	sum := sha256.Sum256(pub.Bytes())
	return sum[:16]
}

// LoadSealKey reads a central's public key: one line of base64.
func LoadSealKey(path string) (hpke.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load seal key: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(data)))
	if err != nil {
		return nil, fmt.Errorf("load seal key %s: %w", path, err)
	}
	pub, err := SealKEM().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("load seal key %s: %w", path, err)
	}
	return pub, nil
}

// content derives from the content key what encrypts the content and what
// commits to the key.
func content(key []byte) (aead cipher.AEAD, commitment []byte, err error) {
	both, err := hkdf.Key(sha256.New, key, nil, contentInfo, 2*keyBytes)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(both[:keyBytes])
	if err != nil {
		return nil, nil, err
	}
	aead, err = cipher.NewGCM(block)
	return aead, both[keyBytes:], err
}

// contentNonce is all zeros: a content key encrypts once.
func contentNonce(aead cipher.AEAD) []byte { return make([]byte, aead.NonceSize()) }

// SealBytes seals a signed request to every central key in to.
func SealBytes(to []hpke.PublicKey, id Ident, signed []byte) ([]byte, error) {
	sealed, err := sealBytes(to, id, signed)
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	return sealed, nil
}

func sealBytes(to []hpke.PublicKey, id Ident, signed []byte) ([]byte, error) {
	e, err := newEnvelope(to)
	if err != nil {
		return nil, err
	}
	f := newFrame(signed)
	err = e.close(f, id)
	return f.bytes(), err
}

// Hash names sealed bytes: SHA-256.
func Hash(sealed []byte) []byte {
	sum := sha256.Sum256(sealed)
	return sum[:]
}
