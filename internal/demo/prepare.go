package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

// prepare makes the keys of both sides, enrols the desk at the central and
// writes the desk's configuration.
func (d *Desk) prepare(ctx context.Context) error {
	data, central := filepath.Join(d.opts.Dir, "desk"), filepath.Join(d.opts.Dir, "central")
	trust, keys := filepath.Join(d.opts.Dir, "trust"), filepath.Join(d.opts.Dir, "keys")
	for _, dir := range []string{data, central, trust, keys} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make run folder: %w", err)
		}
	}
	anchors, err := lds.CSCA()
	if err != nil {
		return err
	}
	for name, pem := range anchors {
		if err := os.WriteFile(filepath.Join(trust, name), pem, 0o600); err != nil {
			return fmt.Errorf("write trust anchor: %w", err)
		}
	}
	root, item := filepath.Join(d.opts.Dir, "root"), filepath.Join(d.opts.Dir, "seal_keys.cose")
	for _, args := range [][]string{
		{"init", "--data", central},
		{"root", "create", "--out", root},
		{"root", "sign", "--key", filepath.Join(root, "root_private.pem"), "--kind", "seal_keys", "--version", "1", "--out", item, filepath.Join(central, "keys", "seal_key")},
		{"publish", "--data", central, "--root", filepath.Join(root, "root.pem"), item},
	} {
		if err := d.central(ctx, args...); err != nil {
			return err
		}
	}
	if err := d.configure(data, trust, keys); err != nil {
		return err
	}
	return d.enrol(ctx, central)
}

func (d *Desk) configure(data, trust, keys string) error {
	listen, err := freeAddress(d.opts.Port)
	if err != nil {
		return err
	}
	role := config.CommunePolice
	if d.opts.Procedure == eid.ForeignerLevel2 {
		role = config.Immigration
	}
	d.cfg = config.Config{
		Desk:    config.Desk{ID: deskID, Role: role, Officer: "demo-officer", Supervisors: supervisorID, Data: data, Listen: listen},
		Chip:    config.Chip{Socket: filepath.Join(d.opts.Dir, "pcscd", "pcscd.comm"), Trust: trust, Origin: eid.OriginEmulated},
		Camera:  config.Camera{Source: "unix:" + filepath.Join(d.opts.Dir, "camera.mjpeg"), Origin: eid.OriginEmulated},
		Scanner: config.Scanner{Port: filepath.Join(d.opts.Dir, "scanner.tty"), Profile: "zfm-20", Origin: eid.OriginEmulated},
		Face:    config.Face{Models: d.opts.Models, Engine: d.opts.Engine},
		Central: config.Central{
			URL: "https://" + d.centralAddr, CA: filepath.Join(keys, "ca.pem"),
			Cert: filepath.Join(keys, "cert.pem"), Key: filepath.Join(keys, "key.pem"),
			ReceiptKey: filepath.Join(keys, "receipt_key.pem"),
			Root:       filepath.Join(keys, "root.pem"), // as the central answers it
		},
		Keys: config.Keys{Device: config.KeySoftware, Officer: config.KeySoftware},
	}
	if d.opts.Hardware {
		d.cfg.Keys = d.hardware()
	}
	text, err := config.Marshal(d.cfg)
	if err != nil {
		return fmt.Errorf("encode configuration: %w", err)
	}
	if err := os.WriteFile(d.configFile(), text, 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// freeAddress returns a loopback address with the wanted port, or with a free
// one for 0.
func freeAddress(port int) (string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", fmt.Errorf("port %d cannot be had (use --port for another): %w", port, err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
