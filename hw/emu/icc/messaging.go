package icc

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// messaging is one secure messaging session (Doc 9303-11 §9.8).
type messaging struct {
	suite    suite.Suite
	enc, mac []byte
	ssc      uint64 // for AES the low half of the counter, which begins at zero
}

// newMessaging derives the session's keys from an agreed secret (§9.7.4). The
// counter begins at zero (§9.8.6.3, §9.8.7.3).
func newMessaging(s suite.Suite, secret []byte) *messaging {
	return &messaging{suite: s, enc: s.KDF(secret, 1), mac: s.KDF(secret, 2)}
}

// open checks and decrypts a protected command. On any status but ok the
// session is over (§9.8.5).
func (m *messaging) open(c command) (command, uint16) {
	m.ssc++
	var signed, checksum, cryptogram []byte
	plain := command{cla: c.cla &^ 0x0C, ins: c.ins, p1: c.p1, p2: c.p2, extended: c.extended}
	hasData := false
	for rest := c.data; len(rest) > 0; {
		tag, value, after, err := ber.Next(rest)
		if err != nil || checksum != nil {
			return plain, swSMIncorrect
		}
		switch {
		case tag == 0x8E:
			checksum = value
		case tag == 0x87 && c.ins&1 == 0 && len(value) > 0 && value[0] == 0x01:
			cryptogram, hasData = value[1:], true // first byte: padding method
		case tag == 0x85 && c.ins&1 == 1:
			cryptogram, hasData = value, true
		case tag == 0x97 && (len(value) == 1 || len(value) == 2):
			plain.expect(value)
		default:
			return plain, swSMIncorrect
		}
		if tag != 0x8E {
			signed = append(signed, rest[:len(rest)-len(after)]...)
		}
		rest = after
	}
	if checksum == nil {
		return plain, swSMMissing
	}
	input := append(m.counter(), m.suite.Pad([]byte{c.cla, c.ins, c.p1, c.p2})...)
	if len(signed) > 0 {
		input = append(input, m.suite.Pad(signed)...)
	}
	if subtle.ConstantTimeCompare(m.suite.MAC(m.mac, input), checksum) != 1 {
		return plain, swSMIncorrect
	}
	if hasData {
		if len(cryptogram) == 0 || len(cryptogram)%m.suite.Block() != 0 {
			return plain, swSMIncorrect
		}
		data, ok := m.suite.Unpad(m.suite.Decrypt(m.enc, m.vector(), cryptogram))
		if !ok {
			return plain, swSMIncorrect
		}
		plain.data = data
	}
	return plain, swOK
}

// seal protects a response: DO'87' (DO'85' for an odd instruction), DO'99', DO'8E'.
func (m *messaging) seal(ins byte, data []byte, sw uint16) []byte {
	m.ssc++
	var out []byte
	if len(data) > 0 {
		cryptogram := m.suite.Encrypt(m.enc, m.vector(), m.suite.Pad(data))
		if ins&1 == 0 {
			out = ber.TLV(0x87, []byte{0x01}, cryptogram)
		} else {
			out = ber.TLV(0x85, cryptogram)
		}
	}
	out = append(out, ber.TLV(0x99, binary.BigEndian.AppendUint16(nil, sw))...)
	mac := m.suite.MAC(m.mac, append(m.counter(), m.suite.Pad(out)...))
	return append(out, ber.TLV(0x8E, mac)...)
}

// room is the most plain bytes whose protected response fits into n bytes:
// 01 and up to a block of padding inside at most 5 bytes of DO'87' header,
// DO'99' (4) and DO'8E' (10).
func (m *messaging) room(n int) int {
	b := m.suite.Block()
	return max((n-5-1-4-10)/b*b-1, 0)
}

// counter is the send sequence counter, as wide as the cipher's block (§9.8.2).
func (m *messaging) counter() []byte {
	out := make([]byte, m.suite.Block())
	binary.BigEndian.PutUint64(out[len(out)-8:], m.ssc)
	return out
}

func (m *messaging) vector() []byte { return m.suite.Vector(m.enc, m.counter()) }
