package intake_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// slow takes ten seconds for a decision and is down at first; its holders
// activate after the given time, never when it is negative.
type slow struct {
	down     time.Time
	activate time.Duration
}

func (s slow) Decide(context.Context, request.Body) (intake.Verdict, error) {
	if time.Now().Before(s.down) {
		return intake.Verdict{}, errors.New("database is down")
	}
	return intake.Verdict{State: wire.StateAccepted, After: 10 * time.Second}, nil
}

func (s slow) Resume(_ context.Context, _ request.Body, accepted time.Time) (intake.Verdict, error) {
	if left := time.Until(accepted.Add(10 * time.Second)); left > 0 {
		return intake.Verdict{State: wire.StateAccepted, After: left}, nil
	}
	return intake.Verdict{State: wire.StateGranted}, nil
}

func (s slow) Activated(_ context.Context, _ request.Ident, granted time.Time) (bool, time.Duration, error) {
	left := time.Until(granted.Add(s.activate))
	return s.activate >= 0 && left <= 0, max(left, time.Hour), nil
}

// TestEightDays carries a request through all states of eight days, in no time,
// and asks for each result as a desk does: for a state that it does not know.
func TestEightDays(t *testing.T) {
	for name, test := range map[string]struct {
		activate time.Duration
		last     wire.State
	}{
		"activated on the third day": {50 * time.Hour, wire.StateActivated},
		"never activated":            {-1, wire.StateActivationExpired},
		"too late":                   {9 * 24 * time.Hour, wire.StateActivationExpired},
	} {
		t.Run(name, func(t *testing.T) {
			keys := t.TempDir()
			if err := authority.Create(keys, []string{"127.0.0.1"}); err != nil {
				t.Fatal(err)
			}
			seal, receipt, err := authority.Keys(keys)
			if err != nil {
				t.Fatal(err)
			}
			c := &centre{seal: seal, receipt: receipt, desk: t.TempDir(), keys: keys, dir: t.TempDir()}
			if c.device, err = request.LoadOrCreateDeviceKey(c.desk + "/device.pem"); err != nil {
				t.Fatal(err)
			}
			c.enrol(t, deskID, c.device)
			cert, err := tls.LoadX509KeyPair(c.deskFiles(deskID).Cert, c.deskFiles(deskID).Key)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				eightDays(t, c, cert.Leaf, test.activate, test.last)
			})
		})
	}
}

func eightDays(t *testing.T, c *centre, cert *x509.Certificate, activate time.Duration, last wire.State) {
	ctx, cancel := context.WithCancel(t.Context())
	in, err := intake.Open(ctx, intake.Options{
		Dir: c.dir, SealKey: c.seal, Receipt: c.receipt, AcceptEmulated: true,
		Decider: slow{down: time.Now().Add(3 * time.Minute), activate: activate},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	desk, err := in.Desk(ctx, deskID)
	if err != nil {
		t.Fatal(err)
	}
	id, data := c.sealed(t, 1, nil)
	if _, fresh, err := in.Accept(ctx, desk, id, data); err != nil || !fresh {
		t.Fatalf("Accept = %v, %v", fresh, err)
	}
	start := time.Now()
	known := wire.State("")
	for _, want := range []struct {
		state    wire.State
		from, to time.Duration // since the request came
	}{
		{wire.StateAccepted, 3 * time.Minute, 5 * time.Minute}, // the outage, and one retry's wait
		{wire.StateGranted, 3 * time.Minute, 6 * time.Minute},
		{last, 50 * time.Hour, 8 * 24 * time.Hour},
	} {
		var s wire.Statement
		for {
			r := httptest.NewRequest(http.MethodGet, wire.ResultAfterPath(id, known, wire.MaxWait), nil).WithContext(ctx)
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
			w := httptest.NewRecorder()
			in.Handler().ServeHTTP(w, r)
			if w.Code == http.StatusAccepted && time.Since(start) < 9*24*time.Hour {
				if known == wire.StateGranted {
					time.Sleep(10 * time.Minute) // a desk asks seldom for what takes days
				}
				continue
			}
			if s, err = wire.VerifyStatement(&c.receipt.PublicKey, w.Body.Bytes()); w.Code != http.StatusOK || err != nil {
				t.Fatalf("after %s: %d, %v", known, w.Code, err)
			}
			break
		}
		if at := time.Since(start); s.State != want.state || at < want.from || at > want.to {
			t.Fatalf("%s after %v, want %s between %v and %v", s.State, at, want.state, want.from, want.to)
		}
		known = s.State
	}
	cancel()
	if err := errors.Join(<-ended, in.Close()); err != nil {
		t.Error(err)
	}
}

func TestActivationEnds(t *testing.T) {
	for granted, want := range map[string]string{
		"2026-11-24T10:00:00+07:00": "2026-12-02T00:00:00+07:00",
		"2026-11-24T23:59:59+07:00": "2026-12-02T00:00:00+07:00",
		"2026-11-24T18:00:00Z":      "2026-12-03T00:00:00+07:00", // the 25th in Ha Noi
	} {
		at, err := time.Parse(time.RFC3339, granted)
		if err != nil {
			t.Fatal(err)
		}
		if got := intake.ActivationEnds(at).Format(time.RFC3339); got != want {
			t.Errorf("granted %s: ends %s, want %s", granted, got, want)
		}
	}
}

// A renewed key signs what comes now; a revoked one no more, but what it signed
// before is decided. A key named software never passes a production central.
func TestKeysOfADesk(t *testing.T) {
	open := make(chan struct{})
	c := newCentre(t, func(ctx context.Context, b request.Body) (intake.Verdict, error) {
		select {
		case <-open:
			return intake.Verdict{State: wire.StateGranted}, nil
		case <-ctx.Done():
			return intake.Verdict{}, ctx.Err()
		}
	})
	one, oneData := c.sealed(t, 1, nil)
	desk, err := c.in.Desk(t.Context(), deskID)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.in.Accept(t.Context(), desk, one, oneData); err != nil {
		t.Fatal(err)
	}
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.Revoke(t.Context(), deskID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Desk(t.Context(), deskID); err == nil {
		t.Fatal("a revoked desk may send")
	}
	older := c.device
	if c.device, err = request.LoadOrCreateDeviceKey(t.TempDir() + "/new.pem"); err != nil {
		t.Fatal(err)
	}
	c.desk = t.TempDir()
	c.client = c.enrol(t, deskID, c.device)
	if desk, err = c.in.Desk(t.Context(), deskID); err != nil {
		t.Fatal(err)
	}
	two, twoData := c.sealed(t, 2, request.Hash(oneData))
	if _, _, err := c.in.Accept(t.Context(), desk, two, twoData); err != nil {
		t.Fatal(err)
	}
	c.device = older
	three, threeData := c.sealed(t, 3, request.Hash(twoData))
	_, _, err = c.in.Accept(t.Context(), desk, three, threeData)
	if p, ok := intake.AsRefusal(err); !ok || p.Code != wire.ReasonNotAuthentic {
		t.Fatalf("signed with a revoked key = %v", err)
	}
	close(open)
	if status, _ := c.result(t, c.client, one, 5*time.Second); status != http.StatusOK {
		t.Fatalf("what came before the revocation is not decided: %d", status)
	}
}

// An officer signs with a key that is registered at the desk, or the request is
// refused.
func TestOfficerKeys(t *testing.T) {
	c := newCentre(t, grant)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.officer = token{private}
	put := func(seq int64, previous []byte) ([]byte, error) {
		desk, err := c.in.Desk(t.Context(), deskID)
		if err != nil {
			t.Fatal(err)
		}
		id, data := c.sealed(t, seq, previous)
		_, _, err = c.in.Accept(t.Context(), desk, id, data)
		return data, err
	}
	_, err = put(1, nil)
	if p, ok := intake.AsRefusal(err); !ok || p.Code != wire.ReasonNotAuthentic {
		t.Fatalf("an unknown officer's signature = %v", err)
	}
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.RegisterOfficer(t.Context(), deskID, "officer-1", private.Public(), request.KeyToken); err != nil {
		t.Fatal(err)
	}
	first, err := put(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	kid, err := request.KeyID(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.RevokeOfficer(t.Context(), kid); err != nil {
		t.Fatal(err)
	}
	if _, err := put(2, request.Hash(first)); err == nil {
		t.Fatal("a revoked officer's signature was taken")
	}
}

// token is a key that says that it is in a token.
type token struct{ *ecdsa.PrivateKey }

func (token) Origin() request.KeyOrigin    { return request.KeyToken }
func (token) Algorithm() request.Algorithm { return request.ES256 }

// Logs that go on are kept; one that was cut or rewritten raises an alarm and
// changes nothing.
func TestLogOfADesk(t *testing.T) {
	c := newCentre(t, grant)
	good := newTree(t, "good", 40)
	bad := newTree(t, "bad", 40)
	for _, step := range []struct {
		name string
		log  wire.Log
		kept int64
		want error
	}{
		{"first", good.log(t, 0, 7), 7, nil},
		{"again", good.log(t, 7, 7), 7, nil},
		{"longer", good.log(t, 7, 19), 19, nil},
		{"from elsewhere", good.log(t, 7, 25), 19, wire.ErrLogFrom},
		{"cut", good.log(t, 0, 12), 19, wire.ErrLog},
		{"rewritten", bad.log(t, 19, 30), 19, wire.ErrLog},
		{"rewritten, same size", bad.log(t, 19, 19), 19, wire.ErrLog},
		{"longer still", good.log(t, 19, 40), 40, nil},
	} {
		kept, err := c.in.Log(t.Context(), deskID, step.log)
		if !errors.Is(err, step.want) || kept.Size != step.kept {
			t.Errorf("%s: kept %d, %v; want %d, %v", step.name, kept.Size, err, step.kept, step.want)
		}
	}
	v := c.openVault(t)
	alarms, err := v.Alarms(t.Context(), 10)
	if err != nil || len(alarms) != 3 {
		t.Fatalf("%d alarms, %v, want 3", len(alarms), err)
	}
	for _, a := range alarms {
		if a.Code != vault.AlarmLog || a.Desk != deskID {
			t.Errorf("alarm = %+v", a)
		}
	}
}

// tree is a Merkle log with all its hashes.
type tree struct{ hashes []tlog.Hash }

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = t.hashes[x]
	}
	return out, nil
}

func newTree(t *testing.T, name string, n int64) *tree {
	t.Helper()
	out := &tree{}
	for i := range n {
		more, err := tlog.StoredHashes(i, fmt.Appendf(nil, "%s %d %s", name, i, uuid.Nil), out)
		if err != nil {
			t.Fatal(err)
		}
		out.hashes = append(out.hashes, more...)
	}
	return out
}

// log is the head at size with the proof that it extends that at from.
func (x *tree) log(t *testing.T, from, size int64) wire.Log {
	t.Helper()
	root, err := tlog.TreeHash(size, x)
	if err != nil {
		t.Fatal(err)
	}
	var proof tlog.TreeProof
	if from > 0 && from < size {
		if proof, err = tlog.ProveTree(size, from, x); err != nil {
			t.Fatal(err)
		}
	}
	return wire.NewLog(wire.LogHead{Size: size, Root: root[:]}, from, proof)
}
