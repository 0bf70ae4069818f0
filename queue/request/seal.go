package request

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// Sealed bytes, version 1:
//
//	"ENRS" 0x01 | header length, 2 bytes big endian | header | HPKE ciphertext
//
// The header is deterministic CBOR and names no person: cipher suite, key,
// desk, request id, sequence number and HPKE's encapsulated key. Everything
// before the ciphertext is the seal's additional data, so a changed header does
// not open.
const (
	magic        = "ENRS\x01"
	sealInfo     = "enrold request seal v1"
	maxHeader    = 4 << 10
	prefixBytes  = len(magic) + 2
	sealOverhead = 16 // AES-256-GCM tag
)

// MaxSealed bounds the sealed bytes of one request: what the wire carries.
const MaxSealed = 16 << 20

// header of the sealed bytes. KEM, KDF and AEAD are the identifiers of RFC 9180
// §7, so that another suite is another header and not another format.
type header struct {
	KEM       uint16 `cbor:"kem"`
	KDF       uint16 `cbor:"kdf"`
	AEAD      uint16 `cbor:"aead"`
	KeyID     []byte `cbor:"key_id"` // first 16 bytes of SHA-256 of the central's public key
	DeskID    string `cbor:"desk_id"`
	RequestID string `cbor:"request_id"`
	Seq       int64  `cbor:"seq"`
	Enc       []byte `cbor:"enc"`
}

func (h header) ident() Ident { return Ident{Desk: h.DeskID, Request: h.RequestID, Seq: h.Seq} }

// SealKEM is the KEM of version 1: ML-KEM-768 with P-256.
func SealKEM() hpke.KEM { return hpke.MLKEM768P256() }

func sealKeyID(pub hpke.PublicKey) []byte {
	sum := sha256.Sum256(pub.Bytes())
	return sum[:16]
}

// LoadSealKey reads the central's public key: one line of base64.
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

// SealBytes seals a signed request to the central's key.
func SealBytes(pub hpke.PublicKey, id Ident, signed []byte) ([]byte, error) {
	if err := id.check(); err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	kdf, aead := hpke.HKDFSHA256(), hpke.AES256GCM()
	enc, sender, err := hpke.NewSender(pub, kdf, aead, []byte(sealInfo))
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	head, err := encMode.Marshal(header{
		KEM: pub.KEM().ID(), KDF: kdf.ID(), AEAD: aead.ID(), KeyID: sealKeyID(pub),
		DeskID: id.Desk, RequestID: id.Request, Seq: id.Seq, Enc: enc,
	})
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	if total := prefixBytes + len(head) + len(signed) + sealOverhead; len(head) > maxHeader || total > MaxSealed {
		return nil, fmt.Errorf("seal request: %d bytes, at most %d", total, MaxSealed)
	}
	prefix := make([]byte, 0, prefixBytes+len(head))
	prefix = append(prefix, magic...)
	prefix = binary.BigEndian.AppendUint16(prefix, uint16(len(head)))
	prefix = append(prefix, head...)
	ciphertext, err := sender.Seal(prefix, signed)
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	return append(prefix, ciphertext...), nil
}

// parse splits sealed bytes; it trusts nothing in them.
func parse(sealed []byte) (h header, prefix, ciphertext []byte, err error) {
	if len(sealed) > MaxSealed {
		return h, nil, nil, fmt.Errorf("%d bytes, at most %d", len(sealed), MaxSealed)
	}
	if len(sealed) < prefixBytes || string(sealed[:len(magic)]) != magic {
		return h, nil, nil, errors.New("not a sealed request of version 1")
	}
	n := int(binary.BigEndian.Uint16(sealed[len(magic):prefixBytes]))
	if n > maxHeader || len(sealed) < prefixBytes+n+sealOverhead {
		return h, nil, nil, errors.New("sealed request is cut short")
	}
	prefix, ciphertext = sealed[:prefixBytes+n], sealed[prefixBytes+n:]
	if err := decMode.Unmarshal(prefix[prefixBytes:], &h); err != nil {
		return h, nil, nil, fmt.Errorf("malformed header (%T)", err)
	}
	return h, prefix, ciphertext, h.ident().check()
}

// ParseIdent returns whose sealed bytes these claim to be. Only [Open] proves it.
func ParseIdent(sealed []byte) (Ident, error) {
	h, _, _, err := parse(sealed)
	if err != nil {
		return Ident{}, fmt.Errorf("parse sealed request: %w", err)
	}
	return h.ident(), nil
}

// ErrOtherKey says that the request was sealed to a key that is not ours.
var ErrOtherKey = errors.New("sealed to another key")

// OpenBytes opens sealed bytes with the central's private key and returns the
// signed message in them.
func OpenBytes(priv hpke.PrivateKey, sealed []byte) (Ident, []byte, error) {
	h, prefix, ciphertext, err := parse(sealed)
	if err != nil {
		return Ident{}, nil, fmt.Errorf("open request: %w", err)
	}
	kdf, aead := hpke.HKDFSHA256(), hpke.AES256GCM()
	pub := priv.PublicKey()
	if h.KEM != pub.KEM().ID() || h.KDF != kdf.ID() || h.AEAD != aead.ID() || !bytes.Equal(h.KeyID, sealKeyID(pub)) {
		return Ident{}, nil, fmt.Errorf("open request: %w", ErrOtherKey)
	}
	recipient, err := hpke.NewRecipient(h.Enc, priv, kdf, aead, []byte(sealInfo))
	if err != nil {
		return Ident{}, nil, fmt.Errorf("open request: %w", err)
	}
	signed, err := recipient.Open(prefix, ciphertext)
	if err != nil {
		return Ident{}, nil, fmt.Errorf("open request: %w", err)
	}
	return h.ident(), signed, nil
}

// Seal encodes, signs and seals body: what the desk writes and sends.
func Seal(pub hpke.PublicKey, key Signer, body Body) ([]byte, error) {
	data, err := Encode(body)
	if err != nil {
		return nil, err
	}
	signed, err := Sign(key, data)
	if err != nil {
		return nil, err
	}
	return SealBytes(pub, Ident{Desk: body.DeskID, Request: body.Request.ID, Seq: body.Seq}, signed)
}

// Open opens sealed bytes, verifies the device's signature and checks that the
// header and the signed body name the same request.
func Open(priv hpke.PrivateKey, device *ecdsa.PublicKey, sealed []byte) (Body, KeyOrigin, error) {
	id, signed, err := OpenBytes(priv, sealed)
	if err != nil {
		return Body{}, "", err
	}
	body, origin, err := Verify(device, signed)
	if err != nil {
		return Body{}, "", err
	}
	if id != (Ident{Desk: body.DeskID, Request: body.Request.ID, Seq: body.Seq}) {
		return Body{}, "", errors.New("open request: header and signed body name different requests")
	}
	return body, origin, nil
}

// Hash names sealed bytes: SHA-256.
func Hash(sealed []byte) []byte {
	sum := sha256.Sum256(sealed)
	return sum[:]
}
