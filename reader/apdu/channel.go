package apdu

import (
	"context"
	"errors"
	"fmt"
)

// Transmitter carries one command APDU to a card and brings its response APDU.
// An implementation ends with the context and returns an *eid.Error for what
// the officer must see (card removed, reader gone).
type Transmitter interface {
	Transmit(ctx context.Context, command []byte) ([]byte, error)
}

// TransmitError is a command that no card answered: the transport failed or
// brought something that is no response APDU. Nothing is known of the card's
// state; what comes from the card itself is never one.
type TransmitError struct {
	INS byte
	Err error
}

func (e *TransmitError) Error() string { return fmt.Sprintf("transmit command %02X: %v", e.INS, e.Err) }
func (e *TransmitError) Unwrap() error { return e.Err }

// maxChained bounds what a card may deliver by answering 61xx again and again.
const maxChained = 1 << 17

// Channel sends commands over a Transmitter, follows 61xx and 6Cxx and counts.
// It serves one goroutine.
type Channel struct {
	t     Transmitter
	apdus int
	bytes int
}

// NewChannel returns a channel over t.
func NewChannel(t Transmitter) *Channel { return &Channel{t: t} }

// APDUs returns the number of commands sent so far.
func (c *Channel) APDUs() int { return c.apdus }

// Bytes returns the number of response bytes received so far, status words included.
func (c *Channel) Bytes() int { return c.bytes }

// Send transmits the command. On 6Cxx without data it repeats the command once with the
// Le that the card names; on 61xx it fetches the rest with GET RESPONSE
// (ISO/IEC 7816-4 §5.3.4). Neither touches the command's data field, so a
// protected command stays valid.
func (c *Channel) Send(ctx context.Context, cmd Command) (Response, error) {
	r, err := c.once(ctx, cmd)
	if err != nil {
		return Response{}, err
	}
	if le, ok := r.SW.ExactLe(); ok && len(r.Data) == 0 && le != cmd.Le {
		cmd.Le, cmd.Extended = le, false
		if r, err = c.once(ctx, cmd); err != nil {
			return Response{}, err
		}
	}
	var data []byte
	for {
		le, more := r.SW.More()
		if !more {
			break
		}
		if data = append(data, r.Data...); len(data) > maxChained {
			return Response{}, errors.New("card never ends its response")
		}
		if r, err = c.once(ctx, Command{INS: 0xC0, Le: le}); err != nil {
			return Response{}, err
		}
		if len(r.Data) == 0 && r.SW.isMore() {
			return Response{}, errors.New("card announces more data and sends none")
		}
	}
	if data != nil {
		r.Data = append(data, r.Data...)
	}
	return r, nil
}

func (s Status) isMore() bool { _, ok := s.More(); return ok }

func (c *Channel) once(ctx context.Context, cmd Command) (Response, error) {
	raw, err := cmd.Marshal()
	if err != nil {
		return Response{}, fmt.Errorf("encode command %02X: %w", cmd.INS, err)
	}
	answer, err := c.t.Transmit(ctx, raw)
	c.apdus++
	c.bytes += len(answer)
	if err != nil {
		return Response{}, &TransmitError{cmd.INS, err}
	}
	r, err := ParseResponse(answer)
	if err != nil {
		return Response{}, &TransmitError{cmd.INS, err}
	}
	return r, nil
}
