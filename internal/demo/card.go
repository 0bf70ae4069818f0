package demo

import (
	"context"
	"path/filepath"

	"github.com/enrold/enrold/hw/emu/control"
)

// CardReader is an emulated card reader alone: a pcscd with a virtual reader and
// the person who puts cards on it.
type CardReader struct {
	dir     string
	program *program
}

// StartCardReader starts bin/emu-card with its run folder dir, which should be
// short: it holds sockets.
func StartCardReader(ctx context.Context, dir, bin, photos string) (*CardReader, error) {
	p, _, err := launch(ctx, dir, "emu-card", filepath.Join(bin, "emu-card"), "--run-dir", dir, "--photos", photos, "--exit-on-eof")
	if err != nil {
		return nil, err
	}
	return &CardReader{dir, p}, nil
}

// Socket is pcscd's socket.
func (c *CardReader) Socket() string { return filepath.Join(c.dir, "pcscd", "pcscd.comm") }

// Insert puts the card that the command describes on the reader.
func (c *CardReader) Insert(card control.Command) error {
	card.Do = "insert"
	return control.Send(filepath.Join(c.dir, "card.sock"), card)
}

// Stop ends the reader.
func (c *CardReader) Stop() { c.program.stop() }
