package icc

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// setKey is MSE:Set AT for chip authentication (Doc 9303-11 §6.2.4.2).
func (c *Card) setKey(data []byte) uint16 {
	c.agreed = 0
	if c.chip.Key == nil {
		return swWrongData
	}
	var protocol []byte
	for rest := data; len(rest) > 0; {
		tag, value, after, err := ber.Next(rest)
		if err != nil {
			return swWrongData
		}
		switch {
		case tag == 0x80:
			protocol = value
		case tag == 0x84 && !c.keyNamed(value):
			return swReference
		}
		rest = after
	}
	for _, cipher := range c.chip.Key.Ciphers {
		if bytes.Equal(lds.OIDBytes(c.chip.Key.OID(cipher)), protocol) {
			c.agreed = cipher
			return swOK
		}
	}
	return swWrongData
}

// stepKey is GENERAL AUTHENTICATE of chip authentication: DO'80' of DO'7C' is
// the inspection system's public key, the answer an empty DO'7C'.
func (c *Card) stepKey(cmd command) ([]byte, uint16) {
	cipher := c.agreed
	c.agreed = 0
	tag, body, rest, err := ber.Next(cmd.data)
	if err != nil || tag != 0x7C || len(rest) > 0 || cmd.chained() {
		return nil, swWrongData
	}
	tag, value, rest, err := ber.Next(body)
	if err != nil || tag != 0x80 || len(rest) > 0 {
		return nil, swWrongData
	}
	if sw := c.agree(cipher, value); sw != swOK {
		return nil, sw
	}
	return ber.TLV(0x7C), swOK
}

// agreeAtOnce is MSE:Set KAT, which is for 3DES only (§6.2.4.1).
func (c *Card) agreeAtOnce(data []byte) uint16 {
	if c.chip.Key == nil || !slices.Contains(c.chip.Key.Ciphers, lds.TDES) {
		return swWrongData
	}
	var public []byte
	for rest := data; len(rest) > 0; {
		tag, value, after, err := ber.Next(rest)
		if err != nil {
			return swWrongData
		}
		switch {
		case tag == 0x91:
			public = value
		case tag == 0x84 && !c.keyNamed(value):
			return swReference
		}
		rest = after
	}
	return c.agree(lds.TDES, public)
}

func (c *Card) keyNamed(id []byte) bool {
	return len(id) > 0 && len(id) <= 4 && number(id) == c.chip.Key.ID
}

// agree makes the session that begins after this command's answer (§9.8.2). A
// wrong key leaves the old session as it is.
func (c *Card) agree(cipher lds.Cipher, public []byte) uint16 {
	k := c.chip.Key
	peer, err := k.Group.Decode(public)
	if err != nil {
		return swWrongData
	}
	shared := k.Group.Power(peer, k.Private)
	if k.Group.Neutral(shared) {
		return swWrongData
	}
	c.next = newMessaging(suite.For(cipher), k.Group.Secret(shared))
	return swOK
}

// authenticateActively is INTERNAL AUTHENTICATE (§6.1): a signature over the
// inspection system's eight bytes.
func (c *Card) authenticateActively(cmd command, room int) ([]byte, uint16) {
	k := c.chip.Active
	switch {
	case k == nil:
		return nil, swInstruction
	case !c.inApp || c.session == nil:
		return nil, swLocked
	case cmd.p1 != 0 || cmd.p2 != 0:
		return nil, swParameters
	case len(cmd.data) != 8:
		return nil, swWrongLength
	}
	var signature []byte
	var err error
	if k.Curve != nil {
		h := k.Hash.New()
		h.Write(cmd.data)
		signature, err = k.Curve.SignPlain(k.Private, h.Sum(nil), c.random)
	} else {
		signature, err = signRecoverably(k, cmd.data, c.random)
	}
	switch {
	case err != nil:
		return nil, swUnspecified
	case len(signature) > room: // a long key needs extended length (§6.1.4 note)
		return nil, swWrongLength
	}
	return signature, swOK
}

// signRecoverably is signature scheme 1 of ISO/IEC 9796-2 (§6.1.2.2): 6A, a nonce
// of ours, the hash over nonce and challenge, the trailer.
func signRecoverably(k *lds.ActiveKey, challenge []byte, random io.Reader) ([]byte, error) {
	trailer := map[crypto.Hash][]byte{
		crypto.SHA1: {0xBC}, crypto.SHA224: {0x38, 0xCC}, crypto.SHA256: {0x34, 0xCC},
		crypto.SHA384: {0x36, 0xCC}, crypto.SHA512: {0x35, 0xCC},
	}[k.Hash]
	nonce := make([]byte, k.RSA.Size()-1-k.Hash.Size()-len(trailer))
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("draw nonce: %w", err)
	}
	h := k.Hash.New()
	h.Write(nonce)
	h.Write(challenge)
	f := append([]byte{0x6A}, nonce...)
	f = append(h.Sum(f), trailer...)
	s := new(big.Int).Exp(new(big.Int).SetBytes(f), k.RSA.D, k.RSA.N)
	return s.FillBytes(make([]byte, k.RSA.Size())), nil
}
