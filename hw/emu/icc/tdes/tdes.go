// Package tdes is the triple DES half of Doc 9303-11: key derivation (§9.7),
// padding and checksum (§9.8.6.1). Keys are 16 bytes: two DES keys, the first
// used again as third.
package tdes

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"math/bits"
)

// KDF is §9.7.1.1: counter 1 for encryption, 2 for the checksum.
func KDF(secret []byte, counter byte) []byte {
	h := sha1.Sum(append(append([]byte{}, secret...), 0, 0, 0, counter))
	key := h[:16]
	for i, b := range key { // odd parity
		key[i] = b&0xFE | byte(bits.OnesCount8(b&0xFE)&1^1)
	}
	return key
}

func block(key []byte) cipher.Block {
	b, err := des.NewTripleDESCipher(append(append([]byte{}, key[:16]...), key[:8]...))
	if err != nil {
		panic("tdes: 3DES key of wrong length") // 24 bytes by construction
	}
	return b
}

// Encrypt is 3DES in CBC mode under a zero initialisation vector; data must be
// whole blocks of 8 bytes.
func Encrypt(key, data []byte) []byte {
	out := make([]byte, len(data))
	cipher.NewCBCEncrypter(block(key), make([]byte, 8)).CryptBlocks(out, data)
	return out
}

// Decrypt undoes Encrypt.
func Decrypt(key, data []byte) []byte {
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block(key), make([]byte, 8)).CryptBlocks(out, data)
	return out
}

// MAC is ISO/IEC 9797-1 algorithm 3 with DES over data that is padded already.
func MAC(key, data []byte) []byte {
	first, err := des.NewCipher(key[:8])
	if err != nil {
		panic("tdes: DES key of wrong length")
	}
	second, err := des.NewCipher(key[8:16])
	if err != nil {
		panic("tdes: DES key of wrong length")
	}
	h := make([]byte, 8)
	for len(data) >= 8 {
		for i := range h {
			h[i] ^= data[i]
		}
		first.Encrypt(h, h)
		data = data[8:]
	}
	second.Decrypt(h, h)
	first.Encrypt(h, h)
	return h
}

// Pad is ISO/IEC 9797-1 method 2: 80 and zeros up to whole blocks of 8 bytes.
func Pad(data []byte) []byte {
	out := make([]byte, (len(data)/8+1)*8)
	copy(out, data)
	out[len(data)] = 0x80
	return out
}

// Unpad undoes Pad; false means that the padding is not there.
func Unpad(data []byte) ([]byte, bool) {
	for i := len(data) - 1; i >= 0 && i >= len(data)-8; i-- {
		switch data[i] {
		case 0x80:
			return data[:i], true
		case 0:
		default:
			return nil, false
		}
	}
	return nil, false
}
