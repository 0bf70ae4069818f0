package uplink

import (
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/queue"
)

func calendar(t *testing.T) *procedure.Calendar {
	t.Helper()
	r, err := procedure.Load()
	if err != nil {
		t.Fatal(err)
	}
	return r.Calendar()
}

func TestAlarms(t *testing.T) {
	friday := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) // 10:00 in Viet Nam
	monday, tuesday := friday.AddDate(0, 0, 3), friday.AddDate(0, 0, 4)
	for name, test := range map[string]struct {
		row  queue.Row
		now  time.Time
		want []eid.Code
	}{
		"fresh":                        {queue.Row{State: queue.Sealed, QueuedAt: friday, DueAt: "2026-11-25"}, friday, nil},
		"over a weekend":               {queue.Row{State: queue.Uploading, QueuedAt: friday, DueAt: "2026-11-27"}, monday, nil},
		"a working day and more":       {queue.Row{State: queue.Announced, QueuedAt: friday, DueAt: "2026-11-27"}, tuesday, []eid.Code{eid.CodeQueueAge}},
		"put aside, and nearly due":    {queue.Row{State: queue.Refused, QueuedAt: friday, DueAt: "2026-11-25"}, tuesday, []eid.Code{eid.CodeQueueAge, eid.CodeDueSoon}},
		"at the central":               {queue.Row{State: queue.Received, QueuedAt: friday, DueAt: "2026-11-27"}, tuesday, nil},
		"due after the day of culture": {queue.Row{State: queue.Received, QueuedAt: friday, DueAt: "2026-11-25"}, monday, []eid.Code{eid.CodeDueSoon}}, // 24 November is off
		"due on Monday, on Friday":     {queue.Row{State: queue.Accepted, QueuedAt: friday, DueAt: "2026-11-23"}, friday, []eid.Code{eid.CodeDueSoon}},
		"to be mended, over":           {queue.Row{State: queue.NeedsCorrection, QueuedAt: friday, DueAt: "2026-11-23"}, tuesday, []eid.Code{eid.CodeDuePassed}},
		"granted, over":                {queue.Row{State: queue.Granted, QueuedAt: friday, DueAt: "2026-11-23"}, tuesday, nil},
		"late in the evening":          {queue.Row{State: queue.Sealed, QueuedAt: time.Date(2026, 11, 19, 17, 30, 0, 0, time.UTC), DueAt: "2026-11-27"}, monday, nil},
	} {
		got, err := Alarms([]queue.Row{test.row}, test.now, calendar(t))
		if err != nil {
			t.Fatal(err)
		}
		var codes []eid.Code
		for _, a := range got {
			codes = append(codes, a.Code)
			if a.Count != 1 || a.Nearest != test.row.DueAt {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if !slices.Equal(codes, test.want) {
			t.Errorf("%s: %v, want %v", name, codes, test.want)
		}
	}
	both, err := Alarms([]queue.Row{
		{State: queue.Sealed, QueuedAt: friday, DueAt: "2026-12-02"}, {State: queue.Sealed, QueuedAt: friday, DueAt: "2026-12-01"},
	}, tuesday, calendar(t))
	if err != nil || len(both) != 1 || both[0].Count != 2 || both[0].Nearest != "2026-12-01" {
		t.Errorf("two rows: %+v, %v", both, err)
	}
}

func TestQuietHours(t *testing.T) {
	at := func(clock string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-20 "+clock, inVietNam)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p := Policy{}
	for _, text := range []string{"07:30-11:30", "22:00-05:00"} {
		w, err := ParseWindow(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Quiet = append(p.Quiet, w)
	}
	for clock, want := range map[string]time.Time{
		"07:29": {}, "07:30": at("11:30"), "11:29": at("11:30"), "11:30": {}, "21:59": {},
		"22:00": at("05:00").AddDate(0, 0, 1), "04:59": at("05:00"), "05:00": {},
	} {
		if got := p.quietUntil(at(clock).UTC()); !got.Equal(want) {
			t.Errorf("%s: quiet until %v, want %v", clock, got, want)
		}
	}
	for _, text := range []string{"", "7:30-11:30", "07:30", "07:30-24:00", "07:30-07:30", "07:60-08:00", "a-b"} {
		if _, err := ParseWindow(text); err == nil {
			t.Errorf("ParseWindow took %q", text)
		}
	}
}

func TestUrgent(t *testing.T) {
	friday := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	for due, want := range map[eid.Date]bool{"2026-11-19": true, "2026-11-20": true, "2026-11-23": true, "2026-11-24": false, "": true} {
		if got := (Policy{Calendar: calendar(t)}).urgent(due, friday); got != want {
			t.Errorf("due %q on a Friday: urgent %v", due, got)
		}
	}
	if (Policy{}).urgent("2026-11-23", friday) {
		t.Error("without a calendar all days count")
	}
}

func TestMetered(t *testing.T) {
	for pattern, want := range map[string]bool{"lo": true, "l*": true, "wwan*": false} {
		if got := (Policy{Metered: []string{pattern}}).metered(t.Context(), "https://127.0.0.1:9"); got != want {
			t.Errorf("over lo, metered %q: %v", pattern, got)
		}
	}
}

func TestPace(t *testing.T) {
	var p pace
	if p.chunk() != firstChunk || p.whole(1) {
		t.Error("an unknown link is taken for a known one")
	}
	p.sent(100_000, 12500*time.Millisecond) // 8 kB/s
	if c := p.chunk(); c != 240_000 {
		t.Errorf("chunk %d at 8 kB/s, want 30 s of it", c)
	}
	if p.whole(100_000) || !p.whole(10_000) {
		t.Error("a request that takes over 2 s goes in one piece, or a short one does not")
	}
	for range 30 {
		p.sent(16<<10, time.Minute)
	}
	if p.chunk() != minChunk {
		t.Errorf("chunk %d on a link that hardly moves", p.chunk())
	}
	for range 30 {
		p.sent(4<<20, time.Millisecond)
	}
	if p.chunk() != maxChunk {
		t.Errorf("chunk %d on a fast link", p.chunk())
	}
}

func TestBreaker(t *testing.T) {
	var b breaker
	now := time.Now()
	for i := range 20 {
		b.trip(now)
		probe, open := b.state(now)
		if !open || !probe.After(now) || probe.Sub(now) > lastRefusal {
			t.Fatalf("refusal %d: next probe in %v", i, probe.Sub(now))
		}
		b.trip(now) // another lane, the same refusal
		if again, _ := b.state(now); again != probe {
			t.Fatal("one refusal counted twice")
		}
		now = probe
	}
	if probe, _ := b.state(now); probe.Sub(now) < 0 {
		t.Fatal("no wait at all")
	}
	b.trip(now)
	if probe, _ := b.state(now); probe.Sub(now) < lastRefusal/2 {
		t.Errorf("%v between probes after 20 refusals, want half an hour and more", probe.Sub(now))
	}
	b.reset()
	if _, open := b.state(now); open {
		t.Error("a probe that was let in does not close the breaker")
	}
}

func TestBucket(t *testing.T) {
	b := &bucket{rate: 1000}
	now := time.Now()
	total := time.Duration(0)
	for range 10 {
		total = b.take(100, now)
	}
	if total != 900*time.Millisecond {
		t.Errorf("the tenth 100 bytes at 1000 bytes a second wait %v", total)
	}
	if w := b.take(1, now.Add(time.Minute)); w != 0 {
		t.Errorf("an idle line makes wait %v", w)
	}
}
