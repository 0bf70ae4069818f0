package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

// MaxMessage bounds one message on the wire, in bytes. The largest honest one
// holds a few portrait frames.
const MaxMessage = 16 << 20

type kind uint8

const (
	kindCall kind = iota + 1
	kindProgress
	kindResult
	kindCancel
)

// message is the one shape on the wire; fields that a kind does not need are absent.
type message struct {
	Kind   kind            `cbor:"k"`
	ID     uint64          `cbor:"i"`
	Method string          `cbor:"m,omitempty"`
	Body   cbor.RawMessage `cbor:"b,omitempty"`
	Code   eid.Code        `cbor:"c,omitempty"` // results that failed
	Op     string          `cbor:"o,omitempty"`
	Error  string          `cbor:"e,omitempty"`
}

var decMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxNestedLevels: 16, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 12}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return m
}()

// encMode keeps the fractions of a second, which CBOR's default drops.
var encMode = func() cbor.EncMode {
	m, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err != nil {
		panic(err) // constant options
	}
	return m
}()

// stream reads and writes messages; writes may come from many goroutines.
type stream struct {
	rw io.ReadWriteCloser
	mu sync.Mutex
}

func (s *stream) write(m message) error {
	body, err := encMode.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(body) > MaxMessage {
		return fmt.Errorf("message of %d bytes is over the limit of %d", len(body), MaxMessage)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.rw.Write(append(frame, body...)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

func (s *stream) read() (message, error) {
	var m message
	var head [4]byte
	if _, err := io.ReadFull(s.rw, head[:]); err != nil {
		return m, err // io.EOF is the orderly end
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxMessage {
		return m, fmt.Errorf("message of %d bytes is over the limit of %d", n, MaxMessage)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.rw, body); err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	if err := decMode.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

// encode turns a handler's outcome into a result message.
func encode(id uint64, out any, err error) message {
	m := message{Kind: kindResult, ID: id}
	if err == nil {
		m.Body, err = encMode.Marshal(out)
	}
	if err != nil {
		m.Body, m.Code, m.Op, m.Error = nil, eid.CodeOf(err), "worker", err.Error()
		if e, ok := errors.AsType[*eid.Error](err); ok {
			m.Op, m.Error = e.Op, ""
			if e.Err != nil {
				m.Error = e.Err.Error()
			}
		}
	}
	return m
}

// failure turns a failed result back into the error that the handler returned.
func (m message) failure() error {
	if m.Code == "" {
		return nil
	}
	var cause error
	if m.Error != "" {
		cause = errors.New(m.Error)
	}
	return eid.Fail(m.Code, m.Op, cause)
}
