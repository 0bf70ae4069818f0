// Package secinfo reads SecurityInfos: what a chip says of its protocols and
// keys in EF.CardAccess, EF.CardSecurity and DG14 (ICAO Doc 9303-11 §9.2).
package secinfo

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// Mapping is how PACE maps its nonce (§4.4.3.3).
type Mapping string

const (
	Generic    Mapping = "GM"
	Integrated Mapping = "IM"
	ChipAuth   Mapping = "CAM"
)

// PACE is a PACEInfo (§9.2.1).
type PACE struct {
	OID       []byte // value of the object identifier
	Mapping   Mapping
	Field     bool // DH in a prime field, not on a curve
	Cipher    sm.Algorithm
	Parameter int // identifier of the domain parameters, -1 when absent
}

// Domain is a PACEDomainParameterInfo (§9.2.2).
type Domain struct {
	Algorithm []byte // AlgorithmIdentifier
	Parameter int    // -1 when absent
}

// ChipAuthentication is a ChipAuthenticationInfo of version 1 (§9.2.5).
type ChipAuthentication struct {
	OID    []byte
	Field  bool
	Cipher sm.Algorithm
	KeyID  []byte // value of the integer, nil when absent
}

// PublicKey is a ChipAuthenticationPublicKeyInfo (§9.2.6).
type PublicKey struct {
	Field bool
	SPKI  []byte // SubjectPublicKeyInfo
	KeyID []byte
}

// Infos is a set of SecurityInfos. Entries of other protocols, of other
// versions, and entries that make no sense are left out (§9.2).
type Infos struct {
	PACE       []PACE
	Domains    []Domain
	Chip       []ChipAuthentication
	Keys       []PublicKey
	ActiveHash []byte // OID value of the signature algorithm of active authentication, nil when absent
	Terminal   bool   // terminal authentication is supported

	access [][]byte // PACE entries as they stand, for Confirms
}

// Values of object identifiers below 0.4.0.127.0.7.2.2.
const (
	base         = "\x04\x00\x7F\x00\x07\x02\x02"
	armKey       = 1
	armTerminal  = 2
	armChip      = 3
	armPACE      = 4
	oidActive    = "\x67\x81\x08\x01\x01\x05" // 2.23.136.1.1.5
	maxIntegerID = 8                          // bytes of a key identifier
)

// Parse reads a DER SET OF SecurityInfo.
func Parse(set []byte) (Infos, error) {
	o, _, err := tlv.Next(set)
	if err != nil {
		return Infos{}, fmt.Errorf("security infos: %w", err)
	}
	if o.Tag != 0x31 {
		return Infos{}, errors.New("security infos: not a set")
	}
	list, err := tlv.List(o.Value)
	if err != nil {
		return Infos{}, fmt.Errorf("security infos: %w", err)
	}
	var infos Infos
	for _, o := range list {
		parts, err := tlv.List(o.Value)
		if o.Tag == 0x30 && err == nil && len(parts) >= 2 && parts[0].Tag == 0x06 {
			infos.add(o.Raw, parts)
		}
	}
	return infos, nil
}

// ParseDG14 reads data group 14: SecurityInfos in tag 6E (Doc 9303-10 §4.7.14).
func ParseDG14(file []byte) (Infos, error) {
	body, err := tlv.Find(file, 0x6E)
	if err != nil {
		return Infos{}, fmt.Errorf("DG14: %w", err)
	}
	infos, err := Parse(body)
	if err != nil {
		return Infos{}, fmt.Errorf("DG14: %w", err)
	}
	return infos, nil
}

func (i *Infos) add(raw []byte, parts []tlv.Object) {
	oid, required := parts[0].Value, parts[1]
	if string(oid) == oidActive {
		if len(parts) > 2 && parts[2].Tag == 0x06 {
			i.ActiveHash = parts[2].Value
		}
		return
	}
	rest, ok := bytes.CutPrefix(oid, []byte(base))
	if !ok || len(rest) == 0 {
		return
	}
	id, idOK := identifier(parts[2:])
	if !idOK {
		return
	}
	switch arm, sub := rest[0], rest[1:]; {
	case arm == armTerminal:
		i.Terminal = true
	case arm == armPACE && len(sub) == 2 && version(required, 2):
		i.access = append(i.access, raw)
		p := PACE{OID: oid, Parameter: small(id)}
		if p.Mapping, p.Field, ok = mapping(sub[0]); !ok {
			return
		}
		if p.Cipher, ok = cipher(sub[1]); !ok || p.Mapping == ChipAuth && p.Cipher == sm.TDES {
			return
		}
		i.PACE = append(i.PACE, p)
	case arm == armPACE && len(sub) == 1 && required.Tag == 0x30:
		i.access = append(i.access, raw)
		i.Domains = append(i.Domains, Domain{Algorithm: required.Raw, Parameter: small(id)})
	case arm == armChip && len(sub) == 2 && (sub[0] == 1 || sub[0] == 2) && version(required, 1):
		if c, ok := cipher(sub[1]); ok {
			i.Chip = append(i.Chip, ChipAuthentication{OID: oid, Field: sub[0] == 1, Cipher: c, KeyID: id})
		}
	case arm == armKey && len(sub) == 1 && (sub[0] == 1 || sub[0] == 2) && required.Tag == 0x30:
		i.Keys = append(i.Keys, PublicKey{Field: sub[0] == 1, SPKI: required.Raw, KeyID: id})
	}
}

// Confirms says whether these infos, which are signed, list every PACE entry of
// EF.CardAccess, which is not (§4.2, §9.2.11). listed is false when they list
// no PACE at all, as documents from before 2014 do.
func (i Infos) Confirms(cardAccess Infos) (listed, same bool) {
	for _, a := range cardAccess.access {
		found := false
		for _, b := range i.access {
			found = found || bytes.Equal(a, b)
		}
		if !found {
			return len(i.access) > 0, false
		}
	}
	return len(i.access) > 0, true
}

// mapping decodes the arm below id-PACE (§9.2.3).
func mapping(arm byte) (m Mapping, field, ok bool) {
	switch arm {
	case 1:
		return Generic, true, true
	case 2:
		return Generic, false, true
	case 3:
		return Integrated, true, true
	case 4:
		return Integrated, false, true
	case 6:
		return ChipAuth, false, true
	}
	return "", false, false
}

// cipher decodes the last arc, which PACE and chip authentication share.
func cipher(arc byte) (sm.Algorithm, bool) {
	if arc < 1 || arc > 4 {
		return 0, false
	}
	return [...]sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256}[arc-1], true
}

func version(o tlv.Object, want byte) bool {
	return o.Tag == 0x02 && len(o.Value) == 1 && o.Value[0] == want
}

// identifier returns the optional integer; ok is false for anything else.
func identifier(parts []tlv.Object) (id []byte, ok bool) {
	if len(parts) == 0 || parts[0].Tag != 0x02 {
		return nil, true
	}
	if n := len(parts[0].Value); n == 0 || n > maxIntegerID {
		return nil, false
	}
	return parts[0].Value, true
}

func small(id []byte) int {
	if len(id) != 1 || id[0]&0x80 != 0 {
		return -1
	}
	return int(id[0])
}
