package lds

import (
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/hw/emu/lds/domain"
)

// Cipher is the symmetric half of PACE and chip authentication; its number is
// the last arc of their object identifiers (Doc 9303-11 §9.2.3, §9.2.7).
type Cipher int

const (
	TDES Cipher = 1 + iota
	AES128
	AES192
	AES256
)

var cipherNames = map[string]Cipher{"3des": TDES, "aes-128": AES128, "aes-192": AES192, "aes-256": AES256}

// Mapping is how PACE maps the nonce (Doc 9303-11 §4.4.3.3).
type Mapping int

const (
	Generic Mapping = 1 + iota
	Integrated
	ChipAuthentication
)

// The subtrees of bsi-de protocols(2) smartcard(2) and of ICAO's security arc.
var (
	oidPK   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1}
	oidTA   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 2}
	oidCA   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3}
	oidPACE = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4}
	oidAA   = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 5}
)

func under(oid asn1.ObjectIdentifier, arcs ...int) asn1.ObjectIdentifier {
	return append(append(asn1.ObjectIdentifier{}, oid...), arcs...)
}

// kind is one for groups of residues and two for curves, the arc that tells
// DH from ECDH.
func kind(g domain.Group) int {
	if _, ok := g.(*domain.Curve); ok {
		return 2
	}
	return 1
}

// PACE is one way in which a chip offers password authenticated connection
// establishment.
type PACE struct {
	Mapping Mapping
	Group   domain.Group
	Cipher  Cipher
}

// OID is the protocol's object identifier (Doc 9303-11 §9.2.3).
func (p PACE) OID() asn1.ObjectIdentifier {
	arc := map[Mapping]int{Generic: 0, Integrated: 2, ChipAuthentication: 4}[p.Mapping] + kind(p.Group)
	return under(oidPACE, arc, int(p.Cipher))
}

// check refuses what the standard does not define.
func (p PACE) check() error {
	switch {
	case p.Mapping == ChipAuthentication && (kind(p.Group) != 2 || p.Cipher == TDES):
		return fmt.Errorf("chip authentication mapping wants a curve and AES (Doc 9303-11 §4.4.3.3)")
	case p.Mapping == Integrated && p.Group.Name() == "secp224r1":
		return fmt.Errorf("secp224r1 has no integrated mapping (Doc 9303-11 §9.5.1)")
	}
	return nil
}

// ChipKey is the static key of chip authentication.
type ChipKey struct {
	Group   domain.Group
	Private *big.Int
	Ciphers []Cipher // of chip authentication version 1; none: the key serves PACE only
	ID      int      // key identifier, -1 for none
}

// OID is the object identifier of chip authentication with cipher c (§9.2.7).
func (k *ChipKey) OID(c Cipher) asn1.ObjectIdentifier { return under(oidCA, kind(k.Group), int(c)) }

// Public is the public half.
func (k *ChipKey) Public() domain.Element { return k.Group.Power(k.Group.Generator(), k.Private) }

// OIDBytes is the value of an object identifier, without tag and length, as
// MSE:Set AT carries it.
func OIDBytes(oid asn1.ObjectIdentifier) []byte {
	der, err := asn1.Marshal(oid)
	if err != nil || len(der) < 2 {
		panic("lds: an object identifier does not encode") // constants of this package
	}
	return der[2:] // shorter than 128 bytes
}
