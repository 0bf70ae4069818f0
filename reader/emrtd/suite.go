package emrtd

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"math/bits"
)

// suite is the cipher and checksum of a secure messaging session. Both work on
// padded input; ssc is the send sequence counter, one block long. AES
// (Doc 9303-11 §9.8.6.2) takes it as input of its IV, 3DES does not.
type suite interface {
	blockSize() int
	encrypt(ssc, padded []byte) []byte
	decrypt(ssc, data []byte) []byte
	mac(padded []byte) []byte // 8 bytes
}

// tdes is two-key 3DES in CBC mode with a zero IV, and the retail MAC
// (ISO/IEC 9797-1 MAC algorithm 3); Doc 9303-11 §9.8.6.1.
type tdes struct {
	enc        cipher.Block
	mac1, mac2 cipher.Block // single DES under either half of the MAC key
}

func newTDES(kenc, kmac []byte) (*tdes, error) {
	if len(kenc) != 16 || len(kmac) != 16 {
		return nil, errors.New("3DES keys are not of 16 bytes")
	}
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

func (*tdes) blockSize() int { return des.BlockSize }

func (t *tdes) encrypt(_, padded []byte) []byte {
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(t.enc, make([]byte, des.BlockSize)).CryptBlocks(out, padded)
	return out
}

func (t *tdes) decrypt(_, data []byte) []byte {
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(t.enc, make([]byte, des.BlockSize)).CryptBlocks(out, data)
	return out
}

func (t *tdes) mac(padded []byte) []byte {
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

const (
	purposeEnc = 1 // Doc 9303-11 §9.7.1.1
	purposeMAC = 2
)

// deriveTDES is the key derivation function of Doc 9303-11 §9.7.1 for 3DES:
// the first 16 bytes of SHA-1(seed || counter), parity adjusted.
func deriveTDES(seed []byte, purpose uint32) []byte {
	h := sha1.Sum(binary.BigEndian.AppendUint32(append([]byte(nil), seed...), purpose))
	key := h[:16]
	for i, b := range key {
		key[i] = b&^1 | byte(1-bits.OnesCount8(b&^1)%2)
	}
	return key
}

// pad is padding method 2 of ISO/IEC 9797-1: 80, then zeros to a full block.
func pad(b []byte, block int) []byte {
	out := append(make([]byte, 0, len(b)+block), b...)
	out = append(out, 0x80)
	for len(out)%block != 0 {
		out = append(out, 0)
	}
	return out
}

func unpad(b []byte) ([]byte, error) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
		case 0x80:
			return b[:i], nil
		default:
			return nil, errors.New("padding is wrong")
		}
	}
	return nil, errors.New("padding is missing")
}
