package icc

import (
	"bytes"

	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/ber"
)

// selectFile is SELECT (ISO/IEC 7816-4 §11.1.1): by application name, the
// master file, or an EF by identifier.
func (c *Card) selectFile(cmd command) ([]byte, uint16) {
	if cmd.p2 != 0x0C && cmd.p2 != 0x00 {
		return nil, swParameters
	}
	switch cmd.p1 {
	case 0x04:
		return c.selectApplication(cmd)
	case 0x00:
		if len(cmd.data) == 0 || bytes.Equal(cmd.data, []byte{0x3F, 0x00}) {
			return c.selectMaster()
		}
		return c.selectEF(cmd.data)
	case 0x02:
		return c.selectEF(cmd.data)
	}
	return nil, swParameters
}

func (c *Card) selectApplication(cmd command) ([]byte, uint16) {
	if !bytes.Equal(cmd.data, applicationID) {
		return nil, swNotFound
	}
	c.inApp, c.current, c.refused = true, nil, false
	if cmd.p2 == 0x00 && cmd.ne > 0 {
		return ber.TLV(0x6F, ber.TLV(0x84, applicationID)), swOK
	}
	return nil, swOK
}

func (c *Card) selectMaster() ([]byte, uint16) {
	if c.chip.NoMasterFile {
		return nil, swInstruction
	}
	c.inApp, c.current = false, nil
	return nil, swOK
}

func (c *Card) selectEF(id []byte) ([]byte, uint16) {
	if len(id) != 2 {
		return nil, swWrongLength
	}
	content, sw := c.file(uint16(id[0])<<8 | uint16(id[1]))
	c.current = content
	return nil, sw
}

// file finds a file and enforces who may read it.
func (c *Card) file(id uint16) ([]byte, uint16) {
	if !c.inApp {
		return c.masterFile(id)
	}
	if c.session == nil || c.chip.Locked[id] {
		return nil, swLocked
	}
	content, ok := c.chip.Files[id]
	if !ok {
		return nil, swNotFound
	}
	return content, swOK
}

// masterFile finds a file under the master file. EF.CardSecurity needs PACE
// (Doc 9303-10 §3.11.4).
func (c *Card) masterFile(id uint16) ([]byte, uint16) {
	if id == efATR {
		if content, ok := c.chip.Master[id]; ok {
			return content, swOK
		}
		return c.capabilities(), swOK
	}
	content, ok := c.chip.Master[id]
	switch {
	case !ok:
		return nil, swNotFound
	case id == lds.EFCardSecurity && !c.byPACE:
		return nil, swLocked
	}
	return content, swOK
}

// readBinary is READ BINARY with even instruction (ISO/IEC 7816-4 §11.2.3):
// bit 8 of P1 selects a short EF identifier and leaves eight bits of offset.
func (c *Card) readBinary(cmd command, room int) ([]byte, uint16) {
	offset := int(cmd.p1)<<8 | int(cmd.p2)
	if cmd.p1&0x80 != 0 {
		if cmd.p1&0x60 != 0 {
			return nil, swParameters
		}
		if sw := c.selectShort(cmd.p1 & 0x1F); sw != swOK {
			return nil, sw
		}
		offset = int(cmd.p2)
	}
	if len(cmd.data) > 0 || cmd.ne == 0 {
		return nil, swWrongLength
	}
	return c.read(offset, cmd, room)
}

// readBinaryTLV is READ BINARY with odd instruction: P1-P2 is a file identifier
// or zero for the current file, DO'54' the offset, the answer DO'53'.
func (c *Card) readBinaryTLV(cmd command, room int) ([]byte, uint16) {
	switch {
	case cmd.p1 == 0 && cmd.p2 == 0:
	case cmd.p1 == 0 && cmd.p2 < 0x1F:
		if sw := c.selectShort(cmd.p2); sw != swOK {
			return nil, sw
		}
	default:
		if _, sw := c.selectEF([]byte{cmd.p1, cmd.p2}); sw != swOK {
			return nil, sw
		}
	}
	tag, value, rest, err := ber.Next(cmd.data)
	if err != nil || tag != 0x54 || len(value) < 1 || len(value) > 3 || len(rest) > 0 || cmd.ne == 0 {
		return nil, swWrongLength
	}
	const header = 5 // at most: 53 83 xx xx xx
	if cmd.ne < 256 {
		cmd.ne -= 2
	} else {
		cmd.ne -= header - 1
	}
	if cmd.ne <= 0 {
		return nil, swWrongLength
	}
	data, sw := c.read(number(value), cmd, room-header)
	if sw&0xFF00 == swExact {
		return nil, sw + 2 // DO'53' included; at most 226 bytes
	}
	if sw != swOK && sw != swEndOfFile {
		return nil, sw
	}
	return ber.TLV(0x53, data), sw
}

// selectShort selects by short identifier. In the application that is the low
// five bits of the identifier; under the master file each has its own
// (Doc 9303-10 §3.11).
func (c *Card) selectShort(sfi byte) uint16 {
	id := 0x0100 | uint16(sfi)
	if !c.inApp {
		switch sfi {
		case 0x01:
			id = efATR
		case 0x1E:
			id = lds.EFDIR
		}
	}
	content, sw := c.file(id)
	c.current = content
	return sw
}

// read returns at most cmd.ne and room bytes from offset; less than asked for
// because the file ends is a warning (6282), unless everything was asked for.
func (c *Card) read(offset int, cmd command, room int) ([]byte, uint16) {
	if c.inApp && c.session == nil {
		return nil, swLocked
	}
	if c.current == nil {
		return nil, swNoFile
	}
	if offset >= len(c.current) {
		return nil, swWrongOffset
	}
	rest := c.current[offset:]
	if c.faults.exact && (cmd.ne > exactLimit || cmd.ne > len(rest)) {
		return nil, swExact | uint16(min(len(rest), exactLimit))
	}
	sw := swOK
	if len(rest) < cmd.ne && len(rest) <= room && !cmd.all {
		sw = swEndOfFile
	}
	return rest[:max(min(len(rest), cmd.ne, room), 0)], sw
}
