package main

import (
	"context"
	"fmt"
	"io"

	"github.com/enrold/enrold/queue"
)

type queueExportCmd struct {
	queueFolder
	To    string `help:"Write a signed bundle onto this stick, for 'central import' (needs --config)." type:"existingdir" xor:"target" required:""`
	Plain string `help:"Write sealed files, rows and log as they are into this new folder: for support, or for another machine." type:"path" xor:"target" required:""`
}

// Run exports. Works beside a running daemon.
func (c *queueExportCmd) Run(ctx context.Context, out io.Writer) error {
	if c.To != "" {
		return exportStick(ctx, c.Config, c.To, out)
	}
	if err := c.read(ctx, func(r *queue.Reader) error { return r.Export(ctx, c.Plain) }); err != nil {
		return err
	}
	fmt.Fprintln(out, "exported to", c.Plain)
	return nil
}
