// Package domain holds the standardised domain parameters of Doc 9303-11 §9.5.1
// and computes in them, for the card side: keys are drawn, agreed and encoded
// here. It is simple, not constant in time: every key that it sees belongs to an
// emulated card. The inspection system has code of its own.
package domain

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// Element is an element of a group: a point of a curve (X and Y; both nil for
// the point at infinity) or a residue (X, Y is nil).
type Element struct{ X, Y *big.Int }

// Equal compares two elements of one group.
func (e Element) Equal(o Element) bool { return same(e.X, o.X) && same(e.Y, o.Y) }

func same(a, b *big.Int) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Cmp(b) == 0)
}

// Group is a cyclic group of prime order: a Curve or a Modulus.
type Group interface {
	ID() int // identifier of the table in Doc 9303-11 §9.5.1
	Name() string
	Order() *big.Int
	Prime() *big.Int
	Generator() Element
	// Combine is the group's operation, Power its repetition.
	Combine(a, b Element) Element
	Power(e Element, n *big.Int) Element
	// Neutral says that e is the neutral element.
	Neutral(e Element) bool
	// Map is the encoding of the integrated mapping: a field element to a group
	// element (Doc 9303-11 §4.4.3.3.2, appendix B).
	Map(x *big.Int) (Element, error)
	// Encode writes a public key as §9.4.5 wants it, Decode reads and checks it.
	Encode(e Element) []byte
	Decode(b []byte) (Element, error)
	// Secret is what the key derivation takes of an agreed element (§9.7.1).
	Secret(e Element) []byte
}

// ErrElement says that bytes from outside are not a public key of the group.
var ErrElement = errors.New("not an element of the group")

// Groups lists every group, by identifier.
func Groups() []Group {
	var out []Group
	for _, m := range moduli() {
		out = append(out, m)
	}
	for _, c := range curves() {
		out = append(out, c)
	}
	return out
}

// ByName finds a group: secp256r1, brainpoolP384r1, dh-2.
func ByName(name string) (Group, bool) {
	for _, g := range Groups() {
		if g.Name() == name {
			return g, true
		}
	}
	return nil, false
}

// PrivateKey draws a private key from random; nil means the system's source.
func PrivateKey(g Group, random io.Reader) (*big.Int, error) {
	if random == nil {
		random = rand.Reader
	}
	// 64 bits more than the order has, so that the remainder is nearly even. A
	// test that knows its key gives exactly these bytes.
	b := make([]byte, (g.Order().BitLen()+7)/8+8)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("draw private key: %w", err)
	}
	k := new(big.Int).SetBytes(b)
	if k.Mod(k, g.Order()); k.Sign() == 0 {
		k.SetInt64(1)
	}
	return k, nil
}

func hex(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("domain: a parameter is not hexadecimal") // constants of this package
	}
	return n
}
