package pn532

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Card is a card of ISO/IEC 14443-4 in the module's field. The module speaks
// the transmission protocol, waiting time extensions included. After a failure
// the card is of no more use. It belongs to one goroutine.
type Card struct {
	module *Module
	target byte
	kind   string
	ends   time.Time
	dead   error
}

// Kinds of cards by the baud and modulation code of InListPassiveTarget (§7.3.5).
var kinds = []struct {
	name   string
	params []byte
	read   func(target []byte) error
}{
	{"A", []byte{0x01, 0x00}, typeA},
	{"B", []byte{0x01, 0x03, 0x00}, typeB}, // AFI 00: every application family
}

// pollPause lies between two looks at an empty field.
const pollPause = 30 * time.Millisecond

// WaitCard waits for a card of type A or B. session bounds its use. Errors are
// *eid.Error (eid.CodeNoCard, eid.CodeNoReader, eid.CodeChipRead for a card
// that speaks no ISO/IEC 14443-4) or the context's.
func (m *Module) WaitCard(ctx context.Context, patience, session time.Duration) (*Card, error) {
	for end := time.Now().Add(patience); ; {
		c, err := m.look(ctx)
		if c != nil || err != nil {
			if c != nil {
				c.ends = time.Now().Add(session)
			}
			return c, err
		}
		if time.Now().After(end) {
			return nil, eid.Fail(eid.CodeNoCard, "wait for card", nil)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollPause):
		}
	}
}

// look returns nil for an empty field.
func (m *Module) look(ctx context.Context) (*Card, error) {
	for _, k := range kinds {
		found, err := m.command(ctx, inListPassive, k.params, answerTime)
		if err != nil {
			return nil, fail("look for card", err)
		}
		if len(found) < 2 || found[0] == 0 {
			continue
		}
		if err := k.read(found[2:]); err != nil {
			return nil, eid.Fail(eid.CodeChipRead, "activate card", err)
		}
		return &Card{module: m, target: found[1], kind: k.name}, nil
	}
	return nil, nil
}

// typeA checks SENS_RES (2), SEL_RES (1), NFCID with its length, ATS with its
// length: bit 6 of SEL_RES tells ISO/IEC 14443-4 (§7.3.5).
func typeA(b []byte) error {
	if len(b) < 4 || len(b) < 4+int(b[3]) {
		return errors.New("reader's answer is cut short")
	}
	if b[2]&0x20 == 0 {
		return errors.New("card does not speak ISO/IEC 14443-4")
	}
	return nil
}

// typeB checks ATQB (12) and the answer to ATTRIB with its length. The protocol
// type in ATQB tells ISO/IEC 14443-4 (ISO/IEC 14443-3 §7.9.4).
func typeB(b []byte) error {
	if len(b) < 13 || len(b) < 13+int(b[12]) {
		return errors.New("reader's answer is cut short")
	}
	if b[0] != 0x50 || b[10]&0x01 == 0 {
		return errors.New("card does not speak ISO/IEC 14443-4")
	}
	return nil
}

// Kind is "A" or "B".
func (c *Card) Kind() string { return c.kind }

const (
	// maxPart is the part of a command or an answer that one exchange carries (§7.3.8).
	maxPart = 262
	// maxAnswer bounds an answer of many parts: the longest response APDU.
	maxAnswer = 65536 + 2
	// more is set in the target's number when more of a command follows, and in
	// the status when more of an answer does (§7.3.8).
	more = 0x40
)

// Transmit sends one command APDU and returns the response APDU. Errors are
// *eid.Error (eid.CodeChipRemoved, eid.CodeNoReader, eid.CodeChipRead) or the
// context's; the first one is the answer to every command that follows.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.dead != nil {
		return nil, c.dead
	}
	if time.Now().After(c.ends) {
		c.dead = eid.Fail(eid.CodeChipRead, "transmit", errors.New("session lasts too long"))
		return nil, c.dead
	}
	out, err := c.exchange(ctx, command)
	if err != nil {
		c.dead = err
	}
	return out, err
}

func (c *Card) exchange(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("command is empty"))
	}
	for len(command) > maxPart {
		if _, _, err := c.part(ctx, c.target|more, command[:maxPart]); err != nil {
			return nil, err
		}
		command = command[maxPart:]
	}
	var out []byte
	for {
		part, goesOn, err := c.part(ctx, c.target, command)
		if err != nil {
			return nil, err
		}
		if out = append(out, part...); len(out) > maxAnswer {
			return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("card never ends its answer"))
		}
		if !goesOn {
			return out, nil
		}
		if len(part) == 0 {
			return nil, eid.Fail(eid.CodeChipRead, "transmit", errors.New("card announces more data and sends none"))
		}
		command = nil
	}
}

// part is one InDataExchange.
func (c *Card) part(ctx context.Context, target byte, data []byte) (answer []byte, goesOn bool, err error) {
	in, err := c.module.command(ctx, inDataExchange, append([]byte{target}, data...), cardTime)
	if err != nil {
		return nil, false, fail("transmit", err)
	}
	if len(in) == 0 {
		return nil, false, eid.Fail(eid.CodeChipRead, "transmit", errors.New("reader's answer has no status"))
	}
	if code := in[0] & 0x3F; code != 0 {
		return nil, false, statusFailure(code)
	}
	return in[1:], in[0]&more != 0, nil
}

// statusFailure gives the module's error (§7.1) the officer's code. A card that
// answers no more was taken away: one that is busy asks for time.
func statusFailure(code byte) error {
	cause := fmt.Errorf("reader reports %02X", code)
	switch code {
	case 0x01, 0x0A, 0x29, 0x2A, 0x2B: // time-out, no field, released, exchanged, disappeared
		return eid.Fail(eid.CodeChipRemoved, "transmit", cause)
	}
	return eid.Fail(eid.CodeChipRead, "transmit", cause)
}

// Release lets the card go; the module may then look for another one.
func (c *Card) Release(ctx context.Context) error {
	c.dead = eid.Fail(eid.CodeChipRead, "transmit", errors.New("card is released"))
	if _, err := c.module.command(ctx, inRelease, []byte{c.target}, answerTime); err != nil {
		return fail("release card", err)
	}
	return nil
}
