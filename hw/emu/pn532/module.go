// Package pn532 is the emulated NXP PN532 module: it serves an emulated chip
// card over a serial line as UM0701-02 describes the module's high speed UART.
package pn532

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Card is what lies in the field.
type Card interface {
	Reset()
	// Process answers a command; nil means that the card was pulled.
	Process(apdu []byte) []byte
}

// Commands of §7.
const (
	getFirmware    = 0x02
	getStatus      = 0x04
	samConfigure   = 0x14
	rfConfigure    = 0x32
	inDataExchange = 0x40
	inListPassive  = 0x4A
	inRelease      = 0x52
)

// Errors of §7.1.
const (
	errTimeout byte = 0x01
	errContext byte = 0x27
)

const (
	target  = 0x01
	partMax = 262  // bytes of a command or an answer in one exchange, §7.3.8
	more    = 0x40 // MI, in the target's number and in the status
)

// Module is one powered module.
type Module struct {
	typeB bool

	mu       sync.Mutex
	card     Card // nil when the field is empty
	listed   bool // a card was selected
	active   bool // and it still lies there
	command  []byte
	answer   []byte // rest of the card's answer
	lastSent []byte
	spoil    int // answers to damage, for tests
}

// New returns a module that sees cards of type A, or of type B.
func New(typeB bool) *Module { return &Module{typeB: typeB} }

// Put lays a card into the field, in place of another.
func (m *Module) Put(c Card) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Reset()
	m.card, m.active = c, false
}

// Take empties the field.
func (m *Module) Take() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.card, m.active = nil, false
}

// Spoil damages the checksum of the next n answers, as a bad cable does.
func (m *Module) Spoil(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoil = n
}

// Serve answers commands on line until it ends; io.EOF and io.ErrClosedPipe end
// it without an error.
func (m *Module) Serve(line io.ReadWriter) error {
	var r receiver
	buf := make([]byte, 512)
	for {
		n, err := line.Read(buf)
		for _, b := range buf[:n] {
			if err == nil {
				err = m.handle(line, &r, b)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve line: %w", err)
		}
	}
}

func (m *Module) handle(line io.Writer, r *receiver, b byte) error {
	event, command := r.push(b)
	switch event {
	case gotCommand:
		if _, err := line.Write(acknowledge); err != nil {
			return err
		}
		out := m.execute(command)
		if _, err := line.Write(m.spoiled(out)); err != nil {
			return err
		}
		m.lastSent = out
	case gotNACK:
		_, err := line.Write(m.spoiled(m.lastSent))
		return err
	}
	return nil
}

func (m *Module) spoiled(out []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spoil == 0 || len(out) < 8 {
		return out
	}
	m.spoil--
	out = bytes.Clone(out)
	out[len(out)-2] ^= 0x55
	return out
}

// execute runs one command and returns the answer's frame.
func (m *Module) execute(command []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	code, params := command[0], command[1:]
	var out []byte
	switch {
	case code == getFirmware && len(params) == 0:
		out = []byte{0x32, 0x01, 0x06, 0x07}
	case code == getStatus && len(params) == 0:
		out = []byte{0x00, 0x00, 0x00, 0x80}
	case code == samConfigure && len(params) >= 1:
	case code == rfConfigure && len(params) >= 2:
		if params[0] == 0x01 && params[1]&0x01 == 0 { // field off: the card forgets
			m.deselect()
		}
	case code == inListPassive && len(params) >= 2:
		out = m.list(params[1])
	case code == inDataExchange && len(params) >= 1:
		out = m.exchange(params[0], params[1:])
	case code == inRelease && len(params) == 1:
		m.deselect()
		out = []byte{0x00}
	default:
		return syntaxError
	}
	return wrap(append([]byte{moduleFrame, code + 1}, out...))
}

func (m *Module) deselect() {
	if m.card != nil {
		m.card.Reset()
	}
	m.listed, m.active, m.command, m.answer = false, false, nil, nil
}

// list selects the card (§7.3.5): baud and modulation 00 is type A, 03 type B.
func (m *Module) list(modulation byte) []byte {
	wanted := byte(0x00)
	if m.typeB {
		wanted = 0x03
	}
	if m.card == nil || modulation != wanted {
		return []byte{0x00}
	}
	m.deselect()
	m.listed, m.active = true, true
	if m.typeB {
		// ATQB with a random identifier, no application data, protocol type
		// ISO/IEC 14443-4, frames of 256 bytes; ATTRIB answered with 00.
		return []byte{1, target, 0x50, 0x08, 0x11, 0x22, 0x33, 0, 0, 0, 0, 0x00, 0x81, 0x70, 1, 0x00}
	}
	// SENS_RES, SEL_RES with ISO/IEC 14443-4, a random identifier (08…), an ATS
	// with frames of 256 bytes and the longest usual waiting time.
	return []byte{1, target, 0x00, 0x04, 0x20, 4, 0x08, 0x11, 0x22, 0x33, 5, 0x78, 0x80, 0x70, 0x02}
}

// exchange carries a part of a command or of an answer (§7.3.8).
func (m *Module) exchange(to byte, part []byte) []byte {
	if to&0x3F != target || !m.listed || len(part) > partMax {
		return []byte{errContext}
	}
	if !m.active { // gone, or another card that was never selected
		return []byte{errTimeout}
	}
	if len(part) > 0 || len(m.answer) == 0 {
		m.command = append(m.command, part...)
		if to&more != 0 {
			return []byte{0x00}
		}
		command := m.command
		m.command = nil
		if m.answer = m.card.Process(command); m.answer == nil {
			m.card, m.active = nil, false
			return []byte{errTimeout}
		}
	}
	status := byte(0)
	n := len(m.answer)
	if n > partMax {
		n, status = partMax, more
	}
	out := append([]byte{status}, m.answer[:n]...)
	m.answer = m.answer[n:]
	return out
}
