package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

type enrolCmd struct {
	Request     enrolRequestCmd     `cmd:"" help:"Write the request by which the central takes this desk in, or renews its certificate."`
	Install     enrolInstallCmd     `cmd:"" help:"Install what the central approved."`
	Officer     enrolOfficerCmd     `cmd:"" help:"Write the request by which the central takes the officer's key at this desk."`
	Certificate enrolCertificateCmd `cmd:"" help:"Write the request (PKCS #10) by which an authority certifies the officer's key, for keys.officer_cms."`
	Supervisor  enrolSupervisorCmd  `cmd:"" help:"Write the request by which the central takes a supervisor's key at this desk."`
	Status      enrolStatusCmd      `cmd:"" help:"Say until when this desk is enrolled; a failure once its certificate should be renewed."`
}

type enrolRequestCmd struct {
	deskConfig
	Out string `short:"o" required:"" help:"File to write." type:"path"`
}

// Run writes the request and what a person reads to the central.
func (c *enrolRequestCmd) Run(ctx context.Context, out io.Writer) error {
	return withKeys(ctx, c.Config, func(ctx context.Context, _ config.Config, desk *keys.Desk, _ *keys.Officer) error {
		file, err := desk.Request(ctx)
		if err != nil {
			return err
		}
		r, err := enrolment.Verify(file)
		if err != nil {
			return err
		}
		if err := writeOut(c.Out, file); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "desk         %s\ndevice key   %s\nfingerprint  %s\nwritten to   %s\nThe central compares the fingerprint, approves, and gives a file for `enrold enrol install`.\n",
			r.DeskID, r.DeviceOrigin, r.Fingerprint(), c.Out)
		return err
	})
}

type enrolInstallCmd struct {
	deskConfig
	File        string `arg:"" help:"The central's answer." type:"existingfile"`
	Fingerprint string `help:"The central's fingerprint, as the central says it: needed the first time, and when the central changed."`
}

// Run installs. A daemon that runs takes the new certificate at its next start.
func (c *enrolInstallCmd) Run(ctx context.Context, out io.Writer) error {
	text, err := readLimited(c.File, enrolment.MaxFile)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	a, err := enrolment.ParseAnswer(text)
	if err != nil {
		return err
	}
	return withKeys(ctx, c.Config, func(ctx context.Context, _ config.Config, desk *keys.Desk, _ *keys.Officer) error {
		cert, err := desk.Install(ctx, a, c.Fingerprint, time.Now())
		if errors.Is(err, keys.ErrUnknownCentral) {
			return fmt.Errorf("%w\nthe answer's fingerprint: %s", err, a.Fingerprint())
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "desk         %s\ncentral      %s\ncertificate  until %s\n", a.DeskID, a.Fingerprint(), cert.NotAfter.Format(time.DateOnly))
		return err
	})
}

type enrolOfficerCmd struct {
	deskConfig
	Out string `short:"o" required:"" help:"File to write." type:"path"`
	officerPIN
}

// Run writes the officer's request; the token is asked for its PIN.
func (c *enrolOfficerCmd) Run(ctx context.Context, out io.Writer) error {
	return withKeys(ctx, c.Config, func(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) error {
		if cfg.Keys.Officer == config.KeyNone {
			return errors.New("keys.officer is none: at this desk only the device signs")
		}
		key, err := c.signer(ctx, desk, officer)
		if err != nil {
			return err
		}
		file, err := desk.Officer(ctx, key)
		if err != nil {
			return err
		}
		return writeOfficer(out, c.Out, file, desk, "officer")
	})
}

type enrolCertificateCmd struct {
	deskConfig
	Out string `short:"o" required:"" help:"File to write." type:"path"`
	officerPIN
}

// Run writes the request for the officer's certificate.
func (c *enrolCertificateCmd) Run(ctx context.Context) error {
	return withKeys(ctx, c.Config, func(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) error {
		if cfg.Keys.Officer == config.KeyNone {
			return errors.New("keys.officer is none: at this desk only the device signs")
		}
		key, err := c.signer(ctx, desk, officer)
		if err != nil {
			return err
		}
		file, err := keys.CertificateRequest(cfg.Desk.Officer, key)
		if err != nil {
			return err
		}
		return writeOut(c.Out, file)
	})
}

type enrolSupervisorCmd struct {
	deskConfig
	ID  string `arg:"" help:"The supervisor, as desk.supervisors names him."`
	Out string `short:"o" required:"" help:"File to write." type:"path"`
	officerPIN
}

// Run writes the supervisor's request; his token is asked for its PIN.
func (c *enrolSupervisorCmd) Run(ctx context.Context, out io.Writer) error {
	return withSupervisors(ctx, c.Config, func(ctx context.Context, _ config.Config, desk *keys.Desk, s *keys.Supervisors) error {
		by, err := c.supervisor(c.ID)
		if err != nil {
			return err
		}
		file, err := s.Request(ctx, desk, by)
		if err != nil {
			return err
		}
		return writeOfficer(out, c.Out, file, desk, "supervisor")
	})
}

// writeOfficer writes the request for the key of an officer, who is called what at
// this desk, and says what it asks for.
func writeOfficer(out io.Writer, path string, file []byte, desk *keys.Desk, what string) error {
	r, err := enrolment.VerifyOfficer(file, desk.Device.Public())
	if err != nil {
		return err
	}
	if err := writeOut(path, file); err != nil {
		return err
	}
	width := len(what) + len(" key")
	for _, line := range [][2]string{
		{"desk", r.DeskID}, {what, r.Officer}, {what + " key", string(r.OfficerOrigin)}, {"fingerprint", r.Fingerprint()}, {"written to", path},
	} {
		if _, err := fmt.Fprintf(out, "%-*s  %s\n", width, line[0], line[1]); err != nil {
			return err
		}
	}
	return nil
}

type enrolStatusCmd struct{ deskConfig }

// Run reads the installed certificate only.
func (c *enrolStatusCmd) Run(ctx context.Context, out io.Writer) error {
	return withKeys(ctx, c.Config, func(_ context.Context, _ config.Config, desk *keys.Desk, _ *keys.Officer) error {
		cert, err := desk.Certificate()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "certificate  until %s\n", cert.NotAfter.Format(time.DateOnly))
		if code := keys.Expiry(cert, time.Now()); code != "" {
			return eid.Fail(code, "check certificate", errors.New(eid.Explain(code).RemedyEN))
		}
		return nil
	})
}

// writeOut replaces path by data; what leaves the desk in it is no secret.
func writeOut(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}
