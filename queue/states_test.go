package queue

import (
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/internal/eid"
)

func TestStatesFollowTheRequest(t *testing.T) {
	d := openDesk(t)
	ctx := t.Context()
	id := d.mustEnqueue(t)
	row := func() Row {
		t.Helper()
		r, err := d.Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	step := func(want State, offset int64, frozen bool, errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		if r := row(); r.State != want || r.Offset != offset || r.Frozen != frozen {
			t.Fatalf("row = %+v, want %s at %d, frozen %t", r, want, offset, frozen)
		}
	}
	step(Sealed, 0, false)
	step(Announced, 0, false, d.Announced(ctx, id), d.Announced(ctx, id))
	step(Uploading, 0, true, d.Uploading(ctx, id, 0))
	step(Uploading, 900, true, d.Uploading(ctx, id, 900), d.Announced(ctx, id))
	step(Uploading, 100, true, d.Uploading(ctx, id, 100)) // the central lost a part
	for _, bad := range []int64{-1, int64(row().SealedBytes) + 1} {
		if err := d.Uploading(ctx, id, bad); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("Uploading at %d = %v", bad, err)
		}
	}
	size := int64(row().SealedBytes)
	step(Received, size, true, d.Received(ctx, d.statement(t, id)))
	if err := d.Uploading(ctx, id, 5); eid.CodeOf(err) != eid.CodeState {
		t.Errorf("Uploading after the receipt = %v", err)
	}
	for _, s := range []State{Accepted, NeedsCorrection, Accepted, Granted, Activated} {
		step(s, size, true, d.Settled(ctx, Outcome{Statement: d.statement(t, id), State: s}), d.Settled(ctx, Outcome{Statement: d.statement(t, id), State: s}))
	}
	var kinds []string
	if err := d.Entries(ctx, 0, id, func(e Entry) error { kinds = append(kinds, e.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []string{"sealed", "announced", "frozen", "upload", "upload", "received", "accepted", "needs_correction", "accepted", "granted", "activated"}
	if !slices.Equal(kinds, want) {
		t.Fatalf("entries %q, want %q", kinds, want)
	}
}

// Every pair of states: a result is taken where it may follow, and nowhere else.
func TestOnlyLegalResults(t *testing.T) {
	results := decided[Received]
	for from, next := range map[State][]State{
		Accepted: {Accepted, NeedsCorrection, Granted, Rejected, Activated, ActivationExpired}, NeedsCorrection: {NeedsCorrection, Accepted, Granted, Rejected, Activated, ActivationExpired},
		Granted: {Granted, Activated, ActivationExpired}, Rejected: {Rejected}, Activated: {Activated}, ActivationExpired: {ActivationExpired},
	} {
		d := openDesk(t)
		for _, to := range results {
			id := d.mustEnqueue(t)
			if err := d.Received(t.Context(), d.statement(t, id)); err != nil {
				t.Fatal(err)
			}
			if err := d.Settled(t.Context(), Outcome{Statement: d.statement(t, id), State: from}); err != nil {
				t.Fatal(err)
			}
			err := d.Settled(t.Context(), Outcome{Statement: d.statement(t, id), State: to})
			if legal := slices.Contains(next, to); legal && err != nil || !legal && eid.CodeOf(err) != eid.CodeState {
				t.Errorf("%s after %s = %v", to, from, err)
			}
		}
	}
}

// The log of each moment is proved to be the beginning of every later one.
func TestLogIsConsistent(t *testing.T) {
	d := openDesk(t)
	var heads []LogHead
	for range 9 {
		head, err := d.Log(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, head)
		d.mustEnqueue(t)
	}
	d.reopen(t)
	last, err := d.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range heads {
		proof, err := d.Consistency(t.Context(), old.Size)
		if err != nil {
			t.Fatal(err)
		}
		if old.Size == 0 {
			continue
		}
		if err := tlog.CheckTree(proof, last.Size, tlog.Hash(last.Root), old.Size, tlog.Hash(old.Root)); err != nil {
			t.Errorf("from %d to %d: %v", old.Size, last.Size, err)
		}
		wrong := tlog.Hash(old.Root)
		wrong[0] ^= 1
		if tlog.CheckTree(proof, last.Size, tlog.Hash(last.Root), old.Size, wrong) == nil {
			t.Errorf("another root of size %d was proved", old.Size)
		}
	}
}
