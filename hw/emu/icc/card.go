// Package icc is the emulated chip card: it answers command APDUs as a card of
// ICAO Doc 9303 does and enforces access control as one: nothing but the
// application's name, a challenge and the free files under the master file is
// given before access is proven, and a plain command in a protected session ends
// it. It is written from the standard and shares no code with the inspection
// system in reader/, so that each tests the other.
package icc

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"io"
	"time"

	"github.com/enrold/enrold/hw/emu/lds"
)

// Status words of ISO/IEC 7816-4 §5.6.
const (
	swOK          uint16 = 0x9000
	swMore        uint16 = 0x6100 // low byte: how much
	swEndOfFile   uint16 = 0x6282
	swAuthFailed  uint16 = 0x6300
	swTriesLeft   uint16 = 0x63C0 // low half byte: how many
	swWrongLength uint16 = 0x6700
	swChainEnd    uint16 = 0x6883 // last command of the chain expected, or the other way round
	swLocked      uint16 = 0x6982 // security status not satisfied
	swBlocked     uint16 = 0x6983
	swConditions  uint16 = 0x6985
	swNoFile      uint16 = 0x6986 // no current EF
	swSMMissing   uint16 = 0x6987
	swSMIncorrect uint16 = 0x6988
	swWrongData   uint16 = 0x6A80
	swNotFound    uint16 = 0x6A82
	swParameters  uint16 = 0x6A86
	swReference   uint16 = 0x6A88
	swWrongOffset uint16 = 0x6B00
	swExact       uint16 = 0x6C00 // low byte: the length
	swInstruction uint16 = 0x6D00
	swClass       uint16 = 0x6E00
	swUnspecified uint16 = 0x6F00
)

const (
	insManage       byte = 0x22 // MANAGE SECURITY ENVIRONMENT
	insExternal     byte = 0x82 // EXTERNAL AUTHENTICATE
	insChallenge    byte = 0x84
	insGeneral      byte = 0x86 // GENERAL AUTHENTICATE
	insInternal     byte = 0x88 // INTERNAL AUTHENTICATE
	insSelect       byte = 0xA4
	insReadBinary   byte = 0xB0
	insReadBinaryBT byte = 0xB1 // offset and content as data objects
	insResponse     byte = 0xC0 // GET RESPONSE
)

// MaxResponse is the largest response data that vpcd carries: its wire counts a
// message in two bytes, the status word included.
const MaxResponse = 0xFFFF - 2

var applicationID = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01} // Doc 9303-10 §3.1

// Options of a card; the zero value is a card without faults.
type Options struct {
	Fault       string    // from Faults, several separated by commas, or ""
	MaxResponse int       // bytes of response data; 0 means MaxResponse; 256 or less: no extended lengths
	Random      io.Reader // nil means crypto/rand
	// Sleep waits for a slow card; nil means time.Sleep.
	Sleep func(time.Duration)
}

// Card is one card on a reader. It is not safe for concurrent use: a reader
// sends one command at a time.
type Card struct {
	chip   *lds.Chip
	max    int
	random io.Reader
	sleep  func(time.Duration)
	faults faults
	tries  map[byte]int // retry counters of PACE's passwords that have one

	commands int    // since the card was powered
	waiting  []byte // rest of an answer that GET RESPONSE fetches, status word included

	inApp   bool
	current []byte // content of the current EF, nil when none
	session *messaging
	byPACE  bool       // how access was proven
	next    *messaging // session that follows this command's answer
	bac     basicAccess
	refused bool       // PACE was refused: basic access control waits for SELECT
	pace    *pace      // run in progress
	agreed  lds.Cipher // of the chip authentication in progress, 0 for none
}

// New makes a card from chip, which it may change when a fault asks for it.
func New(chip *lds.Chip, o Options) (*Card, error) {
	f, damages, err := parseFaults(o.Fault)
	if err != nil {
		return nil, err
	}
	for _, name := range damages {
		if err := chip.Damage(name); err != nil {
			return nil, err
		}
	}
	c := &Card{chip: chip, max: o.MaxResponse, random: o.Random, sleep: o.Sleep, faults: f, tries: map[byte]int{}}
	if c.random == nil {
		c.random = rand.Reader
	}
	if c.sleep == nil {
		c.sleep = time.Sleep
	}
	if c.max <= 0 || c.max > MaxResponse {
		c.max = MaxResponse
	}
	c.restoreTries(passwordMRZ)
	c.restoreTries(passwordCAN)
	c.bac = newBasicAccess(chip.BAC, c.random)
	return c, nil
}

func (c *Card) restoreTries(password byte) {
	if c.faults.tries >= 0 {
		c.tries[password] = c.faults.tries
	}
}

// Reset forgets everything that was proven; retry counters stay.
func (c *Card) Reset() {
	c.drop()
	c.inApp, c.refused, c.commands, c.waiting = false, false, 0, nil
}

// drop ends the protected session and with it all access.
func (c *Card) drop() {
	c.session, c.next, c.current, c.bac.rndIC, c.pace, c.agreed = nil, nil, nil, nil, nil, 0
	c.byPACE = false
}

// Process answers one command APDU with data and status word. A nil answer
// means that the card was pulled (fault removal@N).
func (c *Card) Process(raw []byte) []byte {
	c.commands++
	if c.faults.slow > 0 {
		c.sleep(c.faults.slow)
	}
	if c.faults.removal > 0 && c.commands >= c.faults.removal {
		return nil
	}
	if c.faults.pieces && len(raw) >= 4 && raw[1] == insResponse {
		return c.piece(raw)
	}
	c.waiting = nil
	answer := c.answer(raw)
	if c.commands == c.faults.mac && len(answer) > 2 {
		answer[len(answer)-3] ^= 0xFF // last byte of DO'8E', which ends a protected answer
	}
	if c.faults.pieces && len(answer) > pieceLimit+2 {
		c.waiting = answer
		return status(nil, c.remaining())
	}
	return answer
}

// piece answers GET RESPONSE: as much as asked for of what waits.
func (c *Card) piece(raw []byte) []byte {
	cmd, err := parseCommand(raw)
	if err != nil || len(c.waiting) == 0 {
		return status(nil, swConditions)
	}
	n := min(cmd.ne, pieceLimit, len(c.waiting)-2)
	out := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; len(c.waiting) == 2 {
		out, c.waiting = append(out, c.waiting...), nil
		return out
	}
	return status(out, c.remaining())
}

func (c *Card) remaining() uint16 { return swMore | uint16(min(len(c.waiting)-2, pieceLimit)) }

// answer does what a card without transport faults does.
func (c *Card) answer(raw []byte) []byte {
	if sw, ok := c.faults.plain[c.commands]; ok {
		c.drop()
		return status(nil, sw)
	}
	cmd, err := parseCommand(raw)
	if err != nil || (cmd.extended && c.max <= 256) {
		return status(nil, swWrongLength)
	}
	switch {
	case c.session != nil && !cmd.protected():
		c.drop()
		return status(nil, swLocked)
	case c.session != nil:
		return c.answerProtected(cmd)
	case cmd.protected():
		return status(nil, swLocked)
	case cmd.cla&^0x10 != 0:
		return status(nil, swClass)
	}
	data, sw := c.execute(cmd, c.max)
	return status(data, sw)
}

func (c *Card) answerProtected(cmd command) []byte {
	plain, sw := c.session.open(cmd)
	if sw != swOK {
		c.drop()
		return status(nil, sw)
	}
	limit := c.max
	if cmd.ne > 0 {
		limit = min(limit, cmd.ne)
	}
	session := c.session
	data, sw := c.execute(plain, session.room(limit))
	if c.next != nil { // chip authentication: its answer is the last of the old session
		c.session, c.next = c.next, nil
	}
	return status(session.seal(cmd.ins, data, sw), sw)
}

// execute runs a plain command; room is how many response bytes fit.
func (c *Card) execute(cmd command, room int) ([]byte, uint16) {
	if sw, ok := c.faults.protected[c.commands]; ok {
		return nil, sw
	}
	if cmd.ins != insGeneral { // a chain ends with any other command
		c.pace, c.agreed = nil, 0
		if cmd.chained() {
			return nil, swClass
		}
	}
	switch cmd.ins {
	case insSelect:
		return c.selectFile(cmd)
	case insReadBinary:
		return c.readBinary(cmd, room)
	case insReadBinaryBT:
		return c.readBinaryTLV(cmd, room)
	case insChallenge:
		return c.challenge(cmd)
	case insExternal:
		return c.authenticate(cmd)
	case insManage:
		return nil, c.manage(cmd)
	case insGeneral:
		return c.generalAuthenticate(cmd)
	case insInternal:
		return c.authenticateActively(cmd, room)
	}
	return nil, swInstruction
}

// manage is MANAGE SECURITY ENVIRONMENT: PACE before access, chip authentication
// after it.
func (c *Card) manage(cmd command) uint16 {
	p := uint16(cmd.p1)<<8 | uint16(cmd.p2)
	switch {
	case len(c.chip.PACE) == 0 && c.chip.Key == nil:
		return swInstruction
	case p == 0xC1A4 && c.session == nil:
		return c.setPACE(cmd.data)
	case p == 0xC1A4:
		return swConditions
	case p != 0x41A4 && p != 0x41A6:
		return swParameters
	case c.session == nil || !c.inApp:
		return swLocked
	case p == 0x41A6:
		return c.agreeAtOnce(cmd.data)
	}
	return c.setKey(cmd.data)
}

func (c *Card) generalAuthenticate(cmd command) ([]byte, uint16) {
	switch {
	case cmd.p1 != 0 || cmd.p2 != 0:
		return nil, swParameters
	case c.pace != nil:
		return c.stepPACE(cmd)
	case c.agreed != 0:
		return c.stepKey(cmd)
	}
	return nil, swConditions
}

func (c *Card) challenge(cmd command) ([]byte, uint16) {
	switch {
	case !c.inApp || c.session != nil || c.chip.NoBAC:
		return nil, swConditions
	case c.refused:
		return nil, swLocked
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
	if !c.inApp || c.session != nil || c.chip.NoBAC {
		return nil, swConditions
	}
	response, session, sw := c.bac.authenticate(cmd.data)
	c.session, c.byPACE = session, false
	return response, sw
}

func status(data []byte, sw uint16) []byte {
	return binary.BigEndian.AppendUint16(bytes.Clone(data), sw)
}
