// Package pn532 reaches a chip card through an NXP PN532 module on a serial line
// (high speed UART), the reader of last resort: frames of at most 262 bytes of a
// command or an answer, 106 kbit/s. Written from the PN532 user manual,
// UM0701-02; sections are cited from there.
package pn532

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/internal/eid"
)

// Baud is the module's speed after power-up (§6.4).
const Baud = 115200

// Line is the serial line: *serial.Port.
type Line interface {
	ReadTimeout(b []byte, d time.Duration) (int, error)
	Write(b []byte) (int, error)
	Close() error
}

// Module is a PN532. It belongs to one goroutine.
type Module struct {
	line  Line
	buf   []byte // received and not yet understood
	awake bool
}

const (
	ackTime    = 600 * time.Millisecond // to acknowledge a command; clones are slow
	answerTime = 800 * time.Millisecond // to answer a command that asks no card
	cardTime   = 8 * time.Second        // to answer one that does: cards ask for time
	slice      = 50 * time.Millisecond  // of waiting, between looks at the context
	tries      = 3                      // of a command that is not acknowledged, of an answer that is damaged
	maxBuffer  = 4096
)

// Commands (§7).
const (
	getFirmware    = 0x02
	samConfigure   = 0x14
	rfConfigure    = 0x32
	inDataExchange = 0x40
	inListPassive  = 0x4A
	inRelease      = 0x52
)

// Open opens the port, wakes the module and prepares it. Errors are *eid.Error
// with eid.CodeNoReader, or the context's.
func Open(ctx context.Context, port string) (*Module, error) {
	line, err := serial.Open(port, Baud)
	if err != nil {
		code := eid.CodeNoReader
		if errors.Is(err, serial.ErrBusy) {
			code = eid.CodeDeviceBusy
		}
		return nil, eid.Fail(code, "open reader", err)
	}
	m := New(line)
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(err, line.Close())
	}
	return m, nil
}

// New returns a module on line, which it closes.
func New(line Line) *Module { return &Module{line: line} }

// prepare wakes the module, sees that it is a PN532 and sets it up as a reader
// that gives up on an empty field.
func (m *Module) prepare(ctx context.Context) error {
	// SAM in normal mode (unused), no time-out, no IRQ line (§7.2.10).
	if _, err := m.command(ctx, samConfigure, []byte{0x01, 0x00, 0x00}, answerTime); err != nil {
		return fail("wake reader", err)
	}
	firmware, err := m.command(ctx, getFirmware, nil, answerTime)
	if err == nil && (len(firmware) < 4 || firmware[0] != 0x32) {
		err = errors.New("the device on this port is no PN532")
	}
	if err != nil {
		return fail("ask reader", err)
	}
	// Retries (§7.3.1, item 5): for ATR and PSL the usual ones, two to find a card.
	if _, err := m.command(ctx, rfConfigure, []byte{0x05, 0xFF, 0x01, 0x02}, answerTime); err != nil {
		return fail("configure reader", err)
	}
	return nil
}

func fail(op string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return eid.Fail(eid.CodeNoReader, op, err)
}

// Close switches the field off, so that the card forgets its session, and
// closes the line.
func (m *Module) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	_, _ = m.command(ctx, rfConfigure, []byte{0x01, 0x00}, answerTime) // the line may be gone
	return m.line.Close()
}

// wake is what a sleeping module needs before the first command: its UART loses
// the bytes that wake it (§7.2.11).
var wake = append([]byte{0x55, 0x55}, make([]byte, 14)...)

// command sends code with params and returns what follows the answer's code.
// answer bounds the time after the acknowledgement.
func (m *Module) command(ctx context.Context, code byte, params []byte, answer time.Duration) ([]byte, error) {
	out := encode(append([]byte{toModule, code}, params...))
	if !m.awake {
		out = append(bytes.Clone(wake), out...)
	}
	if err := m.acknowledged(ctx, out, code == inDataExchange); err != nil {
		return nil, err
	}
	m.awake = true
	end := time.Now().Add(answer)
	for range tries {
		f, err := m.receive(ctx, time.Until(end))
		if err != nil {
			_, _ = m.line.Write(ackFrame) // abandons the command (§6.2.1.3)
			return nil, fmt.Errorf("wait for answer to command %02X: %w", code, err)
		}
		switch {
		case f.kind == kindDamaged:
			if _, err := m.line.Write(nackFrame); err != nil { // once more, please (§6.2.1.4)
				return nil, fmt.Errorf("write to reader: %w", err)
			}
		case f.kind != kindData:
		case len(f.data) == 1 && f.data[0] == syntax:
			return nil, fmt.Errorf("reader does not understand command %02X", code)
		case len(f.data) >= 2 && f.data[0] == fromModule && f.data[1] == code+1:
			return f.data[2:], nil
		}
	}
	return nil, fmt.Errorf("no intact answer to command %02X", code)
}

// acknowledged sends a frame until the module acknowledges it. One that moves a
// card's chained command or answer on is not sent again because of silence, but
// waited for as long: a late module would execute the second one too, and a part
// of the answer be lost. A module that says it got it damaged has not executed it.
func (m *Module) acknowledged(ctx context.Context, out []byte, once bool) error {
	wait := ackTime
	if once {
		wait *= tries
	}
	for range tries {
		m.buf = m.buf[:0] // of an answer that came too late
		if _, err := m.line.Write(out); err != nil {
			return fmt.Errorf("write to reader: %w", err)
		}
		kind, err := m.verdict(ctx, wait)
		if err != nil && !errors.Is(err, serial.ErrTimeout) {
			return err
		}
		if err == nil && kind == kindACK {
			return nil
		}
		if err != nil && once {
			break
		}
	}
	return errors.New("reader does not acknowledge")
}

// verdict waits for an ACK or a NACK and leaves out what is older than either.
func (m *Module) verdict(ctx context.Context, wait time.Duration) (kind, error) {
	for end := time.Now().Add(wait); ; {
		f, err := m.receive(ctx, time.Until(end))
		if err != nil || f.kind == kindACK || f.kind == kindNACK {
			return f.kind, err
		}
	}
}

// receive returns the next frame, whose data stay valid until the next call.
func (m *Module) receive(ctx context.Context, wait time.Duration) (frame, error) {
	end := time.Now().Add(wait)
	for {
		f, used, err := parse(m.buf)
		if err == nil {
			f.data = bytes.Clone(f.data)
		}
		m.buf = append(m.buf[:0], m.buf[used:]...)
		if err == nil {
			return f, nil
		}
		if err := ctx.Err(); err != nil {
			return frame{}, err
		}
		left := time.Until(end)
		if left <= 0 {
			return frame{}, serial.ErrTimeout
		}
		var in [512]byte
		n, err := m.line.ReadTimeout(in[:], min(left, slice))
		if err != nil && !errors.Is(err, serial.ErrTimeout) {
			return frame{}, fmt.Errorf("read from reader: %w", err)
		}
		if m.buf = append(m.buf, in[:n]...); len(m.buf) > maxBuffer {
			return frame{}, errors.New("reader sends without end")
		}
	}
}
