// Package usb is the worker room of libusb: what the child process serves, and
// the daemon's typed client of it.
package usb

import (
	"context"
	"log/slog"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/usb"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/worker"
)

const methodList = "list"

// Handlers serves the list of USB devices.
func Handlers(_ config.Config, _ *slog.Logger) (map[string]worker.Handler, func() error, error) {
	var one sync.Mutex // a libusb context at a time
	list := func(context.Context, cbor.RawMessage, func(any) error) (any, error) {
		one.Lock()
		defer one.Unlock()
		return usb.List()
	}
	return map[string]worker.Handler{methodList: list}, func() error { return nil }, nil
}

// Caller reaches the worker process; *worker.Handle is one.
type Caller interface {
	Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error
}

// Client is the daemon's side of the room.
type Client struct{ worker Caller }

// NewClient returns a client over c.
func NewClient(c Caller) *Client { return &Client{worker: c} }

// List returns the USB devices, by bus and address.
func (c *Client) List(ctx context.Context) ([]usb.Device, error) {
	var out []usb.Device
	err := c.worker.Call(ctx, methodList, struct{}{}, &out, nil)
	return out, err
}
