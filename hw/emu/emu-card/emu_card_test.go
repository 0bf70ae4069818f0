package main

import (
	"bufio"
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebfe/scard"
	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
)

// asProgram makes the test binary be emu-card, so that the tests start what
// they were built with.
const asProgram = "ENROLD_TEST_AS_EMU_CARD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(withSocket(m.Run))
}

// socketLink is what the client library of this process connects to. The
// library reads PCSCLITE_CSOCK_NAME once in a process's life, so each desk
// that a test starts is linked there in turn.
var socketLink string

func withSocket(run func() int) int {
	dir, err := os.MkdirTemp("", "pcsc")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	socketLink = filepath.Join(dir, "pcscd.comm")
	if err := os.Setenv("PCSCLITE_CSOCK_NAME", socketLink); err != nil {
		panic(err)
	}
	return run()
}

// desk is a running emu-card.
type desk struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	run    string
	photos string
}

func start(t *testing.T, arguments ...string) *desk {
	t.Helper()
	for _, part := range []string{"/usr/sbin/pcscd", driver} {
		if _, err := os.Stat(part); err != nil {
			t.Skipf("%s is missing: run `make setup`", part)
		}
	}
	run, err := os.MkdirTemp("", "card")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	d := &desk{run: run, photos: photographs(t)}
	d.cmd = exec.Command("/proc/self/exe", append([]string{"--run-dir", d.run, "--photos", d.photos, "--exit-on-eof"}, arguments...)...)
	d.cmd.Env = append(os.Environ(), asProgram+"=1")
	var log bytes.Buffer
	d.cmd.Stderr = &log
	if d.stdin, err = d.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.stdin.Close()
		_ = d.cmd.Wait()
		if t.Failed() {
			t.Logf("emu-card said:\n%s", log.String())
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("emu-card says %q (%v), want ready", line, err)
	}
	_ = os.Remove(socketLink)
	if err := os.Symlink(filepath.Join(d.run, "pcscd", "pcscd.comm"), socketLink); err != nil {
		t.Fatal(err)
	}
	return d
}

// photographs makes a folder like the demo's, with pictures of noise.
func photographs(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	img := image.NewGray(image.Rect(0, 0, 200, 200))
	seed := uint32(1)
	for i := range img.Pix {
		seed = seed*1664525 + 1013904223
		img.SetGray(i%200, i/200, color.Gray{Y: uint8(seed >> 24)})
	}
	for i := range persons.Count {
		p, err := persons.Get(i)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(root, p.PhotoDir)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"1.jpg", "2.jpg"} {
			if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

// connect waits for a card on any reader and connects to it.
func connect(t *testing.T) (*scard.Context, *scard.Card) {
	t.Helper()
	ctx, err := scard.EstablishContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ctx.Release() })
	readers, err := ctx.ListReaders()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		if card, err := ctx.Connect(r, scard.ShareShared, scard.ProtocolAny); err == nil {
			t.Cleanup(func() { _ = card.Disconnect(scard.ResetCard) })
			return ctx, card
		}
	}
	t.Fatalf("no card on %d readers", len(readers))
	return nil, nil
}

func (d *desk) send(t *testing.T, c control.Command) error {
	t.Helper()
	return control.Send(filepath.Join(d.run, "card.sock"), c)
}

// TestReadThroughPCSC opens the card and reads DG2 through pcscd and the real
// client library.
func TestReadThroughPCSC(t *testing.T) {
	d := start(t, "--person", "1")
	_, card := connect(t)
	terminal := &icctest.Terminal{Transmit: card.Transmit}
	chip, err := lds.Load(1, "citizen", d.photos)
	if err != nil {
		t.Fatal(err)
	}
	if sw, err := terminal.Open(chip.BAC); err != nil || sw != 0x9000 {
		t.Fatalf("basic access control: %04X, %v", sw, err)
	}
	want := chip.Files[lds.DG(2)]
	began := time.Now()
	got, sw, err := terminal.Protected(0xB0, 0x82, 0, nil, 65536)
	if err != nil || sw != 0x9000 || !bytes.Equal(got, want) {
		t.Fatalf("DG2: %04X, %d bytes, want %d (%v)", sw, len(got), len(want), err)
	}
	t.Logf("DG2, %d bytes in one command: %v", len(got), time.Since(began))
	if _, sw, err := terminal.Protected(0xB0, 0x83, 0, nil, 8); err != nil || sw != 0x6982 {
		t.Errorf("DG3: %04X, %v, want 6982", sw, err)
	}
}

// TestTimePerCommand guards against vpcd's 40 ms a command.
func TestTimePerCommand(t *testing.T) {
	start(t, "--person", "0")
	_, card := connect(t)
	terminal := &icctest.Terminal{Transmit: card.Transmit}
	if _, sw, err := terminal.Plain(icctest.SelectApplication...); err != nil || sw != 0x9000 {
		t.Fatalf("select: %04X, %v", sw, err)
	}
	var times []time.Duration
	seen := map[string]bool{}
	for range 100 {
		began := time.Now()
		challenge, sw, err := terminal.Plain(0x00, 0x84, 0x00, 0x00, 0x08)
		if err != nil || sw != 0x9000 || len(challenge) != 8 || seen[string(challenge)] {
			t.Fatalf("get challenge: %04X, %X (%v)", sw, challenge, err)
		}
		seen[string(challenge)] = true
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	t.Logf("command and answer: median %v, 95th percentile %v, slowest %v", times[50], times[95], times[99])
	if times[50] > 10*time.Millisecond {
		t.Errorf("median %v a command: acknowledgements are delayed", times[50])
	}
}

func TestInsertAndRemove(t *testing.T) {
	d := start(t)
	for i, c := range []control.Command{
		{Do: "insert", Person: 2},
		{Do: "insert", Person: 3, Document: "foreigner"}, // replaces the other
		{Do: "insert", Person: 0, Fault: "dg2-byte"},
	} {
		if err := d.send(t, c); err != nil {
			t.Fatalf("insert %d: %v", i, err)
		}
		document := c.Document
		if document == "" {
			document = "citizen"
		}
		chip, err := lds.Load(c.Person, document, d.photos)
		if err != nil {
			t.Fatal(err)
		}
		_, card := connect(t)
		terminal := &icctest.Terminal{Transmit: card.Transmit}
		if sw, err := terminal.Open(chip.BAC); err != nil || sw != 0x9000 {
			t.Errorf("insert %d: %04X, %v", i, sw, err)
		}
		got, _, err := terminal.Protected(0xB0, 0x82, 0, nil, 65536)
		if err != nil || bytes.Equal(got, chip.Files[lds.DG(2)]) != (c.Fault == "") {
			t.Errorf("insert %d: DG2 altered is not as asked (%v)", i, err)
		}
		if err := d.send(t, control.Command{Do: "remove"}); err != nil {
			t.Fatalf("remove %d: %v", i, err)
		}
		if _, err := card.Transmit(icctest.SelectApplication); err == nil {
			t.Errorf("remove %d: the card still answers", i)
		}
	}
	for _, c := range []control.Command{{Do: "insert", Person: 9}, {Do: "insert", Document: "visa"}, {Do: "insert", Fault: "no-such"}, {Do: "shake"}} {
		if err := d.send(t, c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// TestTwoDesks runs two side by side, each with its own card.
func TestTwoDesks(t *testing.T) {
	start(t, "--person", "0")
	_, first := connect(t)
	start(t, "--person", "1") // socketLink now leads to this one
	_, second := connect(t)
	for i, card := range []*scard.Card{first, second} {
		p, err := persons.Get(i)
		if err != nil {
			t.Fatal(err)
		}
		terminal := &icctest.Terminal{Transmit: card.Transmit}
		if sw, err := terminal.Open(bac(t, p)); err != nil || sw != 0x9000 {
			t.Errorf("desk %d: %04X, %v", i, sw, err)
		}
	}
}

func bac(t *testing.T, p persons.Person) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	chip, err := lds.Citizen(p, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return chip.BAC
}

// TestEnds ends the program in each way that it must notice, and wants pcscd,
// sockets and folders gone within a second.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*desk) error{
		"terminate":      func(d *desk) error { return d.cmd.Process.Signal(unix.SIGTERM) },
		"interrupt":      func(d *desk) error { return d.cmd.Process.Signal(unix.SIGINT) },
		"standard input": func(d *desk) error { return d.stdin.Close() },
	} {
		d := start(t, "--person", "0")
		pid := daemon(t, d)
		began := time.Now()
		if err := end(d); err != nil {
			t.Fatal(err)
		}
		if err := d.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if alive(pid) {
			t.Errorf("%s: pcscd lives on", name)
		}
		if left, err := os.ReadDir(d.run); err != nil || len(left) > 0 {
			t.Errorf("%s: %v left in the run folder (%v)", name, left, err)
		}
	}
}

// TestKilled kills the program outright: pcscd must not survive it, and the
// next run must start over what it left.
func TestKilled(t *testing.T) {
	d := start(t, "--person", "0")
	pid := daemon(t, d)
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.cmd.Wait()
	for end := time.Now().Add(time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("pcscd outlives its desk")
		}
	}
}

func TestLongRunFolder(t *testing.T) {
	_, _, err := parse([]string{"--photos", "/x", "--run-dir", "/" + strings.Repeat("d", 90)})
	if err == nil || !strings.Contains(err.Error(), "--run-dir") {
		t.Errorf("a socket path of over 107 bytes gives %v", err)
	}
}

// daemon returns the process number of d's pcscd, which it writes beside its socket.
func daemon(t *testing.T, d *desk) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.run, "pcscd", "pcscd.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}
