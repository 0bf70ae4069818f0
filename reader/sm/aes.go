package sm

import (
	"crypto/aes"
	"crypto/cipher"
)

// aesSuite is AES in CBC mode with an IV from the send sequence counter and
// CMAC cut to 8 bytes (Doc 9303-11 §9.8.7).
type aesSuite struct {
	enc, mac cipher.Block
	k1, k2   [aes.BlockSize]byte // subkeys of the CMAC
}

func newAES(kenc, kmac []byte) (*aesSuite, error) {
	enc, err := aes.NewCipher(kenc)
	if err != nil {
		return nil, err
	}
	mac, err := aes.NewCipher(kmac)
	if err != nil {
		return nil, err
	}
	s := &aesSuite{enc: enc, mac: mac}
	mac.Encrypt(s.k1[:], s.k1[:])
	s.k1 = double(s.k1)
	s.k2 = double(s.k1)
	return s, nil
}

// double multiplies by x in GF(2^128) (NIST SP 800-38B §6.1).
func double(b [aes.BlockSize]byte) [aes.BlockSize]byte {
	var out [aes.BlockSize]byte
	carry := byte(0)
	for i := len(b) - 1; i >= 0; i-- {
		out[i], carry = b[i]<<1|carry, b[i]>>7
	}
	out[aes.BlockSize-1] ^= 0x87 * carry
	return out
}

func (*aesSuite) BlockSize() int { return aes.BlockSize }

func (s *aesSuite) iv(ssc []byte) []byte {
	out := make([]byte, aes.BlockSize)
	s.enc.Encrypt(out, ssc)
	return out
}

func (s *aesSuite) Encrypt(ssc, padded []byte) []byte { return encryptCBC(s.enc, s.iv(ssc), padded) }
func (s *aesSuite) Decrypt(ssc, data []byte) []byte   { return decryptCBC(s.enc, s.iv(ssc), data) }
func (s *aesSuite) EncryptCBC(b []byte) []byte {
	return encryptCBC(s.enc, make([]byte, aes.BlockSize), b)
}

func (s *aesSuite) DecryptCBC(b []byte) []byte {
	return decryptCBC(s.enc, make([]byte, aes.BlockSize), b)
}
func (s *aesSuite) MAC(padded []byte) []byte { return s.Token(padded) }

// Token is CMAC (NIST SP 800-38B §6.2), the leading 8 bytes.
func (s *aesSuite) Token(data []byte) []byte {
	const block = aes.BlockSize
	var x [block]byte
	for len(data) > block {
		for i := range x {
			x[i] ^= data[i]
		}
		s.mac.Encrypt(x[:], x[:])
		data = data[block:]
	}
	last := s.k1
	if len(data) < block {
		last = s.k2
		data = Pad(data, block)
	}
	for i := range x {
		x[i] ^= data[i] ^ last[i]
	}
	s.mac.Encrypt(x[:], x[:])
	return x[:8]
}

func encryptCBC(c cipher.Block, iv, b []byte) []byte {
	out := make([]byte, len(b))
	cipher.NewCBCEncrypter(c, iv).CryptBlocks(out, b)
	return out
}

func decryptCBC(c cipher.Block, iv, b []byte) []byte {
	out := make([]byte, len(b))
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(out, b)
	return out
}
