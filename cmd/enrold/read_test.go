package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/internal/eid"
)

// asProgram makes the test binary be enrold, and its workers.
const asProgram = "ENROLD_TEST_AS_ENROLD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(pcsctest.Main(m))
}

// enrold runs the program and returns what it printed and its exit status.
func enrold(t *testing.T, arguments ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", arguments...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok {
		exit = failed.ExitCode()
	}
	return out.String(), diag.String(), exit
}

// The command over pcscd: document, exit status, files.
func TestReadCommand(t *testing.T) {
	desk, dir := pcsctest.Start(t), t.TempDir()
	anchors := filepath.Join(dir, "trust")
	if err := os.Mkdir(anchors, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(anchors, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := persons.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	id := p.Citizen
	base := []string{"read", "--socket", pcsctest.Socket(), "--trust", anchors}
	key := []string{"--number", id.PersonalNumber, "--birth", string(id.Birth), "--expiry", string(id.Expiry)}
	read := func(more ...string) (readResult, string, int) {
		t.Helper()
		out, diag, exit := enrold(t, append(append(base, "--json"), more...)...)
		var r readResult
		if out != "" {
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %q", err, out)
			}
		}
		return r, diag, exit
	}

	desk.Put(control.Command{Person: 1, Personality: "cccd-2021"})
	portrait, transcript := filepath.Join(dir, "face"), filepath.Join(dir, "said")
	r, diag, exit := read(append(key, "--portrait", portrait, "--transcript", transcript)...)
	if exit != 0 || r.Access != "PACE-GM/MRZ" || r.PA.State != eid.CheckOK || r.CA.State != eid.CheckOK || r.AA.State != eid.CheckOK || r.Holder.Name.Reveal() != id.Name {
		t.Fatalf("exit %d, %+v, %s", exit, r.PA, diag)
	}
	if b, err := os.ReadFile(portrait); err != nil || !bytes.Equal(b, r.Portrait) || len(b) < 100 {
		t.Errorf("portrait: %v, %d bytes", err, len(b))
	}
	said, err := os.ReadFile(transcript)
	if err != nil || bytes.Count(said, []byte("\n")) != r.APDUs+1 || bytes.Contains(said, []byte(id.DocumentNumber)) || strings.Contains(diag, id.DocumentNumber) {
		t.Errorf("transcript: %v, %d lines for %d commands", err, bytes.Count(said, []byte("\n")), r.APDUs)
	}
	out, _, exit := enrold(t, append(base, "--can", id.PersonalNumber[6:])...)
	if exit != 0 || !strings.Contains(out, "PACE-GM/CAN") || !strings.Contains(out, id.Name) {
		t.Errorf("by CAN: exit %d\n%s", exit, out)
	}
	if r, diag, exit = read("--number", id.PersonalNumber, "--birth", "1985-08-24", "--expiry", string(id.Expiry)); exit != 1 || r.Failure == nil || r.Failure.Code != eid.CodeChipAccess || !strings.Contains(diag, "E-CHIP-ACCESS") {
		t.Errorf("wrong key: exit %d, %+v", exit, r.Failure)
	}
	desk.Put(control.Command{Person: 1, Personality: "bac", Fault: "wrong-hash"})
	if r, _, exit = read(key...); exit != 3 || r.Exit != 3 || r.PA.State != eid.CheckFailed {
		t.Errorf("forged: exit %d, %+v", exit, r.PA)
	}
	for _, bad := range [][]string{{"read"}, {"read", "--can", "1", "--with-keys"}, {"read", "--can", "1", "--trust", "/none"}} {
		if _, diag, exit := enrold(t, bad...); exit == 0 || exit == 3 || diag == "" {
			t.Errorf("%v: exit %d, %q", bad, exit, diag)
		}
	}
}
