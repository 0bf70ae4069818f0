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
	"testing"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/persons"
)

// asProgram makes the test binary be emu-card, so that the tests start what
// they were built with.
const asProgram = "ENROLD_TEST_AS_EMU_CARD"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "":
	case withoutRights:
		if err := dropRights(os.Getenv(systemFolderVariable)); err != nil {
			panic(err)
		}
	default:
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
	d := prepare(t, arguments...)
	d.launch(t, filepath.Join(d.run, "pcscd", "pcscd.comm"))
	return d
}

// prepare makes the command and its folders.
func prepare(t *testing.T, arguments ...string) *desk {
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
	return d
}

// launch starts the program, waits until it is ready and points the client
// library to its pcscd.
func (d *desk) launch(t *testing.T, socket string) {
	t.Helper()
	var log bytes.Buffer
	d.cmd.Stderr = &log
	var err error
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
		guard := time.AfterFunc(5*time.Second, func() { _ = d.cmd.Process.Kill() })
		defer guard.Stop()
		_ = d.cmd.Wait()
		if t.Failed() {
			t.Logf("emu-card said:\n%s", log.String())
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("emu-card says %q (%v), want ready", line, err)
	}
	_ = os.Remove(socketLink)
	if err := os.Symlink(socket, socketLink); err != nil {
		t.Fatal(err)
	}
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
