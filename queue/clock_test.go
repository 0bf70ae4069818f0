package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// hands is a clock that a test sets; the machine's own time goes on beside it.
type hands struct {
	boot    string
	elapsed time.Duration
	wall    time.Time
}

func (h *hands) Now() time.Time                     { return h.wall }
func (h *hands) SinceBoot() ([]byte, time.Duration) { return []byte(h.boot), h.elapsed }
func (h *hands) pass(d time.Duration)               { h.elapsed += d; h.wall = h.wall.Add(d) }
func (h *hands) restart(boot string, after time.Duration) {
	h.boot, h.elapsed = boot, 0
	h.wall = h.wall.Add(after)
}

func TestClockIsNoted(t *testing.T) {
	start := time.Date(2026, 11, 17, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		turn func(*hands)
		want string // in the one note, "" for none
	}{
		"an hour passes":                 {func(h *hands) { h.pass(time.Hour) }, ""},
		"corrected by a second":          {func(h *hands) { h.pass(time.Hour); h.wall = h.wall.Add(-time.Second) }, ""},
		"back a day":                     {func(h *hands) { h.pass(time.Minute); h.wall = h.wall.Add(-24 * time.Hour) }, "set_ms=-86400000"},
		"forward a month":                {func(h *hands) { h.pass(time.Minute); h.wall = h.wall.Add(720 * time.Hour) }, "set_ms=2592000000"},
		"restart, the night has passed":  {func(h *hands) { h.restart("b", 16*time.Hour) }, ""},
		"restart with an empty battery":  {func(h *hands) { h.restart("b", -8760*time.Hour) }, "back_ms=31536000000"},
		"unknown boot, back ten seconds": {func(h *hands) { h.restart("", -10*time.Second) }, "back_ms=10000"},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := openDesk(t), &hands{boot: "a", wall: start}
			d.clock = h
			d.reopen(t)
			d.mustEnqueue(t)
			c.turn(h)
			d.mustEnqueue(t)
			d.mustEnqueue(t)
			got := verify(t, d.dir)
			if len(got.Findings) != 0 {
				t.Fatalf("findings %+v", got.Findings)
			}
			if c.want == "" && len(got.Notes) != 0 || c.want != "" && (len(got.Notes) != 1 || !strings.HasSuffix(got.Notes[0], c.want)) {
				t.Fatalf("notes %q, want %q", got.Notes, c.want)
			}
		})
	}
}

// A clock that was a year ahead for an hour must not keep a request for a year.
func TestClockSetBackKeepsNothingWaiting(t *testing.T) {
	d := openDesk(t)
	id := d.mustEnqueue(t)
	now := time.Now()
	if err := d.Failed(t.Context(), Attempt{ID: id, Code: eid.CodeOffline, Next: now.Add(8760 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if r, _, err := d.Due(t.Context(), now); err != nil || r == nil || r.ID != id {
		t.Fatalf("Due = %+v, %v", r, err)
	}
}

func TestTrustedTimeOnlyGoesOn(t *testing.T) {
	d := openDesk(t)
	if at, err := d.Trusted(t.Context()); err != nil || !at.IsZero() {
		t.Fatalf("Trusted = %v, %v before any statement", at, err)
	}
	later := time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{later, later.Add(-time.Hour), {}} {
		s := d.statement(t, d.mustEnqueue(t))
		s.At = at
		if err := d.Received(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Trusted(t.Context()); err != nil || !got.Equal(later) {
			t.Fatalf("Trusted = %v, %v, want %v", got, err, later)
		}
	}
}
