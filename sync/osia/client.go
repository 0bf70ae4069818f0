package osia

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/sync/wire"
)

// Bounds of a central's answers, and time-outs: silence is bounded, the whole
// upload may be long.
const (
	maxAnswer     = 256 << 10
	dialTimeout   = 5 * time.Second
	answerTimeout = 20 * time.Second
	uploadTimeout = 30 * time.Minute
)

// Options of a client. WrapKey may be nil.
type Options struct {
	URL     string      // "https://central.example/osia"
	TLS     *tls.Config // wire.Files.ClientTLS
	Token   string      // bearer token with scopes enroll.write, enroll.read, enroll.buf.write; "" for none
	DeskID  string
	Device  crypto.Signer    // signs the integrity wrapper
	WrapKey *ecdsa.PublicKey // the central's P-256 key for JWE; nil sends the sealed bytes as they are
	// Dial makes the connections; nil for the system's dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client delivers sealed requests to an OSIA central.
type Client struct {
	o      Options
	client *http.Client
}

// NewClient checks the options.
func NewClient(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("central's URL %q: want https://host:port/path", o.URL)
	}
	if o.TLS == nil || o.Device == nil {
		return nil, errors.New("OSIA client needs TLS and a device key")
	}
	o.URL = u.JoinPath("/").String()
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	t := &http.Transport{
		TLSClientConfig: o.TLS, DialContext: o.Dial, TLSHandshakeTimeout: dialTimeout,
		ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: time.Minute,
	}
	return &Client{o: o, client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Deliver brings one sealed request to the central and returns its receipt,
// unverified. It may be called again after any failure: the client chose the
// enrollment's id, so what was done before is found and not done twice. Errors
// are *eid.Error: CodeOffline, CodeSyncRefused with a wire.Problem, or
// CodeReceipt from a central that keeps the request and gives no receipt.
func (c *Client) Deliver(ctx context.Context, row queue.Row, sealed []byte) ([]byte, error) {
	const op = "send request by OSIA"
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	there, err := c.create(ctx, row)
	if err != nil {
		return nil, err
	}
	if there.Status != finalized {
		if err := c.complete(ctx, row, sealed); err != nil {
			return nil, err
		}
		if there, err = c.read(ctx, row); err != nil {
			return nil, err
		}
	}
	if there.Status != finalized {
		return nil, eid.Fail(eid.CodeSyncRefused, op, wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.ReasonUnavailable})
	}
	if there.ContextualData == nil || len(there.ContextualData.Statements) == 0 {
		return nil, eid.Fail(eid.CodeReceipt, op, errors.New("the central gives no signed receipt"))
	}
	return there.ContextualData.Statements[0], nil
}

// Result returns the newest signed result, unverified; nil while there is none.
func (c *Client) Result(ctx context.Context, row queue.Row) ([]byte, error) {
	there, err := c.read(ctx, row)
	if err != nil {
		return nil, err
	}
	if d := there.ContextualData; d != nil && len(d.Statements) > 1 {
		return d.Statements[len(d.Statements)-1], nil
	}
	return nil, nil
}

// create makes the enrollment under the request's id. A 409 means that an
// earlier try came through: then what the central has is read, and must be ours.
func (c *Client) create(ctx context.Context, row queue.Row) (Enrollment, error) {
	want := RequestData{
		DeskID: c.o.DeskID, Sequence: row.Seq, BodyHash: base64.StdEncoding.EncodeToString(row.BodyHash),
		Size: int64(row.SealedBytes), Due: string(row.DueAt),
	}
	status, err := c.call(ctx, http.MethodPost, row, "", Enrollment{EnrollmentType: enrollmentType, RequestData: &want}, nil)
	if err != nil || status != http.StatusConflict {
		return Enrollment{Status: inProgress}, err
	}
	there, err := c.read(ctx, row)
	if err != nil {
		return Enrollment{}, err
	}
	if there.RequestData == nil || there.RequestData.BodyHash != want.BodyHash || there.RequestData.DeskID != want.DeskID {
		return Enrollment{}, eid.Fail(eid.CodeSyncRefused, "send request by OSIA", wire.Problem{Status: http.StatusConflict, Code: wire.ReasonOtherBody})
	}
	return there, nil
}

// complete sends the buffer, the document that refers to it, and finalizes. An
// interrupted try is done again from the buffer on: OSIA's buffers cannot be
// asked for what has arrived.
func (c *Client) complete(ctx context.Context, row queue.Row, sealed []byte) error {
	buffer, mimeType := sealed, typeSealed
	if c.o.WrapKey != nil {
		var err error
		if buffer, err = wrap(c.o.WrapKey, sealed); err != nil {
			return eid.Fail(eid.CodeSeal, "send request by OSIA", err)
		}
		mimeType = typeJWE
	}
	id, err := c.upload(ctx, row, mimeType, buffer)
	if err != nil {
		return err
	}
	ref := c.o.URL + "v1/enrollments/" + row.ID + "/buffer/" + url.PathEscape(id)
	part, err := document(c.o.Device, ref, mimeType, buffer)
	if err != nil {
		return eid.Fail(eid.CodeSeal, "send request by OSIA", err)
	}
	if _, err := c.call(ctx, http.MethodPatch, row, "", part, nil); err != nil {
		return err
	}
	_, err = c.call(ctx, http.MethodPut, row, "/finalize", nil, nil)
	return err
}

func (c *Client) read(ctx context.Context, row queue.Row) (e Enrollment, err error) {
	_, err = c.call(ctx, http.MethodGet, row, "", nil, &e)
	return e, err
}

func (c *Client) upload(ctx context.Context, row queue.Row, mimeType string, buffer []byte) (string, error) {
	req, err := c.request(ctx, http.MethodPost, row, "/buffer", mimeType, buffer)
	if err != nil {
		return "", err
	}
	req.Header.Set("Digest", digest(buffer))
	var answer struct {
		BufferID string `json:"bufferId"`
	}
	_, err = c.do(req, &answer)
	if err == nil && answer.BufferID == "" {
		err = eid.Fail(eid.CodeSyncRefused, "send buffer by OSIA", wire.Problem{Status: http.StatusBadGateway})
	}
	return answer.BufferID, err
}

// digest is the header of RFC 3230 with the algorithm of RFC 5843 §2.1.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// call sends one JSON request; in and out may be nil.
func (c *Client) call(ctx context.Context, method string, row queue.Row, path string, in, out any) (int, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return 0, fmt.Errorf("encode OSIA request: %w", err)
		}
	}
	req, err := c.request(ctx, method, row, path, "application/json", body)
	if err != nil {
		return 0, err
	}
	return c.do(req, out)
}

func (c *Client) request(ctx context.Context, method string, row queue.Row, path, mimeType string, body []byte) (*http.Request, error) {
	// One transaction a request: every call of it belongs together.
	address := c.o.URL + "v1/enrollments/" + row.ID + path + "?transactionId=" + row.ID
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make OSIA request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", mimeType)
	}
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	return req, nil
}

// do returns the status of a success, or 409 of a creation; anything else is an
// error.
func (c *Client) do(req *http.Request, out any) (int, error) {
	const op = "speak OSIA"
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, eid.Fail(eid.CodeOffline, op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, eid.Fail(eid.CodeOffline, op, err)
	}
	switch {
	case resp.StatusCode == http.StatusConflict && req.Method == http.MethodPost:
		return resp.StatusCode, nil
	case resp.StatusCode >= 300:
		return 0, eid.Fail(eid.CodeSyncRefused, op, problem(resp.StatusCode, body))
	case out == nil:
		return resp.StatusCode, nil
	case len(body) > maxAnswer || json.Unmarshal(body, out) != nil:
		return 0, eid.Fail(eid.CodeSyncRefused, op, wire.Problem{Status: http.StatusBadGateway})
	}
	return resp.StatusCode, nil
}

// problem keeps the reason when the answer's message is a reason code. A 400
// without one is final, since OSIA uses it for what it will never take.
func problem(status int, body []byte) wire.Problem {
	var e apiError
	if json.Unmarshal(body, &e) == nil {
		if text, err := json.Marshal(wire.Problem{Status: status, Code: wire.Reason(e.Message)}); err == nil {
			if p := wire.ReadProblem(status, bytes.NewReader(text)); p.Code != "" {
				return p
			}
		}
	}
	if status == http.StatusBadRequest {
		return wire.Problem{Status: status, Code: wire.ReasonMalformed}
	}
	return wire.Problem{Status: status}
}

// apiError is OSIA's Error.
type apiError struct {
	Code    int32  `json:"code"`
	Message string `json:"message"`
}
