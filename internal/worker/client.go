package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

var errGone = errors.New("worker process ended")

// client is the daemon's end of one child's socket. It dies with the child.
type client struct {
	*stream
	mu      sync.Mutex
	next    uint64
	pending map[uint64]*pendingCall
	gone    chan struct{} // closed when the socket is
	began   time.Time
	heard   atomic.Bool // the child has answered something
}

type pendingCall struct {
	each   func(cbor.RawMessage)
	result chan message // buffered, one
}

func newClient(rw io.ReadWriteCloser) *client {
	return &client{stream: &stream{rw: rw}, pending: map[uint64]*pendingCall{}, gone: make(chan struct{}), began: time.Now()}
}

// run delivers messages until the socket ends.
func (c *client) run() {
	defer close(c.gone)
	defer c.rw.Close()
	for {
		m, err := c.read()
		if err != nil {
			return
		}
		c.heard.Store(true)
		c.mu.Lock()
		p := c.pending[m.ID]
		if m.Kind == kindResult {
			delete(c.pending, m.ID)
		}
		c.mu.Unlock()
		switch {
		case p == nil: // a late answer to an abandoned call
		case m.Kind == kindResult:
			p.result <- m
		case m.Kind == kindProgress && p.each != nil:
			p.each(m.Body)
		}
	}
}

// call sends one call. done is closed by the caller's context; the returned
// wait gives the result, and is also how long a cancelled call takes to end.
func (c *client) start(method string, in any, each func(cbor.RawMessage)) (uint64, *pendingCall, error) {
	body, err := encMode.Marshal(in)
	if err != nil {
		return 0, nil, eid.Fail(eid.CodeInternal, "call worker", fmt.Errorf("encode argument: %w", err))
	}
	p := &pendingCall{each: each, result: make(chan message, 1)}
	c.mu.Lock()
	c.next++
	id := c.next
	c.pending[id] = p
	c.mu.Unlock()
	if err := c.write(message{Kind: kindCall, ID: id, Method: method, Body: body}); err != nil {
		c.forget(id)
		return 0, nil, eid.Fail(eid.CodeDeviceRestarted, "call worker", errGone)
	}
	return id, p, nil
}

func (c *client) forget(id uint64) {
	c.mu.Lock()
	delete(c.pending, id)
	c.mu.Unlock()
}

// starting reports a child that may still be loading its libraries: on a busy
// machine that takes longer than any call, and killing it would begin it anew.
func (c *client) starting() bool { return !c.heard.Load() && time.Since(c.began) < startWithin }

// cancel asks the child to end the call; errors do not matter, the socket's end does.
func (c *client) cancel(id uint64) { _ = c.write(message{Kind: kindCancel, ID: id}) }

// finish decodes a result into out (which may be nil).
func finish(m message, out any) error {
	if err := m.failure(); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := decMode.Unmarshal(m.Body, out); err != nil {
		return eid.Fail(eid.CodeInternal, "call worker", fmt.Errorf("decode result: %w", err))
	}
	return nil
}

// call waits for the result, the child's end or ctx. After ctx it gives the
// child grace to stop (closing over hung) before it reports the child as hung.
func (c *client) call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage), hung func()) error {
	id, p, err := c.start(method, in, each)
	if err != nil {
		return err
	}
	defer c.forget(id)
	select {
	case m := <-p.result:
		return finish(m, out)
	case <-c.gone:
		return c.lost(p, out)
	case <-ctx.Done():
	}
	c.cancel(id)
	select {
	case m := <-p.result:
		// A result that came all the same is as good as any.
		if m.Code == "" {
			return finish(m, out)
		}
	case <-c.gone:
	case <-afterGrace():
		hung()
	}
	return fmt.Errorf("call worker: %w", ctx.Err())
}

// lost is the end of a call whose child died: its last words count.
func (c *client) lost(p *pendingCall, out any) error {
	select {
	case m := <-p.result:
		return finish(m, out)
	default:
		return eid.Fail(eid.CodeDeviceRestarted, "call worker", errGone)
	}
}
