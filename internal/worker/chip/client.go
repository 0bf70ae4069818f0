package chip

import (
	"context"
	"errors"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

// Reader is a card reader as `enrold devices` and the screen list it.
type Reader struct {
	Name    string `json:"name" cbor:"name"`
	State   string `json:"state" cbor:"state"`     // empty, card, in_use, mute, gone
	Profile string `json:"profile" cbor:"profile"` // that claims it, "" for none
	ATR     []byte `json:"atr,omitempty" cbor:"atr,omitempty"`
}

// Caller is the worker process: *worker.Handle, or a test's connection.
type Caller interface {
	Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error
}

// Client is the daemon's side. It satisfies station.ChipReader.
type Client struct{ worker Caller }

// NewClient returns a client over the worker.
func NewClient(c Caller) *Client { return &Client{c} }

// ReadChip waits some seconds for a card and reads it; see station.ChipReader
// and reader.Read. progress may be nil.
func (c *Client) ReadChip(ctx context.Context, key eid.AccessKey, tell func(share float64, file string)) (eid.ChipDocument, error) {
	var document eid.ChipDocument
	err := c.worker.Call(ctx, methodRead, readParams{Key: key}, &document, each(tell))
	return document, err
}

// Inspect reads a card and records the reading. With keys the transcript holds
// them, which is refused with eid.CodeInput unless the document is a test card.
// Where the reading itself fails, the inspection says so and err is nil.
func (c *Client) Inspect(ctx context.Context, key eid.AccessKey, keys bool, tell func(share float64, file string)) (Inspection, error) {
	var out inspected
	if err := c.worker.Call(ctx, methodInspect, readParams{key, keys}, &out, each(tell)); err != nil {
		return Inspection{}, err
	}
	i := Inspection{Document: out.Document, Transcript: out.Transcript, Unfit: out.Unfit, Duration: out.Duration}
	if out.Code != "" {
		i.Err = eid.Fail(out.Code, "read chip", errors.New(out.Cause))
	}
	return i, nil
}

func each(tell func(share float64, file string)) func(cbor.RawMessage) {
	return func(m cbor.RawMessage) {
		var p progress
		if tell != nil && cbor.Unmarshal(m, &p) == nil {
			tell(p.Share, p.File)
		}
	}
}

// Readers lists the card readers at once. No pcscd and no reader are both an
// *eid.Error with eid.CodeNoReader.
func (c *Client) Readers(ctx context.Context) ([]Reader, error) {
	var out []Reader
	err := c.worker.Call(ctx, methodReaders, nil, &out, nil)
	return out, err
}

// Watch calls changed whenever Readers has something new to say, until ctx or
// the worker ends.
func (c *Client) Watch(ctx context.Context, changed func()) error {
	return c.worker.Call(ctx, methodWatch, nil, nil, func(cbor.RawMessage) { changed() })
}
