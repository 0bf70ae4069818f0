// Package vaulttest is the suite that every vault passes.
package vaulttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// now is a time without what no vault keeps: less than a millisecond.
var now = time.UnixMilli(1_780_000_000_000)

// Run runs the suite; open returns another handle on the same, at first empty
// vault with each call, as another process would have it.
func Run(t *testing.T, open func(t *testing.T) vault.Vault) {
	v := open(t)
	t.Run("desks", func(t *testing.T) { desks(t, v) })
	t.Run("renewal", func(t *testing.T) { renewal(t, v) })
	t.Run("requests", func(t *testing.T) { requests(t, v) })
	t.Run("chain", func(t *testing.T) { chain(t, v) })
	t.Run("states", func(t *testing.T) { states(t, v) })
	t.Run("logs", func(t *testing.T) { logs(t, v) })
	other := open(t)
	t.Run("same request at once", func(t *testing.T) { sameAtOnce(t, v, other) })
	t.Run("one id, many bodies", func(t *testing.T) { manyBodies(t, v, other) })
	t.Run("claims at once", func(t *testing.T) { claimsAtOnce(t, v, other) })
}

func key(t *testing.T, origin request.KeyOrigin) vault.Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kid, err := request.KeyID(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return vault.Key{ID: kid, Public: k.Public(), Origin: origin, Registered: now}
}

func certificate() vault.Certificate {
	return vault.Certificate{SHA256: request.Hash([]byte(uuid.NewString())), NotAfter: now.Add(time.Hour), Registered: now}
}

// desk registers a new desk and returns its id.
func desk(t *testing.T, v vault.Vault) string {
	t.Helper()
	id := "desk-" + uuid.NewString()[:8]
	if err := v.Register(t.Context(), id, certificate(), key(t, request.KeySoftware)); err != nil {
		t.Fatal(err)
	}
	return id
}

// entry is a request that fits after previous (nil for the first).
func entry(desk string, seq int64, previous []byte) vault.Request {
	if previous == nil {
		previous = make([]byte, request.HashSize)
	}
	id := uuid.Must(uuid.NewV7()).String()
	return vault.Request{
		Ident: request.Ident{Desk: desk, Request: id, Seq: seq}, Hash: request.Hash([]byte(id)), Previous: previous,
		Payload: id + "-1", Received: now, Receipt: []byte("receipt of " + id),
	}
}

func add(t *testing.T, v vault.Vault, r vault.Request) {
	t.Helper()
	if _, fresh, err := v.Add(t.Context(), r); err != nil || !fresh {
		t.Fatalf("Add = %v, %v", fresh, err)
	}
}

func requests(t *testing.T, v vault.Vault) {
	ctx := t.Context()
	r := entry(desk(t, v), 1, nil)
	announced := vault.Announcement{Desk: r.Ident.Desk, ID: r.Ident.Request, Hash: r.Hash, Size: 400, Deadline: "2026-11-27", At: now}
	if err := v.Announce(ctx, []vault.Announcement{announced}); err != nil {
		t.Fatal(err)
	}
	if all, err := v.Announced(ctx, 10); err != nil || len(all) != 1 || all[0].Size != 400 || all[0].Deadline != "2026-11-27" || !bytes.Equal(all[0].Hash, r.Hash) {
		t.Fatalf("announced = %+v, %v", all, err)
	}
	add(t, v, r)
	first, fresh, err := v.Add(ctx, r)
	if err != nil || fresh || !bytes.Equal(first.Receipt, r.Receipt) || !bytes.Equal(first.Hash, r.Hash) || first.Ident != r.Ident {
		t.Fatalf("Add again = %+v, %v, %v", first, fresh, err)
	}
	// What has arrived is not missing, also when it is announced again.
	if err := v.Announce(ctx, []vault.Announcement{announced}); err != nil {
		t.Fatal(err)
	}
	if all, err := v.Announced(ctx, 10); err != nil || len(all) != 0 {
		t.Fatalf("announced after arrival = %+v, %v", all, err)
	}
	got, err := v.Request(ctx, r.Ident.Request)
	if err != nil || got.State != wire.StateReceived || !got.Received.Equal(now) || got.Payload != r.Payload || got.Result != nil {
		t.Fatalf("Request = %+v, %v", got, err)
	}
	for name, want := range map[string]bool{r.Payload: true, "other": false} {
		if named, err := v.Names(ctx, name); err != nil || named != want {
			t.Errorf("Names(%s) = %v, %v", name, named, err)
		}
	}
	if _, err := v.Request(ctx, uuid.NewString()); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("unknown request = %v", err)
	}
	if _, _, err := v.Add(ctx, entry("nowhere", 1, nil)); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("request of an unknown desk = %v", err)
	}
	// Another desk that uses the id is told of the first.
	other := entry(desk(t, v), 1, nil)
	other.Ident.Request = r.Ident.Request
	if first, fresh, err = v.Add(ctx, other); err != nil || fresh || first.Ident.Desk != r.Ident.Desk {
		t.Fatalf("id of another desk = %+v, %v, %v", first, fresh, err)
	}
}

func chain(t *testing.T, v vault.Vault) {
	ctx, d := t.Context(), desk(t, v)
	one := entry(d, 1, nil)
	two := entry(d, 2, one.Hash)
	three := entry(d, 3, two.Hash)
	for _, r := range []vault.Request{three, one, two} { // by their deadlines, not by their numbers
		add(t, v, r)
	}
	for name, test := range map[string]struct {
		r    vault.Request
		want error
	}{
		"number used":            {entry(d, 2, one.Hash), vault.ErrOtherSeq},
		"previous is another":    {entry(d, 4, one.Hash), vault.ErrChain},
		"first with a previous":  {entry(desk(t, v), 1, one.Hash), vault.ErrChain},
		"next names another one": {before(t, v), vault.ErrChain},
	} {
		if _, _, err := v.Add(ctx, test.r); !errors.Is(err, test.want) {
			t.Errorf("%s = %v, want %v", name, err, test.want)
		}
		if _, err := v.Request(ctx, test.r.Ident.Request); !errors.Is(err, vault.ErrUnknown) {
			t.Errorf("%s: stored (%v)", name, err)
		}
	}
}

// before is the first request of a desk whose second one names another first.
func before(t *testing.T, v vault.Vault) vault.Request {
	d := desk(t, v)
	add(t, v, entry(d, 2, request.Hash([]byte("another"))))
	return entry(d, 1, nil)
}

func states(t *testing.T, v vault.Vault) {
	ctx := t.Context()
	drain(t, v)
	r := entry(desk(t, v), 1, nil)
	add(t, v, r)
	due, next, err := v.Claim(ctx, now, time.Minute, 8)
	if err != nil || len(due) != 1 || due[0].Ident != r.Ident || due[0].Attempts != 1 || !next.Equal(now.Add(time.Minute)) {
		t.Fatalf("Claim = %+v, %v, %v", due, next, err)
	}
	if due, _, err := v.Claim(ctx, now, time.Minute, 8); err != nil || len(due) != 0 {
		t.Fatalf("claimed twice: %+v, %v", due, err)
	}
	if due, _, err := v.Claim(ctx, now.Add(time.Minute), time.Minute, 8); err != nil || len(due) != 1 || due[0].Attempts != 2 {
		t.Fatalf("after the lease = %+v, %v", due, err)
	}
	if err := v.Postpone(ctx, r.Ident.Request, wire.StateReceived, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, next, err := v.Claim(ctx, now.Add(time.Minute), time.Minute, 8); err != nil || !next.Equal(now.Add(time.Hour)) {
		t.Fatalf("next = %v, %v", next, err)
	}
	if err := v.Release(ctx, now); err != nil {
		t.Fatal(err)
	}
	if due, _, err := v.Claim(ctx, now, time.Minute, 8); err != nil || len(due) != 1 {
		t.Fatalf("after a release = %+v, %v", due, err)
	}
	granted := vault.Result{State: wire.StateGranted, At: now, Signed: []byte("granted")}
	week := now.Add(7 * 24 * time.Hour)
	for _, step := range []struct {
		from wire.State
		to   vault.Result
		due  time.Time
	}{
		{wire.StateReceived, vault.Result{State: wire.StateAccepted, At: now, Signed: []byte("accepted")}, now.Add(time.Second)},
		{wire.StateAccepted, granted, week},
	} {
		if err := v.Move(ctx, r.Ident.Request, step.from, step.to, step.due); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Move(ctx, r.Ident.Request, wire.StateAccepted, granted, now); !errors.Is(err, vault.ErrChanged) {
		t.Fatalf("moved twice = %v", err)
	}
	got, err := v.Request(ctx, r.Ident.Request)
	if err != nil || got.State != wire.StateGranted || string(got.Result) != "granted" || got.Attempts != 0 {
		t.Fatalf("Request = %+v, %v", got, err)
	}
	// A grant keeps its day through a restart.
	if err := v.Release(ctx, now); err != nil {
		t.Fatal(err)
	}
	if due, next, err := v.Claim(ctx, now, time.Minute, 8); err != nil || len(due) != 0 || !next.Equal(week) {
		t.Fatalf("granted = %+v, %v, %v", due, next, err)
	}
	expired := vault.Result{State: wire.StateActivationExpired, At: week, Signed: []byte("expired")}
	if err := v.Move(ctx, r.Ident.Request, wire.StateGranted, expired, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if due, next, err := v.Claim(ctx, week.Add(time.Hour), time.Minute, 8); err != nil || len(due) != 0 || !next.IsZero() {
		t.Fatalf("a final state is due: %+v, %v, %v", due, next, err)
	}
	history, err := v.Results(ctx, r.Ident.Request)
	if err != nil || len(history) != 3 || history[0].State != wire.StateAccepted || history[2].State != wire.StateActivationExpired || !history[2].At.Equal(week) {
		t.Fatalf("Results = %+v, %v", history, err)
	}
	if counts, err := v.Counts(ctx); err != nil || counts[wire.StateActivationExpired] != 1 {
		t.Fatalf("Counts = %v, %v", counts, err)
	}
}

// drain makes everything that earlier tests left due a final state.
func drain(t *testing.T, v vault.Vault) {
	t.Helper()
	for {
		due, _, err := v.Claim(t.Context(), now.Add(1000*time.Hour), time.Hour, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range due {
			out := vault.Result{State: wire.StateRejected, Reason: "x", At: now, Signed: []byte("x")}
			if err := v.Move(t.Context(), r.Ident.Request, r.State, out, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if len(due) == 0 {
			return
		}
	}
}

func logs(t *testing.T, v vault.Vault) {
	ctx, d := t.Context(), desk(t, v)
	head := func(n int64) wire.LogHead { return wire.LogHead{Size: n, Root: request.Hash(fmt.Append(nil, n))} }
	if h, err := v.Head(ctx, d); err != nil || h.Size != 0 || h.Root != nil {
		t.Fatalf("first head = %+v, %v", h, err)
	}
	for _, step := range []struct{ from, to wire.LogHead }{{wire.LogHead{}, head(3)}, {head(3), head(9)}} {
		if err := v.Advance(ctx, d, step.from, step.to); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []wire.LogHead{{}, head(3), {Size: 9, Root: head(3).Root}} {
		if err := v.Advance(ctx, d, from, head(12)); !errors.Is(err, vault.ErrChanged) {
			t.Errorf("advanced from %d: %v", from.Size, err)
		}
	}
	if h, err := v.Head(ctx, d); err != nil || h.Size != 9 || !bytes.Equal(h.Root, head(9).Root) {
		t.Fatalf("head = %+v, %v", h, err)
	}
	for _, detail := range []string{"a", "b", "a"} {
		if err := v.Raise(ctx, vault.Alarm{Desk: d, Code: vault.AlarmLog, Detail: detail, At: now}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := v.Alarms(ctx, 10); err != nil || len(all) != 2 || all[0].Detail != "b" || all[0].Code != vault.AlarmLog || all[1].Desk != d {
		t.Fatalf("Alarms = %+v, %v", all, err)
	}
}

// each runs f 16 times at once, on the two handles in turn.
