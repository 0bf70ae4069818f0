package sm

import (
	"crypto/cipher"
	"crypto/des"
)

// tdes is two-key 3DES in CBC mode with a zero IV, and the retail MAC
// (ISO/IEC 9797-1 MAC algorithm 3); Doc 9303-11 §9.8.6.
type tdes struct {
	enc        cipher.Block
	mac1, mac2 cipher.Block // single DES under either half of the MAC key
}

func newTDES(kenc, kmac []byte) (*tdes, error) {
	enc, err := des.NewTripleDESCipher(append(append([]byte(nil), kenc...), kenc[:8]...))
	if err != nil {
		return nil, err
	}
	mac1, err := des.NewCipher(kmac[:8])
	if err != nil {
		return nil, err
	}
	mac2, err := des.NewCipher(kmac[8:])
	if err != nil {
		return nil, err
	}
	return &tdes{enc, mac1, mac2}, nil
}

func (*tdes) BlockSize() int { return des.BlockSize }

func (t *tdes) Encrypt(_, padded []byte) []byte { return t.EncryptCBC(padded) }
func (t *tdes) Decrypt(_, data []byte) []byte   { return t.DecryptCBC(data) }
func (t *tdes) EncryptCBC(b []byte) []byte {
	return encryptCBC(t.enc, make([]byte, des.BlockSize), b)
}

func (t *tdes) DecryptCBC(b []byte) []byte {
	return decryptCBC(t.enc, make([]byte, des.BlockSize), b)
}
func (t *tdes) Token(data []byte) []byte { return t.MAC(Pad(data, des.BlockSize)) }

func (t *tdes) MAC(padded []byte) []byte {
	h := make([]byte, des.BlockSize)
	for i := 0; i+des.BlockSize <= len(padded); i += des.BlockSize {
		for j := range h {
			h[j] ^= padded[i+j]
		}
		t.mac1.Encrypt(h, h)
	}
	t.mac2.Decrypt(h, h)
	t.mac1.Encrypt(h, h)
	return h
}
