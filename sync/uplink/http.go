package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

// Time-outs of the transport. An upload may take minutes on a slow link, so
// silence is bounded and not the whole.
const (
	dialTimeout      = 5 * time.Second // with a lost SYN or two
	handshakeTimeout = 10 * time.Second
	answerTimeout    = 20 * time.Second // from the last byte sent
	uploadTimeout    = 30 * time.Minute
	// pingAfter is the silence after which a connection in use is asked whether
	// it is alive, and pingTimeout how long it has to answer behind what is
	// being sent.
	pingAfter   = 15 * time.Second
	pingTimeout = 8 * time.Second
)

func newClient(l *line) *http.Client {
	return &http.Client{
		Transport: l,
		// The central never redirects; who does is not the central.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// errUndecided says that the central has nothing new to say.
var errUndecided = errors.New("undecided")

// put sends a whole request and returns the signed receipt, unverified; given is
// called when all its bytes were given to the transport.
func (u *Uplink) put(ctx context.Context, row queue.Row, sealed []byte, given func()) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.base+wire.RequestPath(row.ID), nil)
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	setBody(req, sealed, u.sending(row.ID), given)
	req.Header.Set("Content-Type", wire.TypeSealed)
	req.Header.Set(wire.DigestHeader, wire.Digest(sealed))
	began := time.Now()
	signed, err := u.do(req, "send request")
	if err == nil {
		u.pace.sent(len(sealed), time.Since(began))
	}
	return signed, err
}

// sending counts the bytes of a request that go to the transport, and notes when
// the first of them does.
func (u *Uplink) sending(id string) func(n int) {
	return func(n int) {
		if n == 0 {
			return
		}
		u.sent.Add(int64(n))
		u.mu.Lock()
		defer u.mu.Unlock()
		if _, ok := u.started[id]; !ok {
			u.started[id] = time.Now()
		}
	}
}

// setBody gives req a body that tells each of its bytes to sent and its end to
// given, and that may be sent again where HTTP/2 was told that it had not been
// looked at.
func setBody(req *http.Request, body []byte, sent func(int), given func()) {
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(&counted{bytes.NewReader(body), sent, given}), nil
	}
	if len(body) == 0 {
		req.Body = http.NoBody
		return
	}
	req.Body, _ = req.GetBody() // never fails
}

type counted struct {
	*bytes.Reader
	sent  func(int)
	given func()
}

// pieceBytes bounds what HTTP/2 takes of a body at once: what it has taken and
// the socket has not is lost in a cut.
const pieceBytes = 4 << 10

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p[:min(len(p), pieceBytes)])
	c.sent(n)
	if c.Len() == 0 {
		c.given()
	}
	return n, err
}

// announce tells the central what waits.
func (u *Uplink) announce(ctx context.Context, s wire.Sync) (wire.SyncAnswer, error) {
	const op = "announce"
	body, err := wire.EncodeSync(s)
	if err != nil {
		return wire.SyncAnswer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.base+wire.AnnouncePath, bytes.NewReader(body))
	if err != nil {
		return wire.SyncAnswer{}, fmt.Errorf("announce: %w", err)
	}
	req.Header.Set("Content-Type", wire.TypeCBOR)
	resp, err := u.client.Do(req)
	if err != nil {
		return wire.SyncAnswer{}, u.unreachable(op, err)
	}
	defer resp.Body.Close()
	u.setOnline(true)
	if resp.StatusCode != http.StatusOK {
		return wire.SyncAnswer{}, eid.Fail(eid.CodeSyncRefused, op, wire.ReadProblem(resp.StatusCode, resp.Body))
	}
	a, err := wire.ReadSyncAnswer(resp.Body, s)
	if err != nil {
		return wire.SyncAnswer{}, eid.Fail(eid.CodeOffline, op, err)
	}
	return a, nil
}

// result returns the newest signed result, unverified, or errUndecided when its
// state is still the known one.
func (u *Uplink) result(ctx context.Context, row queue.Row, known wire.State, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+2*answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.base+wire.ResultAfterPath(row.ID, known, wait), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch result: %w", err)
	}
	return u.do(req, "fetch result")
}

// unreachable is the failure of a request that got no answer.
func (u *Uplink) unreachable(op string, err error) error {
	u.setOnline(false)
	u.plain.Store(false) // it may be another one when it comes back
	// The error's text holds the URL with the request's id, nothing else.
	return eid.Fail(eid.CodeOffline, op, err)
}

func (u *Uplink) do(req *http.Request, op string) ([]byte, error) {
	resp, err := u.client.Do(req)
	if err != nil {
		return nil, u.unreachable(op, err)
	}
	defer resp.Body.Close()
	u.setOnline(true)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated:
		signed, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxStatement+1))
		if err != nil {
			return nil, eid.Fail(eid.CodeOffline, op, err)
		}
		return signed, nil
	case http.StatusAccepted:
		return nil, errUndecided
	default:
		return nil, eid.Fail(eid.CodeSyncRefused, op, wire.ReadProblem(resp.StatusCode, resp.Body))
	}
}
