package demo

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/hw/emu/swtpm"
	"github.com/enrold/enrold/internal/eid"
)

// TestKeysInHardware runs a whole visit with device key, counter and draft keys
// in an emulated TPM and the officer's key in an emulated token.
func TestKeysInHardware(t *testing.T) {
	if !swtpm.Installed() || softtoken.Module() == "" {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal("swtpm or SoftHSM is not installed: run `make setup`")
		}
		t.Skip("swtpm or SoftHSM is not installed: run `make setup`")
	}
	p := Persona{Person: 2}
	d, actor := startDesk(t, Options{Hardware: true}, p)
	sum, err := d.Visit(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Outcome != "granted" || sum.Sync.Receipt != "verified" {
		text, _ := json.Marshal(sum)
		t.Fatalf("got %s", text)
	}
	noPrivateKeys(t, d)

	// The shift ends: nobody can sit down before the next PIN.
	if _, err := d.Screen.Act(t.Context(), "lock", struct{}{}); err != nil {
		t.Fatal(err)
	}
	start := map[string]any{"procedure": eid.CitizenLevel2}
	if _, err := d.Screen.Act(t.Context(), "visit", start); codeOf(err) != eid.CodePINNeeded {
		t.Fatalf("a visit without the officer's key: %v", err)
	}
	if err := d.Screen.Unlock(t.Context(), "000000"); codeOf(err) != eid.CodePINLow {
		t.Fatalf("wrong PIN: %v", err)
	}
	if err := d.Screen.Unlock(t.Context(), tokenPIN); err != nil {
		t.Fatal(err)
	}

	// Killed in the middle of a visit: the journal's key comes back out of the
	// TPM, the officer unlocks again, and the visit goes on to its end.
	if err := d.Seat(actor, p); err != nil {
		t.Fatal(err)
	}
	all := steps(t, d, p)
	for _, s := range all[:3] {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	d.KillDaemon()
	if err := d.StartDaemon(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.awaitDevices(t.Context()); err != nil { // unlocks
		t.Fatal(err)
	}
	for _, s := range all[3:] {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s after the kill: %v", s.name, err)
		}
	}
	rows, err := d.Screen.Queue(t.Context())
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if row, err := d.settled(t.Context(), rows[0].ID); err != nil || row.State != "granted" {
		t.Fatalf("%+v, %v", row, err)
	}
}

func codeOf(err error) eid.Code {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Failure.Code
	}
	return ""
}

// noPrivateKeys: neither a software key nor the PIN is in the desk's folders.
func noPrivateKeys(t *testing.T, d *Desk) {
	t.Helper()
	for _, dir := range []string{d.cfg.Desk.Data, filepath.Join(d.opts.Dir, "keys"), d.tokenDir()} {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for name, mark := range map[string]string{"a private key": "BEGIN PRIVATE KEY", "the PIN": tokenPIN, "the PIN in hex": hex.EncodeToString([]byte(tokenPIN))} {
				if strings.Contains(string(b), mark) {
					t.Errorf("%s is in %s", name, path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
