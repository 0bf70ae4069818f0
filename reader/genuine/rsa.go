package genuine

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // the hashes of §6.1.2.2
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/reader/tlv"
)

// Bounds of RSA keys of active authentication.
const (
	minRSA = 1024
	maxRSA = 4096
)

// rsaKey verifies ISO/IEC 9796-2 digital signature scheme 1 with partial
// recovery (Doc 9303-11 §6.1.2.2).
type rsaKey struct{ n, e *big.Int }

// parseRSA reads an RSAPublicKey (RFC 8017 appendix A.1.1).
func parseRSA(der []byte) (activeKey, error) {
	body, err := tlv.Find(der, 0x30)
	if err != nil {
		return nil, err
	}
	parts, err := tlv.List(body)
	if err != nil || len(parts) != 2 || parts[0].Tag != 0x02 || parts[1].Tag != 0x02 ||
		len(parts[0].Value) > maxRSA/8+1 || len(parts[1].Value) > 9 {
		return nil, errors.New("RSA key is malformed")
	}
	k := rsaKey{new(big.Int).SetBytes(parts[0].Value), new(big.Int).SetBytes(parts[1].Value)}
	if bits := k.n.BitLen(); bits < minRSA || bits > maxRSA || k.n.Bit(0) == 0 || k.e.Cmp(big.NewInt(3)) < 0 {
		return nil, errors.New("RSA key is out of range")
	}
	return k, nil
}

func (k rsaKey) name() string {
	return fmt.Sprintf("active authentication with RSA, %d bits", k.n.BitLen())
}
func (k rsaKey) size() int { return (k.n.BitLen() + 7) / 8 }

// trailers are the hash identifiers of trailer field option 2: xx CC.
var trailers = map[byte]crypto.Hash{
	0x33: crypto.SHA1, 0x34: crypto.SHA256, 0x35: crypto.SHA512, 0x36: crypto.SHA384, 0x38: crypto.SHA224,
}

// verify opens the signature. The recoverable string is a header, the chip's
// nonce M1, the hash of M1 and the challenge, and the trailer: BC for SHA-1
// (option 1) or xx CC. The chip may give s or n - s (ISO/IEC 9796-2 §B.4).
func (k rsaKey) verify(challenge, signature []byte) error {
	if len(signature) != k.size() {
		return fmt.Errorf("signature has %d bytes, not %d", len(signature), k.size())
	}
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(k.n) >= 0 {
		return errors.New("signature is out of range")
	}
	f := new(big.Int).Exp(s, k.e, k.n)
	if new(big.Int).And(f, big.NewInt(0xF)).Int64() != 0xC {
		f.Sub(k.n, f)
	}
	b := f.FillBytes(make([]byte, k.size()))
	hash, trailer := crypto.SHA1, 1
	switch b[len(b)-1] {
	case 0xBC:
	case 0xCC:
		h, ok := trailers[b[len(b)-2]]
		if !ok {
			return errors.New("signature names an unknown hash")
		}
		hash, trailer = h, 2
	default:
		return errors.New("signature has no trailer")
	}
	b = b[:len(b)-trailer]
	start, err := header(b)
	if err != nil {
		return err
	}
	end := len(b) - hash.Size()
	if end < start {
		return errors.New("signature is too short for its hash")
	}
	d := hash.New()
	d.Write(b[start:end])
	d.Write(challenge)
	if !bytes.Equal(d.Sum(nil), b[end:]) {
		return errors.New("signature is wrong")
	}
	return nil
}

// header returns where the recoverable message begins. The string starts with
// bits 01, 1 for partial recovery, and padding nibbles B up to A; it is one byte
// 6A when the message fills the signature, as §6.1.2.2 requires. A modulus whose
// length is not a multiple of 8 bits gives leading zero bits, which no chip has.
func header(b []byte) (int, error) {
	if b[0] == 0x6A {
		return 1, nil
	}
	if b[0] != 0x6B {
		return 0, errors.New("signature has no header of partial recovery")
	}
	for i, c := range b[1:] {
		switch c {
		case 0xBB:
		case 0xBA:
			return i + 2, nil
		default:
			return 0, errors.New("padding of the signature is wrong")
		}
	}
	return 0, errors.New("padding of the signature never ends")
}
