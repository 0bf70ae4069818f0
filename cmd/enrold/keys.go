package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/tpm"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/queue/request"
)

type keysCmd struct {
	Show   keysShowCmd   `cmd:"" help:"Say where the keys of desk and officer live, and how they are."`
	Create keysCreateCmd `cmd:"" help:"Make the device key (and, with --officer, the officer's key) where the configuration places them."`

	Supervisor keysSupervisorCmd `cmd:"" help:"Make a supervisor's key, by which he allows exceptions at this desk."`
}

// deskConfig is what the commands about keys need.
type deskConfig struct {
	Config string `required:"" help:"Configuration file of the desk." type:"existingfile"`
}

// officerPIN says where a PIN comes from: never from the command line.
type officerPIN struct {
	PINFile string `name:"pin-file" help:"File that holds the token's PIN; without it the terminal or standard input is asked." type:"existingfile"`
	LastTry bool   `help:"Try the PIN although one wrong one more locks the token."`
}

// withKeys opens a desk's keys for one command, and those of its officer where a
// token holds them.
func withKeys(ctx context.Context, file string, use func(context.Context, config.Config, *keys.Desk, *keys.Officer) error) error {
	token := func(cfg config.Config) bool { return cfg.Keys.Officer == config.KeyToken }
	return withWorker(ctx, file, "token", token, func(ctx context.Context, cfg config.Config, desk *keys.Desk, r *rooms) error {
		if r == nil {
			return use(ctx, cfg, desk, nil)
		}
		officer := keys.NewOfficer(r.token)
		return errors.Join(use(ctx, cfg, desk, officer), officer.Lock(ctx))
	})
}

// withWorker opens a desk's keys for one command and, if needed, runs one worker,
// which ends with the command; else it uses no rooms.
func withWorker(ctx context.Context, file, name string, needed func(config.Config) bool, use func(context.Context, config.Config, *keys.Desk, *rooms) error) (err error) {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	desk, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	if !needed(cfg) {
		return use(ctx, cfg, desk, nil)
	}
	r, err := newRooms(file, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for other := range r.handles {
		if other != name {
			delete(r.handles, other)
		}
	}
	ctx, stop := context.WithCancel(ctx)
	var services sync.WaitGroup
	defer services.Wait()
	defer stop()
	r.run(ctx, &services)
	return use(ctx, cfg, desk, r)
}

type keysShowCmd struct {
	deskConfig
	JSON bool `help:"Print one JSON object."`
}

// shownKey is one key as `keys show` prints it.
type shownKey struct {
	Origin    request.KeyOrigin `json:"origin"`
	Algorithm request.Algorithm `json:"algorithm,omitempty"`
	KeyID     string            `json:"key_id,omitempty"` // the kid of its signatures
	Code      eid.Code          `json:"code,omitempty"`   // why it cannot be used
}

type shownKeys struct {
	Device      shownKey     `json:"device"`
	Officer     *shownKey    `json:"officer,omitempty"`
	TPM         *tpm.Info    `json:"tpm,omitempty"`
	Counter     uint64       `json:"counter,omitempty"`
	Token       *token.State `json:"token,omitempty"`
	Certificate *struct {
		NotAfter time.Time `json:"not_after"`
		Code     eid.Code  `json:"code,omitempty"`
	} `json:"certificate,omitempty"`
}

// Run shows; it makes no key and asks for no PIN.
func (c *keysShowCmd) Run(ctx context.Context, out io.Writer) error {
	return withKeys(ctx, c.Config, func(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) error {
		s, err := lookAtKeys(ctx, cfg, desk, officer)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(out).Encode(s)
		}
		return s.print(out)
	})
}

func lookAtKeys(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) (shownKeys, error) {
	s := shownKeys{Device: shownKey{Origin: request.KeyOrigin(cfg.Keys.Device)}}
	if desk.HasDevice() {
		if err := desk.LoadDevice(ctx); err != nil {
			s.Device.Code = eid.CodeOf(err)
		} else {
			s.Device.describe(desk.Device)
		}
	} else {
		s.Device.Code = eid.CodeDeviceKey
	}
	var err error
	if s.TPM, err = desk.TPM(ctx); err != nil {
		return s, err
	}
	if desk.Counter != nil {
		if s.Counter, err = desk.Counter.Read(ctx); err != nil {
			return s, err
		}
	}
	switch cfg.Keys.Officer {
	case config.KeyToken:
		s.Officer = &shownKey{Origin: request.KeyToken}
		state, err := officer.Token(ctx)
		if err != nil {
			s.Officer.Code = eid.CodeOf(err)
			break
		}
		s.Token, s.Officer.Code = &state, eid.CodePINNeeded
	case config.KeySoftware:
		s.Officer = &shownKey{Origin: request.KeySoftware, Code: eid.CodeDeviceKey}
		if desk.HasOfficerFile() {
			key, err := desk.OfficerFile()
			if err != nil {
				return s, err
			}
			s.Officer.Code = ""
			s.Officer.describe(key)
		}
	}
	if cert, err := desk.Certificate(); err == nil {
		s.Certificate = &struct {
			NotAfter time.Time `json:"not_after"`
			Code     eid.Code  `json:"code,omitempty"`
		}{cert.NotAfter, keys.Expiry(cert, time.Now())}
	}
	return s, nil
}

func (k *shownKey) describe(s request.Signer) {
	k.Algorithm = s.Algorithm()
	if id, err := request.KeyID(s.Public()); err == nil {
		k.KeyID = hex.EncodeToString(id)
	}
}

func (k shownKey) line() string {
	if k.Code != "" {
		f := eid.Explain(k.Code)
		return fmt.Sprintf("%s: %s (%s)", k.Origin, f.MessageEN, k.Code)
	}
	return fmt.Sprintf("%s, %s, key id %s", k.Origin, k.Algorithm, k.KeyID)
}

func (s shownKeys) print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "device       %s\n", s.Device.line())
	if s.Officer != nil {
		fmt.Fprintf(&b, "officer      %s\n", s.Officer.line())
	} else {
		fmt.Fprintf(&b, "officer      none: only the device signs\n")
	}
	if t := s.TPM; t != nil {
		fmt.Fprintf(&b, "TPM          %s %s, emulated %t, %d of %d wrong authorizations, lockout %t, counter %d\n",
			t.Manufacturer, t.Vendor, t.Emulated, t.Failures, t.MaxFailures, t.InLockout, s.Counter)
	}
	if t := s.Token; t != nil {
		fmt.Fprintf(&b, "token        %s, serial %s, %s %s, PIN %s\n", t.Label, t.Serial, t.Manufacturer, t.Model, t.PIN)
	}
	if c := s.Certificate; c != nil {
		fmt.Fprintf(&b, "certificate  until %s %s\n", c.NotAfter.Format(time.DateOnly), c.Code)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

type keysCreateCmd struct {
	deskConfig
	Officer bool `help:"Make the officer's key, too: its token is asked for its PIN."`
	officerPIN
}

// Run makes what is missing and leaves what is there.
func (c *keysCreateCmd) Run(ctx context.Context, out io.Writer) error {
	return withKeys(ctx, c.Config, func(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) error {
		if err := os.MkdirAll(cfg.Desk.Data, 0o700); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		made, err := desk.CreateDevice(ctx)
		if err != nil {
			return err
		}
		k := shownKey{Origin: desk.Device.Origin()}
		k.describe(desk.Device)
		fmt.Fprintf(out, "device   %s%s\n", k.line(), map[bool]string{true: " (made now)", false: " (was there)"}[made])
		if !c.Officer {
			return nil
		}
		key, err := c.officerKey(ctx, cfg, desk, officer)
		if err != nil {
			return err
		}
		k = shownKey{Origin: key.Origin()}
		k.describe(key)
		_, err = fmt.Fprintf(out, "officer  %s\n", k.line())
		return err
	})
}

func (c *keysCreateCmd) officerKey(ctx context.Context, cfg config.Config, desk *keys.Desk, officer *keys.Officer) (request.Signer, error) {
	key, err := c.signer(ctx, desk, officer)
	if officer == nil || eid.CodeOf(err) != eid.CodeTokenKey {
		return key, err
	}
	return officer, officer.CreateKey(ctx, cfg.Keys.Algorithm)
}

// signer is the officer's key, its token unlocked.
func (p officerPIN) signer(ctx context.Context, desk *keys.Desk, officer *keys.Officer) (request.Signer, error) {
	if officer == nil {
		return desk.OfficerFile()
	}
	pin, err := p.read()
	if err != nil {
		return nil, err
	}
	_, err = officer.Unlock(ctx, pin, p.LastTry)
	return officer, err
}

// read takes the PIN from the file, or from the terminal without showing it.
func (p officerPIN) read() (eid.Private, error) {
	if p.PINFile != "" {
		text, err := request.ReadSecret(p.PINFile)
		return eid.Private(strings.TrimRight(string(text), "\r\n")), err
	}
	fd := int(os.Stdin.Fd())
	if old, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		fmt.Fprint(os.Stderr, "PIN of the officer's token: ")
		quiet := *old
		quiet.Lflag &^= unix.ECHO
		if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
			return "", fmt.Errorf("hide the PIN: %w", err)
		}
		defer func() {
			_ = unix.IoctlSetTermios(fd, unix.TCSETS, old)
			fmt.Fprintln(os.Stderr)
		}()
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the PIN: %w", err)
	}
	return eid.Private(strings.TrimRight(line, "\r\n")), nil
}
