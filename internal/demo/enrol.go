package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// The officer's emulated token of a desk with Options.Hardware.
const (
	tokenLabel = "demo officer"
	tokenPIN   = "246810"
)

// The desk's supervisor and his PIN: of another emulated token, or of a file.
const (
	supervisorID  = "demo-supervisor"
	supervisorPIN = "135790"
)

// hardware places the keys in an emulated TPM and an emulated token, which
// emu-tpm and SoftHSM keep in the run folder.
func (d *Desk) hardware() config.Keys {
	k := config.Keys{
		Device: config.KeyTPM, TPM: filepath.Join(d.tpmDir(), "tpm.sock"),
		Officer: config.KeyToken, Module: softtoken.Module(), Token: tokenLabel,
	}
	if d.opts.OfficerCMS {
		k.OfficerCMS, k.OfficerCertificate = true, d.officerCertificate()
	}
	return k
}

func (d *Desk) tpmDir() string   { return filepath.Join(d.opts.Dir, "tpm") }
func (d *Desk) tokenDir() string { return filepath.Join(d.opts.Dir, "token") }

// enrol makes the keys of desk and officer and has the central take them in,
// both sides by the files that would go from hand to hand.
func (d *Desk) enrol(ctx context.Context, central string) (err error) {
	if d.opts.Hardware {
		if err := d.plugIn(ctx); err != nil {
			return err
		}
	}
	cfg, err := config.Load(d.configFile())
	if err != nil {
		return err
	}
	own, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	if _, err := own.CreateDevice(ctx); err != nil {
		return err
	}
	file, err := own.Request(ctx)
	if err != nil {
		return err
	}
	officer, err := d.officerRequest(ctx, own)
	if err != nil {
		return err
	}
	if d.opts.OfficerCMS {
		if err := d.certify(ctx); err != nil {
			return err
		}
	}
	supervisor, err := d.supervisorRequest(ctx, cfg, own)
	if err != nil {
		return err
	}
	answer, err := d.approve(ctx, central, file, officer, supervisor)
	if err != nil {
		return err
	}
	_, err = own.Install(ctx, answer, answer.Fingerprint(), time.Now())
	return err
}

// plugIn starts the emulated TPM and makes the emulated token.
func (d *Desk) plugIn(ctx context.Context) error {
	for _, dir := range []string{d.tpmDir(), d.tokenDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make run folder: %w", err)
		}
	}
	for label, pin := range map[string]string{tokenLabel: tokenPIN, supervisorID: supervisorPIN} {
		if err := softtoken.Create(d.tokenDir(), label, pin); err != nil {
			return err
		}
	}
	return d.launch(ctx, "emu-tpm", "--run-dir", d.tpmDir(), "--exit-on-eof")
}

// officerRequest makes the officer's key. PKCS#11 is C code for a worker: the
// desk's own commands do it.
func (d *Desk) officerRequest(ctx context.Context, own *keys.Desk) ([]byte, error) {
	if !d.opts.Hardware {
		key, err := own.OfficerFile()
		if err != nil {
			return nil, err
		}
		return own.Officer(ctx, key)
	}
	return d.onToken(ctx, tokenPIN, []string{"keys", "create", "--officer"}, []string{"enrol", "officer"})
}

// supervisorRequest makes the key of the supervisor.
func (d *Desk) supervisorRequest(ctx context.Context, cfg config.Config, own *keys.Desk) ([]byte, error) {
	if d.opts.Hardware {
		return d.onToken(ctx, supervisorPIN, []string{"keys", "supervisor", supervisorID}, []string{"enrol", "supervisor", supervisorID})
	}
	s, by := keys.NewSupervisors(cfg, nil, nil), station.Supervisor{ID: supervisorID, PIN: supervisorPIN}
	if _, err := s.Create(ctx, by); err != nil {
		return nil, err
	}
	return s.Request(ctx, own, by)
}

// onToken runs the desk's commands with a token's PIN; the last one writes a
// request, which is returned.
func (d *Desk) onToken(ctx context.Context, tokenPIN string, commands ...[]string) ([]byte, error) {
	pin, out := filepath.Join(d.tokenDir(), "pin"), filepath.Join(d.tokenDir(), "request")
	if err := os.WriteFile(pin, []byte(tokenPIN), 0o600); err != nil {
		return nil, fmt.Errorf("write the token's PIN: %w", err)
	}
	defer os.Remove(pin)
	for i, args := range commands {
		args = append(args, "--config", d.configFile(), "--pin-file", pin)
		if i == len(commands)-1 {
			args = append(args, "-o", out)
		}
		c := exec.CommandContext(ctx, filepath.Join(d.opts.Bin, "enrold"), args...)
		c.Env = append(os.Environ(), softtoken.Env+"="+softtoken.Config(d.tokenDir()))
		if text, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("enrold %s: %w\n%s", args[0], err, text)
		}
	}
	return os.ReadFile(out)
}

// approve is the central's operator, who has compared the fingerprints.
func (d *Desk) approve(ctx context.Context, central string, desk, officer, supervisor []byte) (enrolment.Answer, error) {
	r, err := enrolment.Verify(desk)
	if err != nil {
		return enrolment.Answer{}, err
	}
	o, err := enrolment.VerifyOfficer(officer, r.DeviceKey)
	if err != nil {
		return enrolment.Answer{}, err
	}
	s, err := enrolment.VerifyOfficer(supervisor, r.DeviceKey)
	if err != nil {
		return enrolment.Answer{}, err
	}
	in := func(name string) string { return filepath.Join(d.opts.Dir, "keys", name) }
	for name, file := range map[string][]byte{"desk.request": desk, "officer.request": officer, "supervisor.request": supervisor} {
		if err := os.WriteFile(in(name), file, 0o600); err != nil {
			return enrolment.Answer{}, fmt.Errorf("write request: %w", err)
		}
	}
	for _, args := range [][]string{
		{"desk", "approve", in("desk.request"), "--fingerprint", r.Fingerprint(), "--out", in("desk.answer")},
		{"officer", "approve", in("officer.request"), "--fingerprint", o.Fingerprint()},
		{"officer", "approve", in("supervisor.request"), "--fingerprint", s.Fingerprint()},
	} {
		if err := d.central(ctx, append(args, "--data", central, "--allow-software")...); err != nil {
			return enrolment.Answer{}, err
		}
	}
	answer, err := os.ReadFile(in("desk.answer"))
	if err != nil {
		return enrolment.Answer{}, fmt.Errorf("read answer: %w", err)
	}
	return enrolment.ParseAnswer(answer)
}

// central runs one of the central's commands.
func (d *Desk) central(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, filepath.Join(d.opts.Bin, "central"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("central %s: %w\n%s", args[0], err, out)
	}
	return nil
}
