package request

import (
	"bytes"
	"crypto"
	"errors"
)

// KnownKeys is a Verifier over two fixed lists, the same for every desk: for a
// file verified by hand, and for tests.
type KnownKeys struct {
	Devices, Officers []crypto.PublicKey
}

// Device returns the device key with the id kid.
func (k KnownKeys) Device(_ string, kid []byte) (crypto.PublicKey, error) {
	return find(k.Devices, kid, "no such device key")
}

// Officer returns the officer's key with the id kid.
func (k KnownKeys) Officer(_ string, kid []byte) (crypto.PublicKey, error) {
	return find(k.Officers, kid, "no such officer's key")
}

func find(keys []crypto.PublicKey, kid []byte, missing string) (crypto.PublicKey, error) {
	for _, k := range keys {
		if id, err := KeyID(k); err == nil && bytes.Equal(id, kid) {
			return k, nil
		}
	}
	return nil, errors.New(missing)
}
