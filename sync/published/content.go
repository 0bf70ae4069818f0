package published

import (
	"bytes"
	"crypto/hpke"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
)

const (
	maxSealKeys = 16
	maxFiles    = 256
	maxFileName = 64
)

// SealKey is one of the central's HPKE keys. Keys overlap, so that a desk that
// was offline for weeks still seals to one that the central holds.
type SealKey struct {
	KEM       uint16 `cbor:"kem"` // RFC 9180 §7.1
	Key       []byte `cbor:"key"`
	NotBefore int64  `cbor:"not_before"` // Unix seconds
	NotAfter  int64  `cbor:"not_after"`
}

// NewSealKey names a key for the time that it is to be used.
func NewSealKey(pub hpke.PublicKey, from, to time.Time) SealKey {
	return SealKey{KEM: pub.KEM().ID(), Key: pub.Bytes(), NotBefore: from.Unix(), NotAfter: to.Unix()}
}

// EncodeSealKeys returns the data of an item of kind seal_keys.
func EncodeSealKeys(keys []SealKey) ([]byte, error) {
	data, err := encMode.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("encode seal keys: %w", err)
	}
	if _, err := ParseSealKeys(data); err != nil {
		return nil, err
	}
	return data, nil
}

// ParseSealKeys reads 1 to 16 keys. A KEM that this software does not know is no
// error: the list may be ahead of the desk.
func ParseSealKeys(data []byte) ([]SealKey, error) {
	var keys []SealKey
	if err := decMode.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("parse seal keys: malformed CBOR (%T)", err)
	}
	if len(keys) == 0 || len(keys) > maxSealKeys {
		return nil, fmt.Errorf("parse seal keys: %d keys, want 1 to %d", len(keys), maxSealKeys)
	}
	for i, k := range keys {
		if k.NotAfter <= k.NotBefore {
			return nil, errors.New("parse seal keys: not_after is not after not_before")
		}
		for _, other := range keys[:i] {
			if bytes.Equal(k.Key, other.Key) {
				return nil, errors.New("parse seal keys: one key twice")
			}
		}
		if _, err := k.public(); err != nil && k.KEM == request.SealKEM().ID() {
			return nil, fmt.Errorf("parse seal keys: %w", err)
		}
	}
	return keys, nil
}

func (k SealKey) public() (hpke.PublicKey, error) {
	if kem := request.SealKEM(); k.KEM == kem.ID() {
		return kem.NewPublicKey(k.Key)
	}
	return nil, fmt.Errorf("KEM %#04x is not known", k.KEM)
}

// EncodeFiles returns the data of an item that holds named TOML files.
func EncodeFiles(files map[string][]byte) ([]byte, error) {
	data, err := encMode.Marshal(files)
	if err != nil {
		return nil, fmt.Errorf("encode files: %w", err)
	}
	if _, err := ParseFiles(data); err != nil {
		return nil, err
	}
	return data, nil
}

// ParseFiles reads up to 256 files, each with a plain name that ends in ".toml".
func ParseFiles(data []byte) (map[string][]byte, error) {
	var files map[string][]byte
	if err := decMode.Unmarshal(data, &files); err != nil {
		return nil, fmt.Errorf("parse files: malformed CBOR (%T)", err)
	}
	if len(files) == 0 {
		return nil, errors.New("parse files: none")
	}
	for name, content := range files {
		if !plainName(name) || len(content) == 0 {
			return nil, errors.New("parse files: a file without a plain name ending in .toml, or without content")
		}
	}
	return files, nil
}

// plainName admits what is a file name everywhere: lower-case letters, digits
// and hyphens before ".toml".
func plainName(name string) bool {
	stem, ok := bytes.CutSuffix([]byte(name), []byte(".toml"))
	if !ok || len(stem) == 0 || len(stem) > maxFileName {
		return false
	}
	for _, c := range stem {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
