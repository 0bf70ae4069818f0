package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

type deskCommand struct {
	Request deskRequestCommand `cmd:"" help:"Show a desk's request and the fingerprint to compare."`
	Approve deskApproveCommand `cmd:"" help:"Take a desk in and write its answer."`
	Renew   deskRenewCommand   `cmd:"" help:"Give a known desk a new certificate, and take its new device key if it has one."`
	Revoke  deskRevokeCommand  `cmd:"" help:"End a desk's right to send."`
	List    deskListCommand    `cmd:"" help:"List the desks with their certificates and keys."`
}

type deskRequestCommand struct {
	File string `arg:"" type:"existingfile" help:"The desk's request (enrold enrol request)."`
}

func (c deskRequestCommand) Run() error {
	r, err := readDeskRequest(c.File)
	if err != nil {
		return err
	}
	return showRequest(r)
}

func showRequest(r enrolment.Request) error {
	_, err := fmt.Printf("desk         %s\ndevice key   %s\nattestation  %d bytes\nfingerprint  %s\n",
		r.DeskID, r.DeviceOrigin, len(r.Attestation), r.Fingerprint())
	return err
}

func readDeskRequest(path string) (enrolment.Request, error) {
	text, err := readLimited(path, enrolment.MaxFile)
	if err != nil {
		return enrolment.Request{}, err
	}
	return enrolment.Verify(text)
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is over %d bytes", path, limit)
	}
	return data, err
}

// answering is what approval and renewal have in common.
type answering struct {
	folder
	File        string `arg:"" type:"existingfile" help:"The desk's request."`
	Out         string `short:"o" required:"" type:"path" help:"Answer to write (enrold enrol install)."`
	Fingerprint string `required:"" help:"The request's fingerprint, as the desk reads it out."`
	// AllowSoftware is for demonstrations: a production central has no such desks.
	AllowSoftware bool `help:"Take a device key that is a file."`
}

// answer checks the request, registers what allow lets pass, and writes the answer.
func (c answering) answer(ctx context.Context, allow func(known *intake.Desk, r enrolment.Request) error) (err error) {
	r, err := readDeskRequest(c.File)
	if err != nil {
		return err
	}
	if err := showRequest(r); err != nil {
		return err
	}
	if r.Fingerprint() != c.Fingerprint {
		return errors.New("the fingerprint is another one: this is not the file that the desk wrote")
	}
	if r.DeviceOrigin == request.KeySoftware && !c.AllowSoftware {
		return errors.New("the device key is a file: use --allow-software to take it all the same")
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	var known *intake.Desk
	d, err := registry.Desk(ctx, r.DeskID)
	if err == nil {
		known = &d
	} else if !errors.Is(err, vault.ErrUnknown) {
		return err
	}
	if err := allow(known, r); err != nil {
		return err
	}
	a, cert, err := authority.Approve(c.keys(), r)
	if err != nil {
		return err
	}
	if a.Root, a.SealKeys, err = c.firstItems(); err != nil {
		return err
	}
	file, err := a.Marshal()
	if err != nil {
		return err
	}
	if err := registry.RegisterDesk(ctx, r.DeskID, cert, r.DeviceKey, r.DeviceOrigin); err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, file, 0o600); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	_, err = fmt.Printf("certificate  until %s\ncentral      %s\nwritten to   %s\n", cert.NotAfter.Format(time.DateOnly), a.Fingerprint(), c.Out)
	return err
}

type deskApproveCommand struct{ answering }

func (c deskApproveCommand) Run(ctx context.Context) error {
	return c.answer(ctx, func(known *intake.Desk, r enrolment.Request) error {
		if known != nil && known.Revoked.IsZero() {
			return errors.New("the desk is known: renew it, or revoke it first")
		}
		if known != nil {
			if k, ok := known.Device(keyID(r)); ok && !k.Revoked.IsZero() {
				return errors.New("the desk shows a device key that was revoked: it must make another one")
			}
		}
		return nil
	})
}

type deskRenewCommand struct{ answering }

func (c deskRenewCommand) Run(ctx context.Context) error {
	return c.answer(ctx, func(known *intake.Desk, r enrolment.Request) error {
		if known == nil || !known.Revoked.IsZero() {
			return errors.New("the desk is unknown or revoked: approve it")
		}
		if k, ok := known.Device(keyID(r)); ok && !k.Revoked.IsZero() {
			return errors.New("the desk shows a device key that was revoked")
		}
		return nil
	})
}

func keyID(r enrolment.Request) []byte { return request.Hash(r.DeviceSPKI) }

type deskRevokeCommand struct {
	folder
	Desk string `arg:"" help:"Desk id."`
}

func (c deskRevokeCommand) Run(ctx context.Context) (err error) {
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	return registry.Revoke(ctx, c.Desk)
}

type deskListCommand struct {
	folder
	JSON bool `name:"json" help:"Print JSON."`
}

// deskLine is one desk of `desk list --json`.
type deskLine struct {
	Desk             string    `json:"desk"`
	Registered       time.Time `json:"registered"`
	Revoked          bool      `json:"revoked"`
	CertificateUntil time.Time `json:"certificate_until,omitzero"`
	Devices          []keyLine `json:"devices"`
	Officers         []keyLine `json:"officers"`
}

type keyLine struct {
	Officer string            `json:"officer,omitempty"`
	KeyID   string            `json:"key_id"`
	Origin  request.KeyOrigin `json:"origin"`
	Revoked bool              `json:"revoked"`
}

func newKeyLine(officer string, k vault.Key) keyLine {
	return keyLine{Officer: officer, KeyID: hex.EncodeToString(k.ID), Origin: k.Origin, Revoked: !k.Revoked.IsZero()}
}

func (c deskListCommand) Run(ctx context.Context) (err error) {
	if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) && c.Store == "" {
		return fmt.Errorf("no central in %s", c.Data)
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	all, err := registry.Desks(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		line := deskLine{Desk: d.ID, Registered: d.Registered, Revoked: !d.Revoked.IsZero(), Devices: []keyLine{}, Officers: []keyLine{}}
		for _, cert := range d.Certificates {
			if cert.Revoked.IsZero() && cert.NotAfter.After(line.CertificateUntil) {
				line.CertificateUntil = cert.NotAfter
			}
		}
		for _, k := range d.Devices {
			line.Devices = append(line.Devices, newKeyLine("", k))
		}
		for _, o := range d.Officers {
			line.Officers = append(line.Officers, newKeyLine(o.Name, o.Key))
		}
		if err := printDesk(line, c.JSON); err != nil {
			return err
		}
	}
	return nil
}

func printDesk(d deskLine, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(d)
	}
	state := "certificate until " + d.CertificateUntil.Format(time.DateOnly)
	if d.Revoked {
		state = "revoked"
	}
	fmt.Printf("%s  %s\n", d.Desk, state)
	for _, k := range append(d.Devices, d.Officers...) {
		name, mark := k.Officer, ""
		if name == "" {
			name = "(device)"
		}
		if k.Revoked {
			mark = "  revoked"
		}
		fmt.Printf("  %-20s %-8s %s%s\n", name, k.Origin, k.KeyID[:16], mark)
	}
	return nil
}
