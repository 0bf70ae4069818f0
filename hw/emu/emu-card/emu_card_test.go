package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
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
		if took := time.Since(began); took > 2*time.Second { // one second, and one for a busy test machine
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

// TestKilled kills the program outright: pcscd must not survive it, and
// what it left in the run folder must not hinder the next run there.
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
	again := prepare(t)
	again.cmd.Args[2] = d.run // the value of --run-dir
	again.launch(t, filepath.Join(d.run, "pcscd", "pcscd.comm"))
	if err := d.send(t, control.Command{Do: "insert", Person: 0}); err != nil {
		t.Errorf("insert in the next run: %v", err)
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
