package icctest

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/lds/domain"
)

// Passwords of PACE (Doc 9303-11 §4.4.4.1).
const (
	MRZ byte = 1
	CAN byte = 2
)

// Proof is what the chip authentication mapping leaves for the check against
// EF.CardSecurity (Doc 9303-11 §4.4.3.5.2).
type Proof struct {
	Public domain.Element // the chip's key of the mapping
	Data   *big.Int       // chip authentication data
}

// Fits says whether the chip owns the static key.
func (p Proof) Fits(g domain.Group, static domain.Element) bool {
	return p.Data != nil && g.Power(static, p.Data).Equal(p.Public)
}

// PACE proves access with info; secret is f(π). The status word is that of the
// last command sent. Keys are fixed: this is a test.
func (t *Terminal) PACE(info lds.PACE, password byte, secret []byte) (Proof, uint16, error) {
	var proof Proof
	s, g := suite.For(info.Cipher), info.Group
	set := join(ber.TLV(0x80, lds.OIDBytes(info.OID())), ber.TLV(0x83, []byte{password}), ber.TLV(0x84, []byte{byte(g.ID())}))
	if _, sw, err := t.Plain(join([]byte{0x00, 0x22, 0xC1, 0xA4, byte(len(set))}, set)...); err != nil || sw != 0x9000 {
		return proof, sw, err
	}
	z, sw, err := t.general(0x10, nil, 0x80)
	if err != nil || sw != 0x9000 {
		return proof, sw, err
	}
	nonce := s.Decrypt(s.KDF(secret, 3), nil, z)

	var generator domain.Element
	if info.Mapping == lds.Integrated {
		mine := bytes.Repeat([]byte{0x5A}, s.KeySize())
		answer, sw, err := t.general(0x10, ber.TLV(0x81, mine), 0x82)
		if err != nil || sw != 0x9000 {
			return proof, sw, err
		}
		if len(answer) > 0 {
			return proof, sw, fmt.Errorf("mapping answered %d bytes", len(answer))
		}
		if generator, err = g.Map(s.PseudoRandom(nonce, mine, g.Prime())); err != nil {
			return proof, sw, err
		}
	} else {
		key := big.NewInt(0x1234567)
		answer, sw, err := t.general(0x10, ber.TLV(0x81, g.Encode(g.Power(g.Generator(), key))), 0x82)
		if err != nil || sw != 0x9000 {
			return proof, sw, err
		}
		if proof.Public, err = g.Decode(answer); err != nil {
			return proof, sw, err
		}
		generator = g.Combine(g.Power(g.Generator(), new(big.Int).SetBytes(nonce)), g.Power(proof.Public, key))
	}

	key := big.NewInt(0x7654321)
	mine := g.Power(generator, key)
	answer, sw, err := t.general(0x10, ber.TLV(0x83, g.Encode(mine)), 0x84)
	if err != nil || sw != 0x9000 {
		return proof, sw, err
	}
	theirs, err := g.Decode(answer)
	if err != nil {
		return proof, sw, err
	}
	secret = g.Secret(g.Power(theirs, key))
	mac := s.KDF(secret, 2)
	body, sw, err := t.send(0x00, ber.TLV(0x85, token(s, mac, info, theirs)))
	if err != nil || sw != 0x9000 {
		return proof, sw, err
	}
	tag, value, rest, err := ber.Next(body)
	if err != nil || tag != 0x86 || !bytes.Equal(value, token(s, mac, info, mine)) {
		return proof, sw, errors.Join(err, errors.New("the card's token is wrong"))
	}
	t.begin(s, secret, 0)
	if info.Mapping == lds.ChipAuthentication {
		tag, value, _, err = ber.Next(rest)
		if err != nil || tag != 0x8A || len(value)%s.Block() != 0 {
			return proof, sw, errors.Join(err, errors.New("no chip authentication data"))
		}
		iv := s.Encrypt(t.enc, nil, bytes.Repeat([]byte{0xFF}, s.Block()))
		data, ok := s.Unpad(s.Decrypt(t.enc, iv, value))
		if !ok {
			return proof, sw, errors.New("chip authentication data has no padding")
		}
		proof.Data = new(big.Int).SetBytes(data)
	}
	return proof, sw, nil
}

// ChipAuthentication runs version 1 with cipher c in the open session: with
// MSE:Set KAT when kat is set, else with MSE:Set AT and GENERAL AUTHENTICATE.
func (t *Terminal) ChipAuthentication(k *lds.ChipKey, c lds.Cipher, kat bool) (uint16, error) {
	key := big.NewInt(0x1357924)
	public := k.Group.Encode(k.Group.Power(k.Group.Generator(), key))
	var id []byte
	if k.ID >= 0 {
		id = ber.TLV(0x84, []byte{byte(k.ID)})
	}
	if kat {
		if _, sw, err := t.Protected(0x22, 0x41, 0xA6, join(ber.TLV(0x91, public), id), 0); err != nil || sw != 0x9000 {
			return sw, err
		}
	} else {
		if _, sw, err := t.Protected(0x22, 0x41, 0xA4, join(ber.TLV(0x80, lds.OIDBytes(k.OID(c))), id), 0); err != nil || sw != 0x9000 {
			return sw, err
		}
		answer, sw, err := t.Protected(0x86, 0, 0, ber.TLV(0x7C, ber.TLV(0x80, public)), 256)
		if err != nil || sw != 0x9000 {
			return sw, err
		}
		if !bytes.Equal(answer, []byte{0x7C, 0x00}) {
			return sw, fmt.Errorf("answer %X", answer)
		}
	}
	t.begin(suite.For(c), k.Group.Secret(k.Group.Power(k.Public(), key)), 0)
	return 0x9000, nil
}

// general sends one GENERAL AUTHENTICATE and takes the object tag out of DO'7C'.
func (t *Terminal) general(cla byte, object []byte, tag uint32) ([]byte, uint16, error) {
	body, sw, err := t.send(cla, object)
	if err != nil || sw != 0x9000 {
		return nil, sw, err
	}
	got, value, rest, err := ber.Next(body)
	if err != nil || got != tag || len(rest) > 0 {
		return nil, sw, errors.Join(err, fmt.Errorf("no object %X in %X", tag, body))
	}
	return value, sw, nil
}

func (t *Terminal) send(cla byte, object []byte) ([]byte, uint16, error) {
	data := ber.TLV(0x7C, object)
	apdu := join([]byte{cla, 0x86, 0, 0, byte(len(data))}, data, []byte{0})
	if len(data) > 255 {
		apdu = join([]byte{cla, 0x86, 0, 0, 0, byte(len(data) >> 8), byte(len(data))}, data, []byte{0, 0})
	}
	answer, sw, err := t.Plain(apdu...)
	if err != nil || sw != 0x9000 {
		return nil, sw, err
	}
	tag, body, rest, err := ber.Next(answer)
	if err != nil || tag != 0x7C || len(rest) > 0 {
		return nil, sw, errors.Join(err, fmt.Errorf("answer %X", answer))
	}
	return body, sw, nil
}

func token(s suite.Suite, key []byte, info lds.PACE, public domain.Element) []byte {
	tag := uint32(0x86)
	if info.Group.ID() < 3 {
		tag = 0x84
	}
	return s.Token(key, ber.TLV(0x7F49, ber.TLV(0x06, lds.OIDBytes(info.OID())), ber.TLV(tag, info.Group.Encode(public))))
}
