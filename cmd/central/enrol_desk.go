package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/authority"
)

type enrolCommand struct {
	folder
	Desk      string `required:"" help:"Desk id."`
	DeviceKey string `required:"" type:"existingfile" help:"The desk's device public key (PEM)."`
	Out       string `required:"" type:"path" help:"Folder for the desk's files."`
}

// firstSealKeys is a desk's first list of seal keys: `enrold published` takes it.
const firstSealKeys = "seal_keys.cose"

// Run writes, beside the desk's TLS files, the root's public key and the signed
// list of seal keys where the central has them.
func (c enrolCommand) Run(ctx context.Context) (err error) {
	text, err := os.ReadFile(c.DeviceKey)
	if err != nil {
		return fmt.Errorf("read device key: %w", err)
	}
	device, err := request.ParsePublicKey(text)
	if err != nil {
		return err
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closing := registry.Close(); err == nil {
			err = closing
		}
	}()
	cert, err := authority.EnrolDesk(c.keys(), c.Out, c.Desk)
	if err != nil {
		return err
	}
	if err := registry.Register(ctx, c.Desk, cert, device); err != nil {
		return err
	}
	root, list, err := c.firstItems()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{rootFile: root, firstSealKeys: list} {
		if data == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(c.Out, name), data, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
