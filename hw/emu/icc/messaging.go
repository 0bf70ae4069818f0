package icc

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/enrold/enrold/hw/emu/icc/tdes"
	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// messaging is one secure messaging session (Doc 9303-11 §9.8). PACE will bring
// a second one with AES.
type messaging struct {
	enc, mac []byte
	ssc      uint64
}

// open checks and decrypts a protected command. On any status but ok the
// session is over (§9.8.1).
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
	input := append(m.counter(), tdes.Pad([]byte{c.cla, c.ins, c.p1, c.p2})...)
	if len(signed) > 0 {
		input = append(input, tdes.Pad(signed)...)
	}
	if subtle.ConstantTimeCompare(tdes.MAC(m.mac, input), checksum) != 1 {
		return plain, swSMIncorrect
	}
	if hasData {
		if len(cryptogram) == 0 || len(cryptogram)%8 != 0 {
			return plain, swSMIncorrect
		}
		data, ok := tdes.Unpad(tdes.Decrypt(m.enc, cryptogram))
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
	switch {
	case len(data) == 0:
	case ins&1 == 0:
		out = ber.TLV(0x87, []byte{0x01}, tdes.Encrypt(m.enc, tdes.Pad(data)))
	default:
		out = ber.TLV(0x85, tdes.Encrypt(m.enc, tdes.Pad(data)))
	}
	out = append(out, ber.TLV(0x99, binary.BigEndian.AppendUint16(nil, sw))...)
	mac := tdes.MAC(m.mac, append(m.counter(), tdes.Pad(out)...))
	return append(out, ber.TLV(0x8E, mac)...)
}

// room is the most plain bytes whose protected response fits into n bytes:
// 01 and up to 8 bytes of padding inside at most 5 bytes of DO'87' header,
// DO'99' (4) and DO'8E' (10).
func (m *messaging) room(n int) int { return max((n-5-1-4-10)/8*8-1, 0) }

func (m *messaging) counter() []byte { return binary.BigEndian.AppendUint64(nil, m.ssc) }
