package vision

import (
	"context"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

// Caller calls the worker; *worker.Handle is one.
type Caller interface {
	Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error
}

// Client is the daemon's side: the camera and the face matcher of a visit.
type Client struct{ caller Caller }

// NewClient makes a client over c.
func NewClient(c Caller) *Client { return &Client{caller: c} }

// CaptureFace implements station.Camera.
func (c *Client) CaptureFace(ctx context.Context, n int, guidance func(code string)) ([]eid.FaceSample, error) {
	var out []eid.FaceSample
	err := c.caller.Call(ctx, methodCapture, captureCall{Count: n}, &out, func(raw cbor.RawMessage) {
		var p captureProgress
		if guidance != nil && cbor.Unmarshal(raw, &p) == nil {
			guidance(p.Guidance)
		}
	})
	return out, err
}

// CompareFace implements station.FaceMatcher. The portrait is JPEG or JPEG 2000.
// A portrait without exactly one face, live frames without any or with two
// persons are eid.CodeNoFace or eid.CodeManyFaces.
func (c *Client) CompareFace(ctx context.Context, portrait eid.Blob, live []eid.FaceSample) (eid.FaceDecision, error) {
	call := compareCall{Portrait: portrait}
	for _, s := range live {
		call.Live = append(call.Live, liveFrame{Image: s.Sent(), Quality: s.Quality})
	}
	var out eid.FaceDecision
	err := c.caller.Call(ctx, methodCompare, call, &out, nil)
	return out, err
}

// Preview gives each the newest frame, again and again, until ctx ends or the
// camera fails. A slow each loses frames; it never sees old ones. It is called
// by one goroutine at a time; its error ends the preview and is returned.
func (c *Client) Preview(ctx context.Context, each func(Frame) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	newest := make(chan Frame, 1)
	var showing sync.WaitGroup
	showing.Go(func() {
		for f := range newest {
			if err := each(f); err != nil {
				stop(err)
				return
			}
		}
	})
	err := c.caller.Call(ctx, methodPreview, struct{}{}, nil, func(raw cbor.RawMessage) {
		var f Frame
		if cbor.Unmarshal(raw, &f) != nil {
			return
		}
		select {
		case <-newest:
		default:
		}
		newest <- f // this callback is the only sender, so there is room
	})
	close(newest)
	showing.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("show preview: %w", cause)
	}
	return err
}

// Info tells what runs in the worker, once it is ready.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.caller.Call(ctx, methodInfo, struct{}{}, &out, nil)
	return out, err
}
