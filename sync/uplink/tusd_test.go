package uplink

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
)

const tusd = "../../.tools/tusd"

// startTusd runs the reference server and returns its address.
func startTusd(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath(tusd); err != nil {
		t.Skip("tusd is missing: internal/setup/tusd.sh")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(tusd, "-host", "127.0.0.1", "-port", port, "-upload-dir", t.TempDir(), "-base-path", "/files/")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	})
	address := net.JoinHostPort("127.0.0.1", port)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
	}
	t.Fatal("tusd does not listen")
	return ""
}

// cutter is a TCP proxy that cuts each of its first connections after so many
// bytes from the client.
type cutter struct {
	l     net.Listener
	to    string
	after []int64
	all   sync.WaitGroup
}

func (c *cutter) serve() {
	for n := 0; ; n++ {
		in, err := c.l.Accept()
		if err != nil {
			return
		}
		limit := int64(1 << 40)
		if n < len(c.after) {
			limit = c.after[n]
		}
		c.all.Go(func() {
			defer in.Close()
			out, err := net.Dial("tcp", c.to)
			if err != nil {
				return
			}
			defer out.Close()
			c.all.Go(func() { _, _ = io.Copy(in, out); in.Close() })
			_, _ = io.CopyN(out, in, limit)
		})
	}
}

// TestAgainstTusd sends through cuts to the reference server and reads back what
// it stored.
func TestAgainstTusd(t *testing.T) {
	address := startTusd(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l, to: address, after: []int64{1000, 90_000, 200_000, 70_000, 300}}
	c.all.Go(c.serve)
	t.Cleanup(func() { l.Close(); c.all.Wait() })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	sealed := make([]byte, 500_000)
	rand.Read(sealed)

	url := ""
	for tries := 0; url == "" && tries < 5; tries++ {
		if url, err = createUpload(t.Context(), client, "http://"+l.Addr().String()+"/files/", "0198c0de-1234-7abc-8def-0123456789ab", request.Hash(sealed), len(sealed)); err != nil {
			t.Logf("create: %v", err)
		}
	}
	if url == "" {
		t.Fatal("no upload was made")
	}
	var offsets []int64
	sent := 0
	p := &upload{
		client: client, url: url, sealed: sealed, chunk: func() int { return 100_000 },
		at: func(offset int64) error { offsets = append(offsets, offset); return nil }, sent: func(n int) { sent += n },
		timed: func(int, time.Duration) {},
		turn:  func(context.Context) (func(), error) { return func() {}, nil },
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := p.run(ctx, 0); err != nil {
		t.Fatal(err)
	}
	resp, err := client.Get(strings.Replace(url, l.Addr().String(), address, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, sealed) {
		t.Fatalf("tusd stored %d bytes, %v: not what was sent", len(got), err)
	}
	t.Logf("offsets %v, %d bytes given for %d, in %s", offsets, sent, len(sealed), filepath.Base(tusd))
	if len(offsets) < 6 {
		t.Errorf("%d chunks: the cuts did not happen", len(offsets))
	}

	p.url = strings.TrimSuffix(url, url[strings.LastIndex(url, "/")+1:]) + "nothing"
	if _, err := p.run(ctx, 0); err == nil {
		t.Error("an upload that tusd does not know was sent")
	}
	p.url = url
	if at, err := p.head(ctx); err != nil || at != int64(len(sealed)) {
		t.Errorf("HEAD = %d, %v", at, err)
	}
}
