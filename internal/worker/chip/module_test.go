package chip_test

import (
	"bufio"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/chip"
)

// module starts emu-pn532 and returns its port and what the person does.
func module(t *testing.T) (port string, act func(control.Command)) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "emu-pn532")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/enrold/enrold/hw/emu/emu-pn532").CombinedOutput(); err != nil {
		t.Fatalf("build emu-pn532: %v\n%s", err, out)
	}
	portrait := filepath.Join(dir, "portrait.jpg")
	if err := os.WriteFile(portrait, grey(t), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-run-dir", dir, "-portrait", portrait, "-exit-on-eof")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("emu-pn532 says %q (%v)", line, err)
	}
	return filepath.Join(dir, "pn532.tty"), func(c control.Command) {
		t.Helper()
		if err := control.Send(filepath.Join(dir, "pn532.sock"), c); err != nil {
			t.Fatal(err)
		}
	}
}

// The same card over the second transport.
func TestPN532(t *testing.T) {
	port, act := module(t)
	var cfg config.Config
	cfg.Chip = config.Chip{Transport: config.PN532, Port: port, Origin: eid.OriginEmulated}
	handlers, _, err := chip.Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := chip.NewClient(direct(handlers)), context.Background()
	look := func(want string) {
		t.Helper()
		start := time.Now()
		list, err := c.Readers(ctx)
		if err != nil || len(list) != 1 || list[0].State != want || list[0].Profile != "pn532-hsu" {
			t.Errorf("%+v %v, want %s", list, err, want)
		}
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("a look takes %s", took)
		}
	}
	look("empty")
	key, id := keyOf(t, 1, "citizen")
	for _, personality := range []string{"bac", "cccd-2021", "pace-im+secp384r1+aes-256"} {
		act(control.Command{Do: "insert", Person: 1, Personality: personality})
		look("card")
		doc, err := c.ReadChip(ctx, key, nil)
		if err != nil || doc.Holder.Name.Reveal() != id.Name || doc.PA.State != eid.CheckNotPossible {
			t.Fatalf("%s: %v %+v", personality, err, doc.PA)
		}
		t.Logf("%s: %s, %d commands", personality, doc.Access, doc.APDUs)
	}
	act(control.Command{Do: "insert", Person: 1, Fault: "removal@9"})
	i, err := c.Inspect(ctx, key, false, nil)
	if err != nil || eid.CodeOf(i.Err) != eid.CodeChipRemoved {
		t.Errorf("pulled: %v %v", err, i.Err)
	}
	act(control.Command{Do: "insert", Person: 1})
	if _, err := c.ReadChip(ctx, key, nil); err != nil {
		t.Errorf("put back: %v", err)
	}
	cfg.Chip.Port = "/dev/none"
	if handlers, _, err = chip.Handlers(cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := chip.NewClient(direct(handlers)).Readers(ctx); eid.CodeOf(err) != eid.CodeNoReader {
		t.Errorf("no such port: %v", err)
	}
}
