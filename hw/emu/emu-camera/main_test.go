package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
)

const photos = "../../../build/photos"

type firstLine chan string

func (f firstLine) Write(p []byte) (int, error) { f <- string(p); return len(p), nil }

func start(t *testing.T) (dir string) {
	t.Helper()
	if _, err := os.Stat(photos); err != nil {
		t.Skip("no photographs in build/photos: run make setup")
	}
	dir = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(firstLine, 1)
	go func() {
		done <- run(ctx, options{runDir: dir, photos: photos, width: 640, height: 360, fps: 50}, ready)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("emulator does not end")
		}
	})
	select {
	case line := <-ready:
		if line != "ready\n" {
			t.Fatalf("first line %q", line)
		}
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	return dir
}

func dial(t *testing.T, dir string) *bufio.Reader {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(dir, "camera.mjpeg"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if line != "--ffserver\r\n" {
		return nil, fmt.Errorf("boundary %q", line)
	}
	head, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil {
		return nil, err
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	_, err = r.Discard(2)
	return data, err
}

func TestStreamShowsWhoSits(t *testing.T) {
	dir := start(t)
	r := dial(t, dir)
	next := func() []byte {
		t.Helper()
		f, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	empty := next()
	if img, err := jpeg.Decode(bytes.NewReader(empty)); err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 360 {
		t.Fatalf("empty chair: %v", err)
	}
	sock := filepath.Join(dir, "camera.sock")
	if err := control.Send(sock, control.Command{Do: "sit", Person: 2}); err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		if f := next(); !bytes.Equal(f, empty) {
			distinct[string(f)] = true
		}
	}
	if len(distinct) < 2*phases {
		t.Errorf("%d different frames, want those of several photographs", len(distinct))
	}
	if err := control.Send(sock, control.Command{Do: "leave"}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Second); !bytes.Equal(next(), empty); { // some frames are still under way
		if time.Now().After(end) {
			t.Fatal("the person left, the camera still shows them")
		}
	}
	for _, bad := range []control.Command{{Do: "sit", Person: 99}, {Do: "dance"}} {
		if err := control.Send(sock, bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func TestSlowClientHoldsNobodyUp(t *testing.T) {
	dir := start(t)
	dial(t, dir) // never read
	r := dial(t, dir)
	begin := time.Now()
	for range 50 {
		if _, err := readFrame(r); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("50 frames at 50 a second took %v beside a slow client", d)
	}
}
