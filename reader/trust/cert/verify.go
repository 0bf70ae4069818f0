package cert

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/trust/der"
)

// ErrSignature means that a signature was checked and is wrong.
var ErrSignature = errors.New("signature is wrong")

// Verify checks a signature over message. Where the algorithm leaves the hash
// open, open tells it. It returns nil, ErrSignature or an *UnsupportedError.
func (k PublicKey) Verify(a Algorithm, open crypto.Hash, message, signature []byte) error {
	if a.reason != "" {
		return &UnsupportedError{a.reason}
	}
	if err := k.Supported(); err != nil {
		return err
	}
	hash := a.Hash
	if hash == 0 {
		hash = open
	}
	if hash == 0 {
		return &UnsupportedError{"hash algorithm of the signature"}
	}
	h := hash.New()
	h.Write(message)
	sum := h.Sum(nil)
	var ok bool
	switch {
	case a.scheme == pkcs1 && k.rsa != nil && !k.pss:
		ok = rsa.VerifyPKCS1v15(k.rsa, hash, sum, signature) == nil
	case a.scheme == pss && k.rsa != nil:
		ok = verifyPSS(k.rsa, hash, a.mgf, a.salt, sum, signature)
	case a.scheme == ecdsaDER && k.curve != nil:
		r, s, err := readRS(signature)
		ok = err == nil && k.curve.Verify(k.point, sum, r, s)
	case a.scheme == ecdsaPlain && k.curve != nil:
		ok = verifyPlain(k.curve, k.point, sum, signature)
	default:
		return fmt.Errorf("%w: algorithm does not fit the key", ErrSignature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

func readRS(signature []byte) (r, s *big.Int, err error) {
	d := der.New(signature)
	pair := d.Open(der.Sequence)
	a, b := pair.Natural(), pair.Natural()
	pair.End()
	return number(a), number(b), d.Done()
}

func verifyPlain(c *ec.Curve, q ec.Point, sum, signature []byte) bool {
	size := (c.N.BitLen() + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	return c.Verify(q, sum, number(signature[:size]), number(signature[size:]))
}

// verifyPSS is RSASSA-PSS-VERIFY (RFC 8017 §8.1.2, §9.1.2). Unlike crypto/rsa
// it lets the mask generation use another hash than the message does, which
// issuers do that leave the parameter at its default.
func verifyPSS(k *rsa.PublicKey, hash, mgf crypto.Hash, salt int, sum, signature []byte) bool {
	if len(signature) != k.Size() {
		return false
	}
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(k.N) >= 0 {
		return false
	}
	bits := k.N.BitLen() - 1
	size := (bits + 7) / 8
	m := s.Exp(s, big.NewInt(int64(k.E)), k.N)
	if m.BitLen() > bits {
		return false
	}
	encoded := m.FillBytes(make([]byte, size))
	if salt < 0 || size < len(sum)+salt+2 || encoded[size-1] != 0xBC {
		return false
	}
	db, h := encoded[:size-len(sum)-1], encoded[size-len(sum)-1:size-1]
	unused := byte(0xFF) >> (8*size - bits)
	if db[0]&^unused != 0 {
		return false
	}
	mask(db, mgf, h)
	db[0] &= unused
	zeros := len(db) - salt - 1
	if !bytes.Equal(db[:zeros], make([]byte, zeros)) || db[zeros] != 1 {
		return false
	}
	d := hash.New()
	d.Write(make([]byte, 8))
	d.Write(sum)
	d.Write(db[zeros+1:])
	return subtle.ConstantTimeCompare(d.Sum(nil), h) == 1
}

// mask is MGF1 (RFC 8017 appendix B.2.1), XORed onto b.
func mask(b []byte, hash crypto.Hash, seed []byte) {
	for counter := uint32(0); len(b) > 0; counter++ {
		h := hash.New()
		h.Write(seed)
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		n := subtle.XORBytes(b, b, h.Sum(nil))
		b = b[n:]
	}
}
