package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

// Handler serves one method. in is the CBOR of the call's argument; emit sends
// a progress message to the caller; ctx ends when the caller gives up.
type Handler func(ctx context.Context, in cbor.RawMessage, emit func(progress any) error) (out any, err error)

// Serve answers calls on conn until it is closed or ctx ends, and returns when
// every handler has returned. An orderly end is nil.
func Serve(ctx context.Context, conn io.ReadWriteCloser, handlers map[string]Handler) error {
	ctx, stop := context.WithCancel(ctx)
	closer := context.AfterFunc(ctx, func() { conn.Close() })
	defer closer()
	s := &server{stream: &stream{rw: conn}, handlers: handlers, cancels: map[uint64]context.CancelFunc{}}
	err := s.loop(ctx)
	stop()
	s.calls.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

type server struct {
	*stream
	handlers map[string]Handler
	calls    sync.WaitGroup
	mu       sync.Mutex
	cancels  map[uint64]context.CancelFunc
}

func (s *server) loop(ctx context.Context) error {
	for {
		m, err := s.read()
		if err != nil {
			return err
		}
		switch m.Kind {
		case kindCall:
			s.start(ctx, m)
		case kindCancel:
			s.mu.Lock()
			if cancel := s.cancels[m.ID]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		default:
			return fmt.Errorf("message of kind %d from the daemon", m.Kind)
		}
	}
}

func (s *server) start(ctx context.Context, m message) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancels[m.ID] = cancel
	s.mu.Unlock()
	s.calls.Go(func() {
		out, err := s.call(ctx, m)
		cancel()
		s.mu.Lock()
		delete(s.cancels, m.ID)
		s.mu.Unlock()
		if s.write(encode(m.ID, out, err)) != nil {
			s.rw.Close() // the daemon is gone; the loop ends
		}
	})
}

func (s *server) call(ctx context.Context, m message) (any, error) {
	h := s.handlers[m.Method]
	if h == nil {
		return nil, eid.Fail(eid.CodeInternal, "worker", fmt.Errorf("no method %q", m.Method))
	}
	emit := func(progress any) error {
		body, err := encMode.Marshal(progress)
		if err != nil {
			return fmt.Errorf("encode progress: %w", err)
		}
		return s.write(message{Kind: kindProgress, ID: m.ID, Body: body})
	}
	return h(ctx, m.Body, emit)
}
