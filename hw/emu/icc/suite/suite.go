// Package suite is the symmetric cryptography of Doc 9303-11 for the card side:
// key derivation (§9.7.1), padding, encryption and checksums of secure messaging
// (§9.8.6 for 3DES, §9.8.7 for AES). The inspection system has its own.
package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"crypto/sha256"
	"math/bits"

	"github.com/enrold/enrold/hw/emu/lds"
)

// Suite is one cipher with its modes. Make one with For.
type Suite struct {
	cipher  lds.Cipher
	keySize int
	block   int
}

// For returns the suite of c.
func For(c lds.Cipher) Suite {
	switch c {
	case lds.AES128:
		return Suite{c, 16, aes.BlockSize}
	case lds.AES192:
		return Suite{c, 24, aes.BlockSize}
	case lds.AES256:
		return Suite{c, 32, aes.BlockSize}
	default:
		return Suite{lds.TDES, 16, des.BlockSize}
	}
}

// Block is the block size in bytes.
func (s Suite) Block() int { return s.block }

// KeySize is the length of a key in bytes (two keys of DES: 16).
func (s Suite) KeySize() int { return s.keySize }

// NonceSize is the length of PACE's nonce: the smallest whole number of
// 16 byte blocks that is at least a key (§4.4.3.3).
func (s Suite) NonceSize() int { return (s.keySize + 15) / 16 * 16 }

// KDF is §9.7.1: counter 1 for encryption, 2 for the checksum, 3 for a password.
func (s Suite) KDF(secret []byte, counter byte) []byte {
	input := append(append([]byte{}, secret...), 0, 0, 0, counter)
	if s.keySize > 16 {
		h := sha256.Sum256(input)
		return h[:s.keySize]
	}
	h := sha1.Sum(input)
	key := h[:16]
	if s.cipher == lds.TDES {
		for i, b := range key { // odd parity
			key[i] = b&0xFE | byte(bits.OnesCount8(b&0xFE)&1^1)
		}
	}
	return key
}

// Encrypt is CBC mode; data must be whole blocks. iv nil means zero.
func (s Suite) Encrypt(key, iv, data []byte) []byte {
	out := make([]byte, len(data))
	cipher.NewCBCEncrypter(s.cipherOf(key), s.vector(iv)).CryptBlocks(out, data)
	return out
}

// Decrypt undoes Encrypt.
func (s Suite) Decrypt(key, iv, data []byte) []byte {
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(s.cipherOf(key), s.vector(iv)).CryptBlocks(out, data)
	return out
}

// Vector is the initialisation vector of secure messaging: zero for 3DES, the
// encrypted counter for AES (§9.8.6.1, §9.8.7.1). counter is one block.
func (s Suite) Vector(key, counter []byte) []byte {
	if s.cipher == lds.TDES {
		return nil
	}
	return s.Encrypt(key, nil, counter)
}

// MAC is the checksum of secure messaging, 8 bytes, over data that is padded.
func (s Suite) MAC(key, padded []byte) []byte {
	if s.cipher == lds.TDES {
		return retailMAC(key, padded)
	}
	return cmac(s.cipherOf(key), padded)[:8]
}

// Token is PACE's authentication token over data as it is (§4.4.3.4): the MAC
// does its own padding.
func (s Suite) Token(key, data []byte) []byte {
	if s.cipher == lds.TDES {
		return retailMAC(key, s.Pad(data))
	}
	return cmac(s.cipherOf(key), data)[:8]
}

// Pad is ISO/IEC 9797-1 method 2: 80 and zeros up to whole blocks.
func (s Suite) Pad(data []byte) []byte {
	out := make([]byte, (len(data)/s.block+1)*s.block)
	copy(out, data)
	out[len(data)] = 0x80
	return out
}

// Unpad undoes Pad; false means that the padding is not there.
func (s Suite) Unpad(data []byte) ([]byte, bool) {
	for i := len(data) - 1; i >= 0 && i >= len(data)-s.block; i-- {
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

func (s Suite) vector(iv []byte) []byte {
	if iv == nil {
		return make([]byte, s.block)
	}
	return iv
}

func (s Suite) cipherOf(key []byte) cipher.Block {
	var b cipher.Block
	var err error
	if s.cipher == lds.TDES {
		b, err = des.NewTripleDESCipher(append(append([]byte{}, key[:16]...), key[:8]...))
	} else {
		b, err = aes.NewCipher(key)
	}
	if err != nil {
		panic("suite: key of wrong length") // every key comes from KDF or has KeySize bytes
	}
	return b
}
