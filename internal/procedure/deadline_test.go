package procedure

import (
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// TestDeadlines2026 holds the cases worked out in the requirements.
func TestDeadlines2026(t *testing.T) {
	reg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		received eid.Date
		days     int
		due      eid.Date
		official bool
	}{
		{"2026-02-13", 3, "2026-02-25", true}, // Tet
		{"2026-02-12", 1, "2026-02-13", true},
		{"2026-04-24", 3, "2026-05-04", true}, // Hung Kings moved to Monday, 30 April, 1 May
		{"2026-04-29", 1, "2026-05-04", true},
		{"2026-08-20", 3, "2026-08-24", true}, // Saturday 22 August works
		{"2026-08-28", 3, "2026-09-07", true},
		{"2026-11-23", 1, "2026-11-25", true}, // Culture Day
		{"2026-11-23", 3, "2026-11-27", true},
		{"2026-11-23", 7, "2026-12-03", true},
		{"2026-06-01", 7, "2026-06-10", true},
		{"2026-12-31", 1, "2027-01-04", false}, // no notice for 2027 yet
		{"2027-02-04", 1, "2027-02-12", false}, // Tet 5 to 9 February; Saturday and Sunday give 10 and 11
		{"2025-08-29", 1, "2025-09-03", false},
	} {
		due, official, err := reg.Calendar().AddWorkingDays(c.received, c.days)
		if err != nil || due != c.due || official != c.official {
			t.Errorf("%s + %d: got %s (official %v), %v; want %s (%v)", c.received, c.days, due, official, err, c.due, c.official)
		}
	}
	if _, _, err := reg.Calendar().AddWorkingDays("2026-02-30", 1); err == nil {
		t.Error("30 February passed as a day")
	}
}

func TestDeadlineRules(t *testing.T) {
	// 23:30 UTC on 31 May is already 1 June in Viet Nam.
	received := time.Date(2026, 5, 31, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		kind    eid.ProcedureKind
		expired bool
		rule    string
		day     eid.Date
	}{
		{eid.CitizenLevel2, false, "CLK-2", "2026-06-04"},
		{eid.CitizenLevel2, true, "CLK-3", "2026-06-10"},
		{eid.ForeignerLevel2, false, "CLK-5", "2026-06-10"},
	} {
		due, err := rules(t, c.kind).Deadline(received, c.expired)
		if err != nil || due.Rule != c.rule || due.Day != c.day || !due.Official || due.Article == "" {
			t.Errorf("%s: got %+v, %v; want %s %s", c.kind, due, err, c.rule, c.day)
		}
	}
	if _, err := rules(t, eid.ForeignerLevel2).Deadline(received, true); err == nil {
		t.Error("a foreigner with an expired document got a deadline")
	}
}
