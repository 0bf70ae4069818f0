package uplink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

// Time-outs of the transport. An upload may take minutes on a slow link, so
// silence is bounded and not the whole.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 20 * time.Second // from the last byte sent
	uploadTimeout = 30 * time.Minute
)

func newClient(conf *tls.Config) *http.Client {
	t := &http.Transport{
		TLSClientConfig:       conf,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   2,
	}
	return &http.Client{
		Transport: t,
		// The central never redirects; who does is not the central.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// errUndecided says that the central has not decided yet.
var errUndecided = errors.New("undecided")

// put sends the sealed bytes and returns the signed receipt, unverified.
func (u *Uplink) put(ctx context.Context, row queue.Row, sealed []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	var first sync.Once
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { first.Do(func() { u.begin(row.ID) }) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.base+wire.RequestPath(row.ID), bytes.NewReader(sealed))
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	req.Header.Set("Content-Type", wire.TypeSealed)
	req.Header.Set(wire.DigestHeader, wire.Digest(sealed))
	return u.do(req, "send request")
}

// begin notes when the first byte of a request went out; a later attempt
// replaces an earlier one.
func (u *Uplink) begin(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.started[id] = time.Now()
}

// result returns the signed result, unverified, or errUndecided.
func (u *Uplink) result(ctx context.Context, row queue.Row, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.base+wire.ResultPath(row.ID, wait), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch result: %w", err)
	}
	return u.do(req, "fetch result")
}

func (u *Uplink) do(req *http.Request, op string) ([]byte, error) {
	resp, err := u.client.Do(req)
	if err != nil {
		u.setOnline(false)
		// The error's text holds the URL with the request's id, nothing else.
		return nil, eid.Fail(eid.CodeOffline, op, err)
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
