package chip

import (
	"context"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
)

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
	err := c.worker.Call(ctx, methodRead, readParams{key}, &document, func(m cbor.RawMessage) {
		var p progress
		if tell != nil && cbor.Unmarshal(m, &p) == nil {
			tell(p.Share, p.File)
		}
	})
	return document, err
}

// Readers lists the card readers. No pcscd and no reader are both an
// *eid.Error with eid.CodeNoReader.
func (c *Client) Readers(ctx context.Context) ([]Reader, error) {
	var out []Reader
	err := c.worker.Call(ctx, methodReaders, nil, &out, nil)
	return out, err
}
