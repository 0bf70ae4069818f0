package token_test

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/token"
)

const supervisorChild = "ENROLD_TEST_SUPERVISOR_MODULE"

func start(t *testing.T, name string) *worker.Handle {
	t.Helper()
	h := worker.NewHandle(name, []string{os.Args[0]}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return h
}

// TestSupervisorProvesHimself: each exception is signed by the supervisor's own
// token, which is open for nothing else; the officer's token, another supervisor's
// and a wrong PIN sign nothing, and the officer's shift goes on.
func TestSupervisorProvesHimself(t *testing.T) {
	dir := t.TempDir()
	for label, pin := range map[string]string{label: pin, "s-099": "135790", "s-100 of 2026": "975310"} {
		if err := softtoken.Create(dir, label, pin); errors.Is(err, softtoken.ErrMissing) {
			t.Skip("SoftHSM is not installed: run `make setup`")
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(softtoken.Env, softtoken.Config(dir))
	t.Setenv(child, softtoken.Module())
	shift := keys.NewOfficer(token.NewClient(start(t, "token")))
	ctx := t.Context()
	if _, err := shift.Unlock(ctx, pin, false); eid.CodeOf(err) != eid.CodeTokenKey {
		t.Fatal(err)
	}
	if err := shift.CreateKey(ctx, "ES256"); err != nil {
		t.Fatal(err)
	}
	module, err := softtoken.Limited(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(child, "")
	t.Setenv(supervisorChild, module)
	cfg := config.Config{
		Desk: config.Desk{ID: "desk-1", Officer: "officer-1", Supervisors: "s-099, s-100, s-101", Data: t.TempDir()},
		Keys: config.Keys{Officer: config.KeyToken, Algorithm: "ES256", SupervisorTokens: map[string]string{"s-100": "s-100 of 2026", "s-101": label}},
	}
	s := keys.NewSupervisors(cfg, token.NewSupervisorClient(start(t, "supervisor")), shift.Public)
	one, two := station.Supervisor{ID: "s-099", PIN: "135790"}, station.Supervisor{ID: "s-100", PIN: "975310"}
	const visit = "01980000-0000-7000-8000-000000000001"
	x := eid.Exception{Kind: eid.ExceptionFinger, Position: eid.LeftIndex, Reason: "worn", Supervisor: one.ID, At: time.Now().Round(time.Millisecond).UTC()}
	if _, err := s.Approve(ctx, one, visit, x); eid.CodeOf(err) != eid.CodeSupervisorKey {
		t.Fatalf("before a key was made: %v", err)
	}
	made := map[string]crypto.PublicKey{}
	for _, by := range []station.Supervisor{one, two} {
		key, err := s.Create(ctx, by)
		if err != nil {
			t.Fatal(err)
		}
		made[by.ID] = key.Public()
	}
	if _, err := s.Create(ctx, station.Supervisor{ID: "s-101", PIN: pin}); eid.CodeOf(err) != eid.CodeSupervisor {
		t.Errorf("the officer's token as a supervisor's: %v", err)
	}
	approve := func(by station.Supervisor) error {
		x := x
		x.Supervisor = by.ID
		var err error
		if x.Approval, err = s.Approve(ctx, by, visit, x); err != nil {
			return err
		}
		return approval.Verify(made[by.ID], approval.Subject{Desk: "desk-1", Request: visit, Officer: "officer-1"}, x)
	}
	for _, by := range []station.Supervisor{one, two} {
		if err := approve(by); err != nil {
			t.Errorf("%s: %v", by.ID, err)
		}
	}
	if err := approve(station.Supervisor{ID: "../officer", PIN: "135790"}); eid.CodeOf(err) != eid.CodeSupervisor {
		t.Errorf("a name that is a path: %v", err)
	}
	// The token was changed for another one of the same label.
	pem, err := os.ReadFile(filepath.Join(cfg.Desk.Data, "supervisors", "s-100.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Desk.Data, "supervisors", "s-099.pem"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := approve(one); eid.CodeOf(err) != eid.CodeSupervisorKey {
		t.Errorf("another key than the one made for him: %v", err)
	}
	// Lockout, step by step.
	for i, try := range []struct {
		by   station.Supervisor
		want eid.Code
	}{
		{station.Supervisor{ID: "s-100", PIN: "000000"}, eid.CodePINLow},
		{station.Supervisor{ID: "s-100", PIN: "000000"}, eid.CodePINFinal},
		{two, eid.CodePINFinal}, // not tried without his word
		{station.Supervisor{ID: "s-100", PIN: "000000", LastTry: true}, eid.CodePINLocked},
		{two, eid.CodePINLocked},
	} {
		if err := approve(try.by); eid.CodeOf(err) != try.want {
			t.Errorf("try %d: %v, want %s", i+1, err, try.want)
		}
	}
	if err := shift.Ready(ctx); err != nil {
		t.Errorf("the officer's shift ended: %v", err)
	}
	// His PIN once more for one decision: right, wrong (his token is then locked), right.
	if _, err := shift.Confirm(ctx, pin, false); err != nil {
		t.Errorf("confirm: %v", err)
	}
	if _, err := shift.Confirm(ctx, "000000", false); eid.CodeOf(err) != eid.CodePINLow || shift.Public() != nil {
		t.Errorf("confirmed by a wrong PIN: %v", err)
	}
	if _, err := shift.Confirm(ctx, pin, false); err != nil || shift.Ready(ctx) != nil {
		t.Errorf("confirm again: %v", err)
	}
}
