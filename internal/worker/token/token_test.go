package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/queue/request"
)

const (
	label = "officer token"
	pin   = "246810"
	child = "ENROLD_TEST_TOKEN_MODULE"
)

// TestMain runs this binary as the worker when the supervisor starts it.
func TestMain(m *testing.M) {
	var err error
	switch officer, supervisor := os.Getenv(child), os.Getenv(supervisorChild); {
	case officer != "":
		err = serve(officer, token.Handlers)
	case supervisor != "":
		err = serve(supervisor, token.SupervisorHandlers)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(module string, room func(config.Config, *slog.Logger) (map[string]worker.Handler, func() error, error)) error {
	if worker.SandboxSupported() {
		if err := worker.Harden(false); err != nil {
			return err
		}
	}
	cfg := config.Config{Keys: config.Keys{Module: module, Token: label, Label: config.DefaultKeyLabel}}
	handlers, end, err := room(cfg, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return errors.Join(worker.Child(context.Background(), handlers), end())
}

// officer starts the worker as a process of its own, over a token of SoftHSM.
func officer(t *testing.T) (*keys.Officer, *worker.Handle) {
	t.Helper()
	dir := t.TempDir()
	if err := softtoken.Create(dir, label, pin); errors.Is(err, softtoken.ErrMissing) {
		t.Skip("SoftHSM is not installed: run `make setup`")
	} else if err != nil {
		t.Fatal(err)
	}
	module, err := softtoken.Limited(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(softtoken.Env, softtoken.Config(dir))
	t.Setenv(child, module)
	h := start(t, "token")
	return keys.NewOfficer(token.NewClient(h)), h
}

func TestOfficerSignsFromUnlockToLock(t *testing.T) {
	o, h := officer(t)
	ctx := t.Context()
	if err := o.Ready(ctx); eid.CodeOf(err) != eid.CodePINNeeded {
		t.Fatalf("locked: %v", err)
	}
	if s, err := o.Unlock(ctx, "000000", false); eid.CodeOf(err) != eid.CodePINLow || s.PIN != "low" {
		t.Fatalf("wrong PIN: %+v, %v", s, err)
	}
	if s, err := o.Unlock(ctx, "000001", false); eid.CodeOf(err) != eid.CodePINFinal || s.PIN != "final" {
		t.Fatalf("wrong PIN: %+v, %v", s, err)
	}
	if _, err := o.Unlock(ctx, pin, false); eid.CodeOf(err) != eid.CodePINFinal {
		t.Fatalf("the last try without asking: %v", err)
	}
	if s, err := o.Unlock(ctx, pin, true); eid.CodeOf(err) != eid.CodeTokenKey || !s.LoggedIn {
		t.Fatalf("no key yet: %+v, %v", s, err)
	}
	if err := o.CreateKey(ctx, "ES256"); err != nil {
		t.Fatal(err)
	}
	if err := o.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if o.Origin() != request.KeyToken || o.Algorithm() != request.ES256 {
		t.Fatalf("%s %s", o.Origin(), o.Algorithm())
	}
	sign := func() error {
		digest := sha256.Sum256([]byte("request"))
		sig, err := o.Sign(nil, digest[:], crypto.SHA256)
		if err == nil && !ecdsa.VerifyASN1(o.Public().(*ecdsa.PublicKey), digest[:], sig) {
			t.Fatal("signature does not verify")
		}
		return err
	}
	if err := sign(); err != nil {
		t.Fatal(err)
	}
	// The library crashes: the officer unlocks again, nobody else can sign.
	if err := syscall.Kill(h.State().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); h.State().Restarts == 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := sign(); eid.CodeOf(err) != eid.CodePINNeeded {
		t.Fatalf("after a crash: %v", err)
	}
	if _, err := o.Unlock(ctx, pin, false); err != nil {
		t.Fatal(err)
	}
	if err := sign(); err != nil {
		t.Fatal(err)
	}
	if err := o.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := sign(); eid.CodeOf(err) != eid.CodePINNeeded || o.Public() != nil {
		t.Fatalf("after the shift: %v", err)
	}
}
