package procedure

import (
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestPublishedCalendarAndRules(t *testing.T) {
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := files.ReadFile(calendarName)
	if err != nil {
		t.Fatal(err)
	}
	const day = eid.Date("2028-03-01") // a Wednesday that no notice fixes yet
	before, official, err := r.Calendar().AddWorkingDays(day, 1)
	if err != nil || official || before != "2028-03-02" {
		t.Fatalf("before: %s, %v, %v", before, official, err)
	}
	rules, err := files.ReadFile("rules/vn-69-2024.toml")
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(rules), `id = "vn-69-2024"`, `id = "vn-next"`, 1)
	if next == string(rules) {
		t.Fatal("the rule set's id is written in another way")
	}
	_, from, ok := strings.Cut(next, "effective_from")
	from, _, ended := strings.Cut("effective_from"+from, "\n")
	if !ok || !ended {
		t.Fatal("no effective_from")
	}
	next = strings.Replace(next, from, `effective_from = "2028-01-01"`, 1)
	published, err := LoadPublished(Published{
		Calendar: append(calendar, "\n[[years]]\nyear = 2028\nsource = \"notice\"\noff = [\"2028-03-02\"]\n"...),
		Rules:    map[string][]byte{"vn-next.toml": []byte(next)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Adopt(published)
	after, official, err := r.Calendar().AddWorkingDays(day, 1)
	if err != nil || !official || after != "2028-03-03" {
		t.Fatalf("after: %s, %v, %v", after, official, err)
	}
	if active, err := r.Active(eid.CitizenLevel2, day); err != nil || active.ID != "vn-next" {
		t.Fatalf("active: %+v, %v", active, err)
	}
	if active, err := r.Active(eid.CitizenLevel2, "2026-11-24"); err != nil || active.ID == "vn-next" {
		t.Fatalf("active before its time: %v", err)
	}
}

func TestPublishedNonsenseIsRefused(t *testing.T) {
	for name, p := range map[string]Published{
		"calendar":   {Calendar: []byte("colour = 1")},
		"rules":      {Rules: map[string][]byte{"x.toml": []byte("id = 1")}},
		"an id less": {Rules: map[string][]byte{"x.toml": []byte(`title_en = "x"`)}},
	} {
		if _, err := LoadPublished(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
