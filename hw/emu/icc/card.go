// Package icc is the emulated chip card: it answers command APDUs as a card of
// ICAO Doc 9303 does and enforces access control as one: nothing but the
// application's name, a challenge and files under the master file is given
// before access is proven, and a plain command in a protected session ends it.
package icc

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"io"

	"github.com/enrold/enrold/hw/emu/lds"
)

// Status words of ISO/IEC 7816-4 §5.6.
const (
	swOK            uint16 = 0x9000
	swEndOfFile     uint16 = 0x6282
	swAuthFailed    uint16 = 0x6300
	swWrongLength   uint16 = 0x6700
	swLocked        uint16 = 0x6982 // security status not satisfied
	swConditions    uint16 = 0x6985
	swNoFile        uint16 = 0x6986 // no current EF
	swSMMissing     uint16 = 0x6987
	swSMIncorrect   uint16 = 0x6988
	swNotFound      uint16 = 0x6A82
	swParameters    uint16 = 0x6A86
	swWrongOffset   uint16 = 0x6B00
	swInstruction   uint16 = 0x6D00
	swClass         uint16 = 0x6E00
	swUnspecified   uint16 = 0x6F00
	insSelect       byte   = 0xA4
	insReadBinary   byte   = 0xB0
	insReadBinaryBT byte   = 0xB1 // offset and content as data objects
	insChallenge    byte   = 0x84
	insAuthenticate byte   = 0x82
)

// MaxResponse is the largest response data that vpcd carries: its wire counts a
// message in two bytes, the status word included.
const MaxResponse = 0xFFFF - 2

var applicationID = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01} // Doc 9303-10 §3.1

// Options of a card; the zero value is a card without faults.
type Options struct {
	Fault       string    // name from Faults, or ""
	MaxResponse int       // bytes of response data; 0 means MaxResponse; 256 or less: no extended lengths
	Random      io.Reader // nil means crypto/rand
}

// Card is one card on a reader. It is not safe for concurrent use: a reader
// sends one command at a time.
type Card struct {
	chip    *lds.Chip
	max     int
	bac     basicAccess
	inApp   bool
	session *messaging
	current []byte // content of the current EF, nil when none
}

// New makes a card from chip, which it may change when a fault asks for it.
func New(chip *lds.Chip, o Options) (*Card, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.MaxResponse <= 0 || o.MaxResponse > MaxResponse {
		o.MaxResponse = MaxResponse
	}
	if err := applyFault(o.Fault, chip); err != nil {
		return nil, err
	}
	return &Card{chip: chip, max: o.MaxResponse, bac: newBasicAccess(chip.BAC, o.Random)}, nil
}

// ATR is that of a contactless card as PC/SC part 3 §3.1.3.2.3 maps it: T=0 and
// T=1 offered, eight historical bytes, check byte.
func (c *Card) ATR() []byte {
	atr := []byte{0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0}
	var check byte
	for _, b := range atr[1:] {
		check ^= b
	}
	return append(atr, check)
}

// Reset forgets everything that was proven.
func (c *Card) Reset() {
	c.drop()
	c.inApp = false
}

// drop ends the protected session and with it all access.
func (c *Card) drop() {
	c.session, c.current, c.bac.rndIC = nil, nil, nil
}

// Process answers one command APDU with data and status word.
func (c *Card) Process(raw []byte) []byte {
	cmd, err := parseCommand(raw)
	if err != nil || (cmd.extended && c.max <= 256) {
		return status(nil, swWrongLength)
	}
	limit := c.max
	switch {
	case c.session != nil && !cmd.protected():
		c.drop()
		return status(nil, swLocked)
	case c.session != nil:
		plain, sw := c.session.open(cmd)
		if sw != swOK {
			c.drop()
			return status(nil, sw)
		}
		if cmd.ne > 0 {
			limit = min(limit, cmd.ne)
		}
		session := c.session
		data, sw := c.execute(plain, session.room(limit))
		return status(session.seal(cmd.ins, data, sw), sw)
	case cmd.protected():
		return status(nil, swLocked)
	case cmd.cla != 0:
		return status(nil, swClass)
	}
	data, sw := c.execute(cmd, limit)
	return status(data, sw)
}

// execute runs a plain command; room is how many response bytes fit.
func (c *Card) execute(cmd command, room int) ([]byte, uint16) {
	switch cmd.ins {
	case insSelect:
		return c.selectFile(cmd)
	case insReadBinary:
		return c.readBinary(cmd, room)
	case insReadBinaryBT:
		return c.readBinaryTLV(cmd, room)
	case insChallenge:
		return c.challenge(cmd)
	case insAuthenticate:
		return c.authenticate(cmd)
	}
	return nil, swInstruction
}

func (c *Card) challenge(cmd command) ([]byte, uint16) {
	switch {
	case !c.inApp || c.session != nil:
		return nil, swConditions
	case cmd.ne != 8 && cmd.ne != 256:
		return nil, swWrongLength
	}
	b, err := c.bac.challenge()
	if err != nil {
		return nil, swUnspecified
	}
	return b, swOK
}

func (c *Card) authenticate(cmd command) ([]byte, uint16) {
	if !c.inApp || c.session != nil {
		return nil, swConditions
	}
	response, session, sw := c.bac.authenticate(cmd.data)
	c.session = session
	return response, sw
}

func status(data []byte, sw uint16) []byte {
	return binary.BigEndian.AppendUint16(bytes.Clone(data), sw)
}
