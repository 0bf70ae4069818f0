package domain

import "math/big"

// Modulus is the subgroup of prime order q of the integers modulo p.
type Modulus struct {
	id   int
	name string
	p, q *big.Int
	g    *big.Int
}

func newModulus(id int, name, p, g, q string) *Modulus {
	return &Modulus{id: id, name: name, p: hex(p), g: hex(g), q: hex(q)}
}

// ID is the number of the domain parameters (Doc 9303-11 §9.5.1, table 12).
func (m *Modulus) ID() int { return m.id }

// Name is the group's, as RFC 5114 gives it.
func (m *Modulus) Name() string { return m.name }

// Order is that of the subgroup: private keys lie under it. Not to be changed.
func (m *Modulus) Order() *big.Int { return m.q }

// Prime is the modulus. Not to be changed.
func (m *Modulus) Prime() *big.Int { return m.p }

// Generator is that of the subgroup, in X; Y is nil.
func (m *Modulus) Generator() Element { return Element{X: m.g} }

// Neutral says that e is one.
func (m *Modulus) Neutral(e Element) bool { return e.X.Cmp(big.NewInt(1)) == 0 }

// Combine multiplies two residues.
func (m *Modulus) Combine(a, b Element) Element {
	r := new(big.Int).Mul(a.X, b.X)
	return Element{X: r.Mod(r, m.p)}
}

// Power raises a residue.
func (m *Modulus) Power(e Element, n *big.Int) Element {
	return Element{X: new(big.Int).Exp(e.X, n, m.p)}
}

// Map raises x to the cofactor (Doc 9303-11 §4.4.3.3.2); one is refused.
func (m *Modulus) Map(x *big.Int) (Element, error) {
	cofactor := new(big.Int).Sub(m.p, big.NewInt(1))
	e := m.Power(Element{X: x}, cofactor.Div(cofactor, m.q))
	if e.X.Cmp(big.NewInt(1)) <= 0 {
		return Element{}, ErrElement
	}
	return e, nil
}

// Encode is the unsigned integer in the fewest bytes (§9.4.1).
func (m *Modulus) Encode(e Element) []byte { return e.X.Bytes() }

// Decode reads an unsigned integer and checks that it is of the subgroup
// (RFC 2631 §2.1.5).
func (m *Modulus) Decode(b []byte) (Element, error) {
	e := Element{X: new(big.Int).SetBytes(b)}
	if len(b) > m.width()+1 || e.X.Cmp(big.NewInt(1)) <= 0 || e.X.Cmp(m.p) >= 0 || !m.Neutral(m.Power(e, m.q)) {
		return Element{}, ErrElement
	}
	return e, nil
}

// Secret is the residue, as wide as the prime (PKCS #3 §8.3).
func (m *Modulus) Secret(e Element) []byte { return e.X.FillBytes(make([]byte, m.width())) }

func (m *Modulus) width() int { return (m.p.BitLen() + 7) / 8 }
