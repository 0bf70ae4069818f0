package uplink

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/enrold/enrold/sync/wire"
)

// upload sends one request's bytes to a tus 1.0.0 server.
type upload struct {
	client *http.Client
	url    string // of the upload
	sealed []byte
	chunk  func() int                      // bytes of the next PATCH
	at     func(offset int64) error        // the server has so many bytes; an error ends the upload
	sent   func(int)                       // so many bytes went to the transport
	timed  func(n int, took time.Duration) // a chunk was answered
	// turn waits until this upload may send; done is called when all bytes of a
	// chunk were given to the transport.
	turn func(ctx context.Context) (done func(), err error)
}

// triesWithoutProgress is how often an upload asks for its offset and goes on
// before it is left to the next session.
const triesWithoutProgress = 4

// errGone says that the server knows no such upload: it is finished, or lost.
var errGone = errors.New("no such upload")

// createUpload makes an upload (tus: creation) at the collection's URL and
// returns its own.
func createUpload(ctx context.Context, client *http.Client, collection, id string, hash []byte, size int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, collection, nil)
	if err != nil {
		return "", fmt.Errorf("create upload: %w", err)
	}
	req.Header.Set(wire.HeaderTusResumable, wire.TusVersion)
	req.Header.Set(wire.HeaderTusLength, strconv.Itoa(size))
	req.Header.Set(wire.HeaderTusMetadata, wire.TusMetadata(id, hash))
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("create upload: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("create upload: %w", wire.ReadProblem(resp.StatusCode, resp.Body))
	}
	own, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("create upload: %w", err)
	}
	if base, err := url.Parse(collection); err != nil || own.Host != base.Host {
		return "", errors.New("create upload: the server names another host")
	}
	return own.String(), nil
}

// run sends everything from offset on. After any failure the server says how
// far it got, and the sending goes on there. It returns the signed receipt,
// unverified, empty from a server that gives none.
func (p *upload) run(ctx context.Context, offset int64) (receipt []byte, err error) {
	tries := 0
	for {
		if err := p.at(offset); err != nil {
			return nil, err
		}
		next, given, receipt, err := p.patch(ctx, offset)
		if err == nil {
			if next == int64(len(p.sealed)) {
				return receipt, nil
			}
			offset, tries = next, 0
			continue
		}
		for {
			if tries++; tries > triesWithoutProgress || !again(err) || ctx.Err() != nil {
				return nil, err
			}
			if tries > 1 { // at first everything may have been a cut
				pause(ctx, delay(tries-1), nil, nil)
			}
			if _, answered := errors.AsType[wire.Problem](err); !given && !answered {
				next = offset // it got nothing: it needs not be asked
				break
			}
			if next, err = p.head(ctx); err == nil {
				break
			}
		}
		if next > offset {
			tries = 0
		}
		offset = next
	}
}

// again says whether the offset is to be asked for after err: the connection
// failed, the offset is another one, the upload is locked by a connection that
// the server has not given up, a chunk was damaged, or the server is busy.
func again(err error) bool {
	p, answered := errors.AsType[wire.Problem](err)
	if !answered {
		return !errors.Is(err, errGone) && !refusedTLS(err)
	}
	switch p.Status {
	case http.StatusConflict:
		return p.Code != wire.ReasonOtherBody && p.Code != wire.ReasonOtherSeq && p.Code != wire.ReasonChain
	case http.StatusLocked, http.StatusRequestTimeout, wire.StatusChecksum:
		return true
	}
	return false
}

// patch sends the chunk at offset and returns the server's new offset; given
// says that some of it went to the transport.
func (p *upload) patch(ctx context.Context, offset int64) (next int64, given bool, receipt []byte, err error) {
	chunk := p.sealed[offset:min(offset+int64(p.chunk()), int64(len(p.sealed)))]
	done, err := p.turn(ctx)
	if err != nil {
		return 0, false, nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, p.url, nil)
	if err != nil {
		return 0, given, nil, fmt.Errorf("send chunk: %w", err)
	}
	var first atomic.Bool // the transport may read on after it returned
	defer func() { given = given || first.Load() }()
	setBody(req, chunk, func(n int) { first.Store(true); p.sent(n) }, done)
	req.Header.Set("Content-Type", wire.TypeTus)
	req.Header.Set(wire.HeaderTusResumable, wire.TusVersion)
	req.Header.Set(wire.HeaderTusOffset, strconv.FormatInt(offset, 10))
	req.Header.Set(wire.HeaderTusChecksum, wire.TusDigest(chunk))
	req.Header.Set(wire.WholeDigestHeader, wire.Digest(p.sealed))
	began := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, given, nil, fmt.Errorf("send chunk: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return 0, given, nil, fmt.Errorf("send chunk: %w", problem(resp))
	}
	next, err = offsetOf(resp)
	if err != nil || next != offset+int64(len(chunk)) {
		return 0, given, nil, errors.New("send chunk: the server's offset is not where the chunk ended")
	}
	p.timed(len(chunk), time.Since(began))
	if value := resp.Header.Get(wire.HeaderReceipt); value != "" {
		if receipt, err = base64.StdEncoding.DecodeString(value); err != nil {
			return 0, given, nil, errors.New("send chunk: the receipt is not base64")
		}
	}
	return next, true, receipt, nil
}

// head asks how many bytes the server has.
func (p *upload) head(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, p.url, nil)
	if err != nil {
		return 0, fmt.Errorf("ask for offset: %w", err)
	}
	req.Header.Set(wire.HeaderTusResumable, wire.TusVersion)
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask for offset: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return 0, fmt.Errorf("ask for offset: %w", problem(resp))
	}
	at, err := offsetOf(resp)
	if err != nil || at > int64(len(p.sealed)) {
		return 0, errors.New("ask for offset: the server's answer makes no sense")
	}
	return at, nil
}

// problem reads a refusal; the answer to HEAD has no body that could say more.
func problem(resp *http.Response) error {
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
		return errGone
	}
	p := wire.ReadProblem(resp.StatusCode, resp.Body)
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return p
}

func offsetOf(resp *http.Response) (int64, error) {
	at, err := strconv.ParseInt(resp.Header.Get(wire.HeaderTusOffset), 10, 64)
	if err != nil || at < 0 {
		return 0, errors.New("offset is not a number")
	}
	return at, nil
}
