package finger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/hw/serial"
)

// Port is what the driver needs of a serial port; *serial.Port is one.
type Port interface {
	// ReadTimeout reads at least one byte or returns serial.ErrTimeout.
	ReadTimeout(b []byte, d time.Duration) (int, error)
	Write(b []byte) (int, error)
	// SetBaud changes the speed and discards everything in flight.
	SetBaud(baud int) error
}

// errNoAnswer: the device was silent, or what came was no packet.
var errNoAnswer = errors.New("no answer from the device")

// refusal is a confirmation code other than "done".
type refusal struct {
	instruction, code byte
}

func (r *refusal) Error() string {
	return fmt.Sprintf("device refused instruction 0x%02x with code 0x%02x (%s)", r.instruction, r.code, confirmation(r.code))
}

// slice is how long a read blocks at most before the context is looked at.
const slice = 50 * time.Millisecond

// link exchanges packets over a port.
type link struct {
	port Port
	dec  decoder
	in   [512]byte
	out  []byte
}

// setBaud changes this side's speed and forgets what was received.
func (l *link) setBaud(baud int) error {
	l.dec.reset()
	return l.port.SetBaud(baud)
}

// command sends an instruction with its parameters and returns the content of
// the acknowledgement after the confirmation code. A code other than 00 is a
// *refusal. Packets left over from an exchange that was cut are discarded.
func (l *link) command(ctx context.Context, timeout time.Duration, content ...byte) ([]byte, error) {
	if err := l.drain(); err != nil {
		return nil, err
	}
	l.out = appendPacket(l.out[:0], l.dec.address, kindCommand, content)
	if _, err := l.port.Write(l.out); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	for {
		p, err := l.receive(ctx, deadline)
		if err != nil {
			return nil, err
		}
		if p.kind != kindAck {
			continue // the tail of an image that nobody wants any more
		}
		if code := p.content[0]; code != codeOK {
			return nil, &refusal{instruction: content[0], code: code}
		}
		return p.content[1:], nil
	}
}

// drain throws away what has arrived since the last exchange.
func (l *link) drain() error {
	l.dec.reset()
	for range 256 { // bounded: a device that babbles does not hold us for ever
		_, err := l.port.ReadTimeout(l.in[:], 0)
		if errors.Is(err, serial.ErrTimeout) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// quiet is how long a line must be silent to be taken as at rest: longer than
// the gaps between packets and than the 16 ms that USB bridges hold bytes back.
const quiet = 60 * time.Millisecond

// settle waits until the device has stopped sending: a module whose driver was
// killed in the middle of an image sends the rest, up to 6.6 s at its factory's
// speed, and hears no command meanwhile. The speed does not matter for that.
func (l *link) settle(ctx context.Context, longest time.Duration) error {
	for deadline := time.Now().Add(longest); time.Now().Before(deadline); {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := l.port.ReadTimeout(l.in[:], quiet)
		if errors.Is(err, serial.ErrTimeout) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: the line never rests", errNoAnswer)
}

// receive returns the next packet, or errNoAnswer at the deadline.
func (l *link) receive(ctx context.Context, deadline time.Time) (packet, error) {
	for {
		if p, ok := l.dec.next(); ok {
			return p, nil
		}
		if err := ctx.Err(); err != nil {
			return packet{}, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return packet{}, errNoAnswer
		}
		n, err := l.port.ReadTimeout(l.in[:], min(left, slice))
		if errors.Is(err, serial.ErrTimeout) {
			continue
		}
		if err != nil {
			return packet{}, err
		}
		l.dec.feed(l.in[:n])
	}
}
