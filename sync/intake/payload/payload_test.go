package payload_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/payload"
)

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f, err := payload.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	suite(t, f)
	if err := os.WriteFile(filepath.Join(dir, ".new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Sweep(t.Context(), time.Now().Add(time.Minute), func(name string) (bool, error) { return name[0] != '.', nil }); err != nil || n != 1 {
		t.Fatalf("swept %d temporary files, %v", n, err)
	}
}

// suite is what every payload store does.
func suite(t *testing.T, s intake.Payloads) {
	ctx := t.Context()
	data := bytes.Repeat([]byte{0, 1, 2, 3}, 100_000)
	for range 2 {
		if err := s.Put(ctx, "one-1", data); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(ctx, "two-2", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, "one-1"); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if got, err := s.Get(ctx, "none"); err == nil {
		t.Fatalf("an unknown name has %d bytes", len(got))
	}
	for _, test := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Minute), 1}} {
		n, err := s.Sweep(ctx, test.before, func(name string) (bool, error) { return name == "one-1", nil })
		if err != nil || n != test.want {
			t.Fatalf("swept %d, %v, want %d", n, err, test.want)
		}
	}
	if _, err := s.Get(ctx, "two-2"); err == nil {
		t.Fatal("a swept payload is there")
	}
	for range 2 {
		if err := s.Remove(ctx, "one-1"); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Put(ended, "three", data); err == nil {
		t.Fatal("put after its context ended")
	}
}

// TestS3 runs the suite against a real S3 server.
func TestS3(t *testing.T) {
	tools, err := filepath.Glob("../../../.tools/versitygw-*")
	if err != nil || len(tools) == 0 {
		t.Skip("no S3 server: run internal/setup/s3server.sh")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "enrold-test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "enrold-test-secret")
	cmd := exec.Command(tools[len(tools)-1], "--port", addr, "--access", "enrold-test", "--secret", "enrold-test-secret", "posix", t.TempDir())
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	location := fmt.Sprintf("s3://%s/requests/pilot?tls=off", addr)
	var s *payload.S3
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if s, err = payload.OpenS3(t.Context(), location); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if _, err := payload.OpenS3(t.Context(), location); err != nil { // the bucket is there now
		t.Fatal(err)
	}
	suite(t, s)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if _, err := payload.OpenS3(t.Context(), location); err == nil {
		t.Fatal("a wrong secret opened the store")
	}
}

func TestS3Location(t *testing.T) {
	for _, location := range []string{"", "s3://host", "s3://host/", "http://host/bucket", "s3://key:secret@host/bucket", "s3:///bucket"} {
		if _, err := payload.OpenS3(t.Context(), location); err == nil {
			t.Errorf("%q was opened", location)
		}
	}
}
