package suite

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
)

// retailMAC is ISO/IEC 9797-1 algorithm 3 with DES over data that is padded.
func retailMAC(key, data []byte) []byte {
	first, err := des.NewCipher(key[:8])
	if err != nil {
		panic("suite: DES key of wrong length") // cut to 8 bytes
	}
	second, err := des.NewCipher(key[8:16])
	if err != nil {
		panic("suite: DES key of wrong length")
	}
	h := make([]byte, 8)
	for ; len(data) >= 8; data = data[8:] {
		subtle.XORBytes(h, h, data[:8])
		first.Encrypt(h, h)
	}
	second.Decrypt(h, h)
	first.Encrypt(h, h)
	return h
}

// cmac is CMAC of NIST SP 800-38B over any data; b has blocks of 16 bytes.
func cmac(b cipher.Block, data []byte) []byte {
	const size = 16
	k := make([]byte, size)
	b.Encrypt(k, k)
	k = double(k) // K1: for a last block that is whole
	last := make([]byte, size)
	whole := 0
	if len(data) > 0 {
		whole = (len(data) - 1) / size * size
	}
	n := copy(last, data[whole:])
	if n < size {
		last[n] = 0x80
		k = double(k) // K2
	}
	subtle.XORBytes(last, last, k)
	h := make([]byte, size)
	for i := 0; i < whole; i += size {
		subtle.XORBytes(h, h, data[i:i+size])
		b.Encrypt(h, h)
	}
	subtle.XORBytes(h, h, last)
	b.Encrypt(h, h)
	return h
}

// double multiplies by x in GF(2^128).
func double(b []byte) []byte {
	out := make([]byte, len(b))
	var carry byte
	for i := len(b) - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	out[len(b)-1] ^= carry * 0x87
	return out
}
