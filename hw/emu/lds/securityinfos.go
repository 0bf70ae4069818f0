package lds

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/lds/domain"
)

// The SecurityInfos of Doc 9303-11 §9.2, those with a key identifier and those
// without: zero is an identifier too.
type (
	paceInfo struct {
		Protocol  asn1.ObjectIdentifier
		Version   int
		Parameter int
	}
	protocolInfo struct { // terminal authentication, and chip authentication without a key identifier
		Protocol asn1.ObjectIdentifier
		Version  int
	}
	keyedInfo struct {
		Protocol asn1.ObjectIdentifier
		Version  int
		Key      int
	}
	publicKeyInfo struct {
		Protocol asn1.ObjectIdentifier
		Key      asn1.RawValue
	}
	keyedPublicKeyInfo struct {
		Protocol asn1.ObjectIdentifier
		Key      asn1.RawValue
		ID       int
	}
	activeInfo struct {
		Protocol  asn1.ObjectIdentifier
		Version   int
		Signature asn1.ObjectIdentifier
	}
)

// ActiveKey is the key of active authentication: RSA, or one of a curve.
type ActiveKey struct {
	Hash    crypto.Hash
	RSA     *rsa.PrivateKey
	Curve   *domain.Curve
	Private *big.Int
}

// oidPlainECDSA is ecdsa-plain-signatures of TR-03111 §5.2.1.1 by hash.
var oidPlainECDSA = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA224: {0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 2},
	crypto.SHA256: {0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 3},
	crypto.SHA384: {0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 4},
	crypto.SHA512: {0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 5},
}

// dg15 is the public key of active authentication (Doc 9303-11 §6.1.5).
func dg15(k *ActiveKey) ([]byte, error) {
	var info []byte
	var err error
	if k.Curve != nil {
		info, err = domain.KeyInfo(k.Curve, k.Curve.Power(k.Curve.Generator(), k.Private))
	} else if info, err = x509.MarshalPKIXPublicKey(&k.RSA.PublicKey); err != nil {
		err = fmt.Errorf("encode public key: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return ber.TLV(0x6F, info), nil
}

// cardAccess is the content of EF.CardAccess: what PACE needs (§9.2.11).
func (c *Chip) cardAccess() ([]byte, error) { return securityInfos(c.paceInfos()) }

func (c *Chip) paceInfos() []any {
	var out []any
	for _, p := range c.PACE {
		out = append(out, paceInfo{p.OID(), 2, p.Group.ID()})
	}
	return out
}

// dg14 repeats EF.CardAccess and adds what serves in the application.
func (c *Chip) dg14(terminal bool) ([]byte, error) {
	infos := c.paceInfos()
	if c.Key != nil && len(c.Key.Ciphers) > 0 {
		key, err := domain.KeyInfo(c.Key.Group, c.Key.Public())
		if err != nil {
			return nil, err
		}
		infos = append(infos, c.Key.infos(key)...)
	}
	if terminal {
		infos = append(infos, protocolInfo{oidTA, 1})
	}
	if c.Active != nil && c.Active.Curve != nil {
		infos = append(infos, activeInfo{oidAA, 1, oidPlainECDSA[c.Active.Hash]})
	}
	set, err := securityInfos(infos)
	if err != nil {
		return nil, err
	}
	return ber.TLV(0x6E, set), nil
}

// infos are the key and the ciphers that chip authentication offers with it.
func (k *ChipKey) infos(key []byte) []any {
	raw := asn1.RawValue{FullBytes: key}
	var out []any
	if k.ID < 0 {
		out = append(out, publicKeyInfo{under(oidPK, kind(k.Group)), raw})
	} else {
		out = append(out, keyedPublicKeyInfo{under(oidPK, kind(k.Group)), raw, k.ID})
	}
	for _, cipher := range k.Ciphers {
		if k.ID < 0 {
			out = append(out, protocolInfo{k.OID(cipher), 1})
		} else {
			out = append(out, keyedInfo{k.OID(cipher), 1, k.ID})
		}
	}
	return out
}

// cardSecurity is the content of EF.CardSecurity before it is signed: EF.CardAccess
// and the key of the chip authentication mapping, its domain parameters named
// (§9.2.11, appendix I.1).
func (c *Chip) cardSecurity() ([]byte, error) {
	key, err := domain.StandardisedKeyInfo(c.Key.Group, c.Key.Public())
	if err != nil {
		return nil, err
	}
	mapping := ChipKey{Group: c.Key.Group, ID: c.Key.ID}
	return securityInfos(append(c.paceInfos(), mapping.infos(key)...))
}

// securityInfos encodes a SET OF SecurityInfo in DER.
func securityInfos(infos []any) ([]byte, error) {
	var set []asn1.RawValue
	for _, i := range infos {
		der, err := asn1.Marshal(i)
		if err != nil {
			return nil, fmt.Errorf("encode security info: %w", err)
		}
		set = append(set, asn1.RawValue{FullBytes: der})
	}
	der, err := asn1.MarshalWithParams(set, "set")
	if err != nil {
		return nil, fmt.Errorf("encode security infos: %w", err)
	}
	return der, nil
}
