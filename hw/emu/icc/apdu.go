package icc

import "errors"

var errAPDU = errors.New("malformed command")

// command is a parsed command APDU (ISO/IEC 7816-4 §5.1).
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	ne               int  // bytes expected: 0 none, at most 65536
	all              bool // Le of zeros: whatever there is, at most ne
	extended         bool
}

// protected says that the class asks for secure messaging with the header in
// the checksum (ISO/IEC 7816-4 §5.4.1: bits 4 and 3 are 11).
func (c command) protected() bool { return c.cla&0x0C == 0x0C }

// chained says that more commands of the chain follow (§5.3.3).
func (c command) chained() bool { return c.cla&0x10 != 0 }

// parseCommand reads cases 1, 2S, 3S, 4S, 2E, 3E and 4E. data shares raw's memory.
func parseCommand(raw []byte) (command, error) {
	if len(raw) < 4 {
		return command{}, errAPDU
	}
	c := command{cla: raw[0], ins: raw[1], p1: raw[2], p2: raw[3]}
	body := raw[4:]
	switch {
	case len(body) == 0: // case 1
		return c, nil
	case len(body) == 1: // case 2S
		c.expect(body)
		return c, nil
	case body[0] != 0: // cases 3S, 4S
		err := c.split(body[1:], int(body[0]), 1)
		return c, err
	case len(body) < 3:
		return command{}, errAPDU
	}
	c.extended = true
	n := int(body[1])<<8 | int(body[2])
	if len(body) == 3 { // case 2E
		c.expect(body[1:])
		return c, nil
	}
	if n == 0 {
		return command{}, errAPDU
	}
	err := c.split(body[3:], n, 2) // cases 3E, 4E
	return c, err
}

// split takes n bytes of data and an optional Le of width bytes.
func (c *command) split(body []byte, n, width int) error {
	switch len(body) {
	case n:
	case n + width:
		c.expect(body[n:])
	default:
		return errAPDU
	}
	c.data = body[:n]
	return nil
}

// expect reads an Le of one or two bytes.
func (c *command) expect(le []byte) {
	c.ne = number(le)
	if c.all = c.ne == 0; c.all {
		c.ne = 1 << (8 * len(le))
	}
}

// number reads a big-endian number of at most four bytes.
func number(b []byte) int {
	n := 0
	for _, v := range b {
		n = n<<8 | int(v)
	}
	return n
}
