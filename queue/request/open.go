package request

import (
	"bytes"
	"crypto/hpke"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// parse splits sealed bytes; it trusts nothing in them.
func parse(sealed []byte) (h header, prefix, ciphertext []byte, err error) {
	if len(sealed) > MaxSealed {
		return h, nil, nil, fmt.Errorf("%d bytes, at most %d", len(sealed), MaxSealed)
	}
	if len(sealed) < prefixBytes || string(sealed[:len(magic)]) != magic {
		return h, nil, nil, errors.New("not a sealed request of version 2")
	}
	n := int(binary.BigEndian.Uint16(sealed[len(magic):prefixBytes]))
	if n > maxHeader || len(sealed) < prefixBytes+n+tagBytes {
		return h, nil, nil, errors.New("sealed request is cut short")
	}
	prefix, ciphertext = sealed[:prefixBytes+n], sealed[prefixBytes+n:]
	if err := decMode.Unmarshal(prefix[prefixBytes:], &h); err != nil {
		return h, nil, nil, fmt.Errorf("malformed header (%T)", err)
	}
	if len(h.Recipients) == 0 || len(h.Recipients) > maxRecipients {
		return h, nil, nil, fmt.Errorf("%d recipients, want 1 to %d", len(h.Recipients), maxRecipients)
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

// SealedTo returns the ids ([SealKeyID]) of the central keys that sealed bytes
// say they can be opened with.
func SealedTo(sealed []byte) ([][]byte, error) {
	h, _, _, err := parse(sealed)
	if err != nil {
		return nil, fmt.Errorf("parse sealed request: %w", err)
	}
	ids := make([][]byte, len(h.Recipients))
	for i, r := range h.Recipients {
		ids[i] = r.KeyID
	}
	return ids, nil
}

// ErrOtherKey says that the request was sealed to keys that are not ours.
var ErrOtherKey = errors.New("sealed to another key")

// OpenBytes opens sealed bytes with one of the central's private keys and
// returns the signed message in them.
func OpenBytes(priv hpke.PrivateKey, sealed []byte) (Ident, []byte, error) {
	id, signed, err := openBytes(priv, sealed)
	if err != nil {
		return Ident{}, nil, fmt.Errorf("open request: %w", err)
	}
	return id, signed, nil
}

func openBytes(priv hpke.PrivateKey, sealed []byte) (Ident, []byte, error) {
	h, prefix, ciphertext, err := parse(sealed)
	if err != nil {
		return Ident{}, nil, err
	}
	key, err := h.share(priv)
	if err != nil {
		return Ident{}, nil, err
	}
	defer clear(key)
	aead, commitment, err := content(key)
	if err != nil {
		return Ident{}, nil, err
	}
	if subtle.ConstantTimeCompare(commitment, h.Commitment) != 1 {
		return Ident{}, nil, errors.New("the content key is not the one committed to")
	}
	signed, err := aead.Open(nil, contentNonce(aead), ciphertext, prefix)
	if err != nil {
		return Ident{}, nil, err
	}
	return h.ident(), signed, nil
}

// share opens the content key with priv.
func (h header) share(priv hpke.PrivateKey) ([]byte, error) {
	kdf, wrap := hpke.HKDFSHA256(), hpke.AES256GCM()
	pub := priv.PublicKey()
	id := SealKeyID(pub)
	for _, r := range h.Recipients {
		if r.KEM != pub.KEM().ID() || r.KDF != kdf.ID() || r.AEAD != wrap.ID() || !bytes.Equal(r.KeyID, id) {
			continue
		}
		opener, err := hpke.NewRecipient(r.Enc, priv, kdf, wrap, []byte(sealInfo))
		if err != nil {
			return nil, err
		}
		return opener.Open(h.shareContext(), r.Key)
	}
	return nil, ErrOtherKey
}

// Open opens sealed bytes, verifies the signatures and checks that the header
// and the signed body name the same request.
func Open(priv hpke.PrivateKey, keys Verifier, sealed []byte) (Body, Signatures, error) {
	id, signed, err := OpenBytes(priv, sealed)
	if err != nil {
		return Body{}, Signatures{}, err
	}
	body, sigs, err := Verify(keys, id.Desk, signed)
	if err != nil {
		return Body{}, Signatures{}, err
	}
	if id != body.ident() {
		return Body{}, Signatures{}, errors.New("open request: header and signed body name different requests")
	}
	return body, sigs, nil
}
