// Package icctest is the inspection system's side of an emulated card, just
// enough to open one in tests of the card and of its reader. The project's
// inspection system is reader/emrtd and shares no code with it.
package icctest

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// SelectApplication is SELECT of the eMRTD application (Doc 9303-10 §3.1).
var SelectApplication = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// Terminal talks to a card through Transmit, which takes a command APDU and
// returns data and status word.
type Terminal struct {
	Transmit func(apdu []byte) ([]byte, error)

	suite    suite.Suite
	enc, mac []byte
	ssc      uint64
}

// begin starts a session with the keys of an agreed secret.
func (t *Terminal) begin(s suite.Suite, secret []byte, counter uint64) {
	t.suite, t.enc, t.mac, t.ssc = s, s.KDF(secret, 1), s.KDF(secret, 2), counter
}

// Plain sends one command as it is.
func (t *Terminal) Plain(apdu ...byte) (data []byte, sw uint16, err error) {
	r, err := t.Transmit(apdu)
	if err != nil {
		return nil, 0, err
	}
	if len(r) < 2 {
		return nil, 0, fmt.Errorf("answer of %d bytes", len(r))
	}
	return r[:len(r)-2], binary.BigEndian.Uint16(r[len(r)-2:]), nil
}

// Open selects the application and proves access with basic access control
// (Doc 9303-11 §4.3). The status word is that of the last command sent.
func (t *Terminal) Open(mrzInformation string) (uint16, error) {
	if _, sw, err := t.Plain(SelectApplication...); err != nil || sw != 0x9000 {
		return sw, err
	}
	rndIC, sw, err := t.Plain(0x00, 0x84, 0x00, 0x00, 0x08)
	if err != nil || sw != 0x9000 {
		return sw, err
	}
	return t.Authenticate(mrzInformation, rndIC)
}

// Authenticate is the second half of Open. The terminal's random numbers are
// fixed: this is a test.
func (t *Terminal) Authenticate(mrzInformation string, rndIC []byte) (uint16, error) {
	seed := sha1.Sum([]byte(mrzInformation))
	des := suite.For(lds.TDES)
	enc, mac := des.KDF(seed[:16], 1), des.KDF(seed[:16], 2)
	rndIFD, keyIFD := []byte("RND.IFD."), []byte("KEY.IFD.KEY.IFD.")
	e := des.Encrypt(enc, nil, join(rndIFD, rndIC, keyIFD))
	r, sw, err := t.Plain(join([]byte{0x00, 0x82, 0x00, 0x00, 0x28}, e, des.MAC(mac, des.Pad(e)), []byte{0x28})...)
	if err != nil || sw != 0x9000 {
		return sw, err
	}
	if len(r) != 40 {
		return sw, fmt.Errorf("authentication answered %d bytes", len(r))
	}
	s := des.Decrypt(enc, nil, r[:32])
	key := make([]byte, 16)
	subtle.XORBytes(key, keyIFD, s[16:])
	t.begin(des, key, uint64(binary.BigEndian.Uint32(rndIC[4:]))<<32|uint64(binary.BigEndian.Uint32(rndIFD[4:])))
	return sw, nil
}

// Protected sends a command under secure messaging with extended lengths and
// checks and decrypts the answer. ne 0 asks for no data.
func (t *Terminal) Protected(ins, p1, p2 byte, data []byte, ne int) (plain []byte, sw uint16, err error) {
	apdu, err := t.Wrap(ins, p1, p2, data, ne)
	if err != nil {
		return nil, 0, err
	}
	r, sw, err := t.Plain(apdu...)
	if err != nil || len(r) == 0 {
		return nil, sw, err // an error of secure messaging comes plain
	}
	return t.unwrap(ins, r)
}

// Wrap protects a command and counts it.
func (t *Terminal) Wrap(ins, p1, p2 byte, data []byte, ne int) ([]byte, error) {
	if t.mac == nil {
		return nil, fmt.Errorf("no secure messaging session")
	}
	t.ssc++
	header := []byte{0x0C, ins, p1, p2}
	var objects []byte
	if len(data) > 0 && ins&1 == 0 {
		objects = ber.TLV(0x87, []byte{1}, t.suite.Encrypt(t.enc, t.vector(), t.suite.Pad(data)))
	} else if len(data) > 0 {
		objects = ber.TLV(0x85, t.suite.Encrypt(t.enc, t.vector(), t.suite.Pad(data)))
	}
	if ne > 256 {
		objects = append(objects, 0x97, 2, byte(ne>>8), byte(ne))
	} else if ne > 0 {
		objects = append(objects, 0x97, 1, byte(ne))
	}
	input := join(t.counter(), t.suite.Pad(header))
	if len(objects) > 0 {
		input = join(input, t.suite.Pad(objects))
	}
	mac := t.suite.MAC(t.mac, input)
	objects = append(objects, ber.TLV(0x8E, mac)...)
	return join(header, []byte{0, byte(len(objects) >> 8), byte(len(objects))}, objects, []byte{0, 0}), nil
}

func (t *Terminal) unwrap(ins byte, r []byte) (plain []byte, sw uint16, err error) {
	t.ssc++
	var signed []byte
	for rest := r; len(rest) > 0; {
		tag, value, after, err := ber.Next(rest)
		if err != nil {
			return nil, 0, fmt.Errorf("read protected answer: %w", err)
		}
		switch {
		case tag == 0x87 && ins&1 == 0 && len(value)%t.suite.Block() == 1:
			plain, _ = t.suite.Unpad(t.suite.Decrypt(t.enc, t.vector(), value[1:]))
		case tag == 0x85 && ins&1 == 1 && len(value)%t.suite.Block() == 0:
			plain, _ = t.suite.Unpad(t.suite.Decrypt(t.enc, t.vector(), value))
		case tag == 0x99 && len(value) == 2:
			sw = binary.BigEndian.Uint16(value)
		case tag == 0x8E:
			if subtle.ConstantTimeCompare(value, t.suite.MAC(t.mac, join(t.counter(), t.suite.Pad(signed)))) != 1 {
				return nil, 0, fmt.Errorf("checksum of the answer is wrong")
			}
			return plain, sw, nil
		default:
			return nil, 0, fmt.Errorf("unexpected object %X in the answer", tag)
		}
		signed = append(signed, rest[:len(rest)-len(after)]...)
		rest = after
	}
	return nil, 0, fmt.Errorf("the answer has no checksum")
}

func (t *Terminal) counter() []byte {
	out := make([]byte, t.suite.Block())
	binary.BigEndian.PutUint64(out[len(out)-8:], t.ssc)
	return out
}

func (t *Terminal) vector() []byte { return t.suite.Vector(t.enc, t.counter()) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
