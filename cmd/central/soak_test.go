package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/intake/pgtest"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
	"github.com/enrold/enrold/sync/wire"
)

const (
	soakDesks   = 20
	soakBytes   = 400_000
	soakDefault = 100 // requests; SOAK_N for more
)

// TestSoakCentral sends requests of 400 KB from 20 desks to two centrals on one
// PostgreSQL, one of which, in turns, is killed with -9 and started again every
// ten seconds: each arrives once and is decided once. It prints its figures as
// one line of JSON.
func TestSoakCentral(t *testing.T) {
	if testing.Short() {
		t.Skip("a soak is not short")
	}
	n, every := soakDefault, 3*time.Second
	if text := os.Getenv("SOAK_N"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < soakDesks {
			t.Fatalf("SOAK_N=%q: want a number from %d", text, soakDesks)
		}
		every = 10 * time.Second
	}
	s := newSoak(t, n)
	ctx, stop := context.WithCancel(t.Context())
	killing := make(chan struct{})
	go func() { defer close(killing); s.kill(ctx, every) }()
	began := time.Now()
	g, working := errgroup.WithContext(ctx)
	for i := range soakDesks {
		g.Go(func() error { return s.desk(working, i, n/soakDesks) })
	}
	err := g.Wait()
	took := time.Since(began)
	stop()
	<-killing
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, n/soakDesks*soakDesks)
	s.report(t, took)
}

type soak struct {
	dir, keys, payloads string
	pg                  *pgtest.Server
	vault               *sqlvault.Vault
	seal                hpke.PublicKey
	centrals            [2]*process

	mu        sync.Mutex
	sent      map[string][]byte // hash of what has a receipt, by request id
	latencies []time.Duration   // from the first byte to the verified receipt, with all tries
	kills     int
	resent    atomic.Int64
}

// process is one central that is started again at the same address.
type process struct {
	addr string
	args []string
	log  string

	mu  sync.Mutex
	cmd *exec.Cmd
	cpu time.Duration // of those that ended
}

func newSoak(t *testing.T, n int) *soak {
	t.Helper()
	pg, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("ENROLD_REQUIRE_E2E") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &soak{dir: dir, keys: filepath.Join(dir, "keys"), payloads: filepath.Join(dir, "payloads"), pg: pg, sent: map[string][]byte{}}
	t.Cleanup(func() {
		if err := errors.Join(s.vault.Close(), pg.Stop()); err != nil {
			t.Error(err)
		}
	})
	if s.vault, err = sqlvault.OpenPostgres(t.Context(), pg.URL); err != nil {
		t.Fatal(err)
	}
	if err := authority.Create(s.keys, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	seal, _, err := authority.Keys(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	s.seal = seal.PublicKey()
	registry := intake.NewRegistry(s.vault)
	for i := range soakDesks {
		key, err := request.LoadOrCreateDeviceKey(s.deskFile(i, "device.pem"))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := authority.EnrolDesk(s.keys, s.deskFile(i), deskName(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := registry.RegisterDesk(t.Context(), deskName(i), cert, key.Public(), key.Origin()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.centrals {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		p := &process{addr: addr, log: filepath.Join(dir, fmt.Sprintf("central-%d.log", i)), args: []string{
			"serve", "--data", filepath.Join(dir, "central"), "--keys", s.keys, "--listen", addr, "--accept-emulated", "--population", "none",
			"--store", pg.URL, "--payloads", s.payloads,
		}}
		s.centrals[i] = p
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.end(syscall.SIGKILL) })
	}
	return s
}

func deskName(i int) string { return fmt.Sprintf("desk-%02d", i) }

func (s *soak) deskFile(i int, name ...string) string {
	return filepath.Join(append([]string{s.dir, deskName(i)}, name...)...)
}

// start starts the central and waits until it listens.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := central(p.args...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		text, _ := os.ReadFile(p.log)
		return fmt.Errorf("central says %q (%w)\n%s", line, err, text)
	}
	return nil
}

// end ends the process and adds up what it cost.
func (p *process) end(sig os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	_ = p.cmd.Wait()
	p.cpu += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	p.cmd = nil
}

// kill ends a central without warning, in turns, and starts it again.
func (s *soak) kill(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := s.centrals[i%2]
		p.end(syscall.SIGKILL)
		if err := p.start(); err != nil {
			panic(err) // the desks would wait for ever
		}
		s.mu.Lock()
		s.kills++
		s.mu.Unlock()
	}
}

// desk sends n requests, one after the other.
func (s *soak) desk(ctx context.Context, i, n int) error {
	device, err := request.LoadOrCreateDeviceKey(s.deskFile(i, "device.pem"))
	if err != nil {
		return err
	}
	conf, err := wire.Files{CA: s.deskFile(i, "ca.pem"), Cert: s.deskFile(i, "cert.pem"), Key: s.deskFile(i, "key.pem")}.ClientTLS()
	if err != nil {
		return err
	}
	key, err := wire.LoadReceiptKey(s.deskFile(i, "receipt_key.pem"))
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: conf, ResponseHeaderTimeout: 30 * time.Second}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	picture := make([]byte, soakBytes)
	previous := make([]byte, request.HashSize)
	for seq := range int64(n) {
		if _, err := rand.Read(picture); err != nil {
			return err
		}
		b := request.Body{Version: request.BodyVersion, DeskID: deskName(i), Seq: seq + 1, Previous: previous, Software: "soak", Request: station.Request{
			ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2,
			Portraits: []eid.PortraitRecord{{Record: picture, Origin: eid.OriginEmulated}},
		}}
		sealed, err := request.Seal([]hpke.PublicKey{s.seal}, request.Signers{Device: device}, b)
		if err != nil {
			return err
		}
		previous = request.Hash(sealed)
		began := time.Now()
		signed, err := s.send(ctx, client, i, b.Request.ID, sealed)
		if err != nil {
			return err
		}
		receipt, err := wire.VerifyStatement(key, signed)
		if err == nil {
			err = receipt.About(wire.KindReceipt, request.Ident{Desk: b.DeskID, Request: b.Request.ID, Seq: b.Seq}, previous)
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.sent[b.Request.ID] = previous
		s.latencies = append(s.latencies, time.Since(began))
		s.mu.Unlock()
	}
	return nil
}

// send tries the centrals in turn until one gives a receipt.
func (s *soak) send(ctx context.Context, client *http.Client, i int, id string, sealed []byte) ([]byte, error) {
	for try := i; ; try++ {
		if try > i {
			s.resent.Add(1)
			time.Sleep(20 * time.Millisecond)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://"+s.centrals[try%2].addr+wire.RequestPath(id), bytes.NewReader(sealed))
		if err != nil {
			return nil, err
		}
		req.Header.Set(wire.DigestHeader, wire.Digest(sealed))
		resp, err := client.Do(req)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue // killed
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case err != nil, resp.StatusCode >= 500, resp.StatusCode == http.StatusRequestTimeout:
			continue
		case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusCreated:
			return body, nil
		}
		return nil, fmt.Errorf("central refuses: %d %s", resp.StatusCode, body)
	}
}

// check wants each request once, with its bytes, and decided once.
func (s *soak) check(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		counts, err := s.vault.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counts[wire.StateGranted] == n && len(counts) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("states %v, want %d granted", counts, n)
		}
	}
	if len(s.sent) != n {
		t.Fatalf("%d receipts, want %d", len(s.sent), n)
	}
	names, err := filepath.Glob(filepath.Join(s.payloads, "*-*"))
	if err != nil || len(names) < n {
		t.Fatalf("%d payloads, %v, want %d", len(names), err, n)
	}
	for id, hash := range s.sent {
		r, err := s.vault.Request(t.Context(), id)
		if err != nil || !bytes.Equal(r.Hash, hash) {
			t.Fatalf("request %s: %v", id, err)
		}
		stored, err := os.ReadFile(filepath.Join(s.payloads, r.Payload))
		if err != nil || !bytes.Equal(request.Hash(stored), hash) {
			t.Fatalf("payload of %s: %v", id, err)
		}
		if results, err := s.vault.Results(t.Context(), id); err != nil || len(results) != 1 {
			t.Fatalf("%d results of %s, %v", len(results), id, err)
		}
	}
}

// report ends all processes and prints the figures.
func (s *soak) report(t *testing.T, took time.Duration) {
	t.Helper()
	var cpu time.Duration
	for _, p := range s.centrals {
		p.end(syscall.SIGTERM)
		cpu += p.cpu
	}
	slices.Sort(s.latencies)
	n := len(s.latencies)
	load, _ := os.ReadFile("/proc/loadavg")
	line, err := json.Marshal(map[string]any{
		"requests": n, "desks": soakDesks, "bytes_each": soakBytes, "seconds": round(took.Seconds()),
		"requests_per_second": round(float64(n) / took.Seconds()), "kills": s.kills, "sent_again": s.resent.Load(),
		"central_cpu_ms_per_request": round(float64(cpu.Microseconds()) / 1000 / float64(n)),
		"latency_ms_median":          s.latencies[n/2].Milliseconds(), "latency_ms_p99": s.latencies[n*99/100].Milliseconds(),
		"load_average": strings.Fields(string(load))[0],
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("soak-central %s\n", line)
}

func round(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }
