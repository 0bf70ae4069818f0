package icc

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"fmt"
	"io"
	"math/big"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/lds/domain"
)

// Passwords that MSE:Set AT names (Doc 9303-11 §4.4.4.1).
const (
	passwordMRZ = 1
	passwordCAN = 2
)

// pace is one run of password authenticated connection establishment, the
// card's half (Doc 9303-11 §4.4).
type pace struct {
	info     lds.PACE
	password byte
	suite    suite.Suite
	step     int // GENERAL AUTHENTICATE commands done

	nonce     []byte
	mapping   *big.Int       // private key of the mapping, nil for the integrated one
	generator domain.Element // what the nonce was mapped to
	public    domain.Element // ours of the key agreement
	peer      domain.Element
	secret    []byte
}

// setPACE is MSE:Set AT for mutual authentication (§4.4.4.1). Objects that it
// does not know are ignored, as note 2 asks.
func (c *Card) setPACE(data []byte) uint16 {
	c.pace = nil
	var protocol, reference, parameters []byte
	for rest := data; len(rest) > 0; {
		tag, value, after, err := ber.Next(rest)
		if err != nil {
			return swWrongData
		}
		switch tag {
		case 0x80:
			protocol = value
		case 0x83:
			reference = value
		case 0x84:
			parameters = value
		}
		rest = after
	}
	info, sw := c.findPACE(protocol, parameters)
	if sw != swOK {
		return sw
	}
	if len(reference) != 1 || c.secretOf(reference[0]) == nil {
		return swReference
	}
	if left, limited := c.tries[reference[0]]; limited && left == 0 {
		return swBlocked
	}
	c.pace = &pace{info: info, password: reference[0], suite: suite.For(info.Cipher)}
	return swOK
}

func (c *Card) findPACE(protocol, parameters []byte) (lds.PACE, uint16) {
	sw := swWrongData
	for _, p := range c.chip.PACE {
		if !bytes.Equal(lds.OIDBytes(p.OID()), protocol) {
			continue
		}
		if parameters == nil || (len(parameters) <= 4 && number(parameters) == p.Group.ID()) {
			return p, swOK
		}
		sw = swReference // the protocol is known, the domain parameters are not
	}
	return lds.PACE{}, sw
}

// secretOf is f(π) of §9.7.3, nil for a password that the card does not have.
func (c *Card) secretOf(password byte) []byte {
	switch {
	case password == passwordMRZ && c.chip.BAC != "":
		h := sha1.Sum([]byte(c.chip.BAC))
		return h[:]
	case password == passwordCAN && c.chip.CAN != "":
		return []byte(c.chip.CAN)
	}
	return nil
}

// stepPACE answers GENERAL AUTHENTICATE (§4.4.4.2): four commands chained, the
// last of them without the chaining bit. Whatever fails ends the run.
func (c *Card) stepPACE(cmd command) ([]byte, uint16) {
	p := c.pace
	c.pace = nil
	tag, body, rest, err := ber.Next(cmd.data)
	if err != nil || tag != 0x7C || len(rest) > 0 {
		return nil, swWrongData
	}
	p.step++
	if last := p.step == 4; last == cmd.chained() {
		return nil, swChainEnd
	}
	var value []byte
	if p.step > 1 {
		want := uint32(0x81 + 2*(p.step-2)) // 81, 83, 85
		tag, value, rest, err = ber.Next(body)
		if err != nil || tag != want || len(rest) > 0 {
			return nil, swWrongData
		}
	} else if len(body) > 0 {
		return nil, swWrongData
	}
	var out []byte
	sw := swOK
	switch p.step {
	case 1:
		out, sw = c.paceNonce(p)
	case 2:
		out, sw = c.paceMap(p, value)
	case 3:
		out, sw = c.paceAgree(p, value)
	case 4:
		return c.paceConfirm(p, value)
	}
	if sw != swOK {
		return nil, sw
	}
	c.pace = p
	return ber.TLV(0x7C, out), swOK
}

// paceNonce is step 1: the nonce, encrypted under the password (§4.4.3.3).
func (c *Card) paceNonce(p *pace) ([]byte, uint16) {
	if c.faults.paceFails {
		c.refused = true
		return nil, swLocked
	}
	p.nonce = make([]byte, p.suite.NonceSize())
	if _, err := io.ReadFull(c.random, p.nonce); err != nil {
		return nil, swUnspecified
	}
	key := p.suite.KDF(c.secretOf(p.password), 3)
	return ber.TLV(0x80, p.suite.Encrypt(key, nil, p.nonce)), swOK
}

// paceMap is step 2: the nonce becomes a generator.
func (c *Card) paceMap(p *pace, data []byte) ([]byte, uint16) {
	if p.info.Mapping == lds.Integrated {
		if len(data) != p.suite.KeySize() {
			return nil, swWrongData
		}
		var err error
		p.generator, err = p.info.Group.Map(p.suite.PseudoRandom(p.nonce, data, p.info.Group.Prime()))
		if err != nil {
			return nil, swAuthFailed
		}
		return ber.TLV(0x82), swOK // empty (§4.4.5.2.2)
	}
	g := p.info.Group
	peer, err := g.Decode(data)
	if err != nil {
		return nil, swWrongData
	}
	if p.mapping, err = domain.PrivateKey(g, c.random); err != nil {
		return nil, swUnspecified
	}
	// §4.4.3.3.1: s times the generator, plus what both sides agree on.
	p.generator = g.Combine(g.Power(g.Generator(), new(big.Int).SetBytes(p.nonce)), g.Power(peer, p.mapping))
	if g.Neutral(p.generator) {
		return nil, swAuthFailed
	}
	return ber.TLV(0x82, g.Encode(g.Power(g.Generator(), p.mapping))), swOK
}

// paceAgree is step 3: key agreement over the mapped generator.
func (c *Card) paceAgree(p *pace, data []byte) ([]byte, uint16) {
	g := p.info.Group
	var err error
	if p.peer, err = g.Decode(data); err != nil {
		return nil, swWrongData
	}
	private, err := domain.PrivateKey(g, c.random)
	if err != nil {
		return nil, swUnspecified
	}
	p.public = g.Power(p.generator, private)
	shared := g.Power(p.peer, private)
	if p.public.Equal(p.peer) || g.Neutral(shared) { // §4.4.1 step 3 d
		return nil, swAuthFailed
	}
	p.secret = g.Secret(shared)
	return ber.TLV(0x84, g.Encode(p.public)), swOK
}

// paceConfirm is step 4: tokens are exchanged and the session begins.
func (c *Card) paceConfirm(p *pace, token []byte) ([]byte, uint16) {
	session := newMessaging(p.suite, p.secret)
	if subtle.ConstantTimeCompare(p.token(session.mac, p.public), token) != 1 {
		return nil, c.wrongPassword(p.password)
	}
	out := ber.TLV(0x86, p.token(session.mac, p.peer))
	if p.info.Mapping == lds.ChipAuthentication {
		proof, err := c.chipProof(p, session.enc)
		if err != nil {
			return nil, swUnspecified
		}
		out = append(out, ber.TLV(0x8A, proof)...)
	}
	c.restoreTries(p.password)
	c.session, c.byPACE, c.bac.rndIC = session, true, nil
	return ber.TLV(0x7C, out), swOK
}

// token is the checksum over a public key object (§4.4.3.4, §9.4).
func (p *pace) token(key []byte, public domain.Element) []byte {
	tag := uint32(0x84)
	if _, ok := p.info.Group.(*domain.Curve); ok {
		tag = 0x86
	}
	return p.suite.Token(key, ber.TLV(0x7F49,
		ber.TLV(0x06, lds.OIDBytes(p.info.OID())), ber.TLV(tag, p.info.Group.Encode(public))))
}

// chipProof is the encrypted chip authentication data (§4.4.3.5).
func (c *Card) chipProof(p *pace, key []byte) ([]byte, error) {
	n := p.info.Group.Order()
	inverse := new(big.Int).ModInverse(c.chip.Key.Private, n)
	if inverse == nil {
		return nil, fmt.Errorf("prove chip: the static key has no inverse")
	}
	data := inverse.Mul(inverse, p.mapping).Mod(inverse, n).FillBytes(make([]byte, (n.BitLen()+7)/8))
	minusOne := bytes.Repeat([]byte{0xFF}, p.suite.Block())
	return p.suite.Encrypt(key, p.suite.Encrypt(key, nil, minusOne), p.suite.Pad(data)), nil
}

// wrongPassword counts a failure of a password that has a retry counter.
func (c *Card) wrongPassword(password byte) uint16 {
	left, limited := c.tries[password]
	if !limited {
		return swAuthFailed
	}
	left = max(left-1, 0)
	c.tries[password] = left
	if left == 0 {
		return swBlocked
	}
	return swTriesLeft | uint16(min(left, 15))
}
