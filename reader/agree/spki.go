package agree

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/tlv"
)

// Values of the object identifiers of key algorithms.
const (
	oidStandard  = "\x04\x00\x7F\x00\x07\x01\x02"         // 0.4.0.127.0.7.1.2, §9.5.1
	oidEC        = "\x2A\x86\x48\xCE\x3D\x02\x01"         // 1.2.840.10045.2.1
	oidECDH      = "\x2B\x81\x04\x01\x0C"                 // 1.3.132.1.12, SEC 1 appendix C.4
	oidX942      = "\x2A\x86\x48\xCE\x3E\x02\x01"         // 1.2.840.10046.2.1, RFC 3279 §2.3.3
	oidPKCS3     = "\x2A\x86\x48\x86\xF7\x0D\x01\x03\x01" // 1.2.840.113549.1.3.1
	oidPrime     = "\x2A\x86\x48\xCE\x3D\x01\x01"         // 1.2.840.10045.1.1
	maxFieldBits = 4096
)

// ParsePublicKey reads a SubjectPublicKeyInfo (Doc 9303-11 §9.1) of a key
// agreement key. Curves must be standardised ones, by name or by parameters;
// prime fields are those of RFC 5114 or, as the key is to be signed anyway, any
// of 1024 to 4096 bits. X9.42 is taken for what §8.5 note 2 tells of real cards.
func ParsePublicKey(spki []byte) (Group, []byte, error) {
	o, _, err := tlv.Next(spki)
	if err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	parts, err := tlv.List(o.Value)
	if err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	if len(parts) != 2 || parts[1].Tag != 0x03 || len(parts[1].Value) < 2 || parts[1].Value[0] != 0 {
		return nil, nil, errors.New("public key: no bit string of whole bytes")
	}
	g, err := ParseAlgorithm(parts[0].Raw)
	if err != nil {
		return nil, nil, err
	}
	public := parts[1].Value[1:]
	if _, ok := g.(DH); ok {
		n, rest, err := tlv.Next(public)
		if err != nil || n.Tag != 0x02 || len(rest) > 0 || len(n.Value) > maxFieldBits/8+1 {
			return nil, nil, errors.New("public key: value is not an integer")
		}
		public = new(big.Int).SetBytes(n.Value).Bytes()
	}
	return g, public, nil
}

// ParseAlgorithm reads an AlgorithmIdentifier with domain parameters (§9.5).
func ParseAlgorithm(der []byte) (Group, error) {
	o, _, err := tlv.Next(der)
	if err != nil {
		return nil, fmt.Errorf("domain parameters: %w", err)
	}
	parts, err := tlv.List(o.Value)
	if err != nil {
		return nil, fmt.Errorf("domain parameters: %w", err)
	}
	if o.Tag != 0x30 || len(parts) != 2 || parts[0].Tag != 0x06 {
		return nil, errors.New("domain parameters: no algorithm with parameters")
	}
	p := parts[1]
	switch string(parts[0].Value) {
	case oidStandard:
		if p.Tag != 0x02 || len(p.Value) != 1 {
			return nil, errors.New("domain parameters: identifier is no small integer")
		}
		return Standard(int(p.Value[0]))
	case oidEC, oidECDH:
		return parseCurve(p)
	case oidX942, oidPKCS3:
		return parseField(p, string(parts[0].Value) == oidX942)
	}
	return nil, errors.New("domain parameters: algorithm is unknown")
}

// parseField reads { p, g, q, … } of X9.42 or { p, g, length } of PKCS #3.
func parseField(o tlv.Object, x942 bool) (Group, error) {
	n, err := integers(o, 2)
	if err != nil {
		return nil, fmt.Errorf("prime field: %w", err)
	}
	d := DH{P: n[0], G: n[1]}
	if x942 && len(n) > 2 {
		d.Q = n[2]
	}
	for _, known := range fields() {
		if known.P.Cmp(d.P) == 0 && known.G.Cmp(d.G) == 0 {
			return known, nil
		}
	}
	if bits := d.P.BitLen(); bits < 1024 || bits > maxFieldBits || d.P.Bit(0) == 0 || d.G.Cmp(one) <= 0 || d.G.Cmp(d.P) >= 0 {
		return nil, errors.New("prime field: numbers are out of range")
	}
	if d.Q != nil && (d.Q.BitLen() < 160 || new(big.Int).Exp(d.G, d.Q, d.P).Cmp(one) != 0) {
		return nil, errors.New("prime field: order of the generator is wrong")
	}
	return d, nil
}

// parseCurve reads a curve's name or its explicit parameters (RFC 3279 §2.3.5,
// TR-03111 §5.1.2).
func parseCurve(o tlv.Object) (Group, error) {
	if o.Tag == 0x06 {
		for _, c := range ec.Curves() {
			if string(encodeOID(c.OID)) == string(o.Value) {
				return ECDH{c}, nil
			}
		}
		return nil, errors.New("curve is unknown")
	}
	parts, err := tlv.List(o.Value)
	if err != nil {
		return nil, fmt.Errorf("curve: %w", err)
	}
	if o.Tag != 0x30 || len(parts) < 5 || parts[1].Tag != 0x30 || parts[2].Tag != 0x30 || parts[3].Tag != 0x04 || parts[4].Tag != 0x02 {
		return nil, errors.New("curve: parameters are incomplete")
	}
	field, err := tlv.List(parts[1].Value)
	if err != nil || len(field) != 2 || string(field[0].Value) != oidPrime || field[1].Tag != 0x02 {
		return nil, errors.New("curve: field is not a prime field")
	}
	equation, err := tlv.List(parts[2].Value)
	if err != nil || len(equation) < 2 || equation[0].Tag != 0x04 || equation[1].Tag != 0x04 {
		return nil, errors.New("curve: equation is incomplete")
	}
	p, n := new(big.Int).SetBytes(field[1].Value), new(big.Int).SetBytes(parts[4].Value)
	a, b := new(big.Int).SetBytes(equation[0].Value), new(big.Int).SetBytes(equation[1].Value)
	for _, c := range ec.Curves() {
		if c.P.Cmp(p) != 0 {
			continue
		}
		if g, err := c.Decode(parts[3].Value); err == nil && ec.ByParameters(p, a, b, g.X, g.Y, n) == c {
			return ECDH{c}, nil
		}
	}
	return nil, errors.New("curve is not one of the standardised ones")
}

// integers reads a SEQUENCE that begins with at least n positive integers.
func integers(o tlv.Object, n int) ([]*big.Int, error) {
	parts, err := tlv.List(o.Value)
	if err != nil {
		return nil, err
	}
	var out []*big.Int
	for _, p := range parts {
		if p.Tag != 0x02 {
			break
		}
		if len(p.Value) == 0 || len(p.Value) > maxFieldBits/8+1 || p.Value[0]&0x80 != 0 {
			return nil, errors.New("integer is negative or too large")
		}
		out = append(out, new(big.Int).SetBytes(p.Value))
	}
	if o.Tag != 0x30 || len(out) < n {
		return nil, errors.New("too few integers")
	}
	return out, nil
}

// encodeOID writes the value of an object identifier given in dots.
func encodeOID(dots string) []byte {
	var arcs []uint64
	var n uint64
	for _, c := range dots + "." {
		if c == '.' {
			arcs, n = append(arcs, n), 0
			continue
		}
		n = n*10 + uint64(c-'0')
	}
	if len(arcs) < 2 {
		return nil
	}
	out := []byte{byte(arcs[0]*40 + arcs[1])}
	for _, a := range arcs[2:] {
		var part []byte
		for first := true; first || a > 0; first = false {
			b := byte(a & 0x7F)
			if len(part) > 0 {
				b |= 0x80
			}
			part, a = append([]byte{b}, part...), a>>7
		}
		out = append(out, part...)
	}
	return out
}
