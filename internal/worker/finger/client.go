package finger

import (
	"context"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

// Caller reaches the worker process; *worker.Handle is one.
type Caller interface {
	Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error
}

// Client is the daemon's side of the room. It satisfies station.FingerScanner
// and station.FingerMatcher.
type Client struct{ worker Caller }

// NewClient returns a client over c.
func NewClient(c Caller) *Client { return &Client{worker: c} }

// CaptureFinger takes one impression; prompted is told "place" and "lift".
func (c *Client) CaptureFinger(ctx context.Context, position eid.FingerPosition, prompted func(code string)) (eid.FingerSample, error) {
	var out captured
	err := c.worker.Call(ctx, methodCapture, captureCall{Position: position}, &out, func(raw cbor.RawMessage) {
		var p prompt
		// A prompt that cannot be read costs the officer a hint, not the capture.
		if cbor.Unmarshal(raw, &p) == nil && prompted != nil {
			prompted(p.Code)
		}
	})
	if err != nil {
		return eid.FingerSample{}, err
	}
	out.Sample.Waited = out.Waited
	return out.Sample, nil
}

// CompareFinger compares two impressions taken for one position.
func (c *Client) CompareFinger(ctx context.Context, a, b eid.FingerSample) (eid.FingerDecision, error) {
	// The records are for the request, not for the matcher.
	a.WSQ, a.Minutiae, b.WSQ, b.Minutiae = nil, nil, nil, nil
	var out eid.FingerDecision
	err := c.worker.Call(ctx, methodCompare, compareCall{A: a, B: b}, &out, nil)
	return out, err
}

// Info asks for the scanner's state; a scanner that fails is in the answer, not
// an error.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.worker.Call(ctx, methodInfo, struct{}{}, &out, nil)
	return out, err
}
