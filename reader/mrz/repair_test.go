package mrz_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/mrz"
)

var (
	card = []string{"IDVNM1900000118099190000011<<4", "9001158F3001156VNM<<<<<<<<<<<6", "NGUYEN<<THI<ANH<TUYET<<<<<<<<<"}
	pass = []string{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"}
	// Specimens of Doc 9303-7 appendices A and B.
	visaA = []string{"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"}
	visaB = []string{"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"}
)

func TestVisas(t *testing.T) {
	for format, lines := range map[mrz.Format][]string{mrz.MRVA: visaA, mrz.MRVB: visaB} {
		d, err := mrz.Parse(lines, today)
		if err != nil || d.Format != format || d.Number != "L8988901C" || d.Birth != "1940-09-07" || d.Expiry != "1996-12-10" || d.Nationality != "XXX" || d.Name != "ERIKSSON<<ANNA<MARIA" {
			t.Errorf("%s: %+v %v", format, d, err)
		}
		wrong := []string{lines[0], strings.Replace(lines[1], "4009078", "4009079", 1)}
		if _, err := mrz.Parse(wrong, today); eid.CodeOf(err) != eid.CodeMRZCheck {
			t.Errorf("%s: %v", format, err)
		}
	}
	if d, _ := mrz.Parse(visaA, today); d.Optional != "6ZE184226B" {
		t.Error("optional data differ")
	}
}

// misread exchanges characters at 1-based line and column.
func misread(lines []string, changes ...mrz.Change) []string {
	out := slices.Clone(lines)
	for _, c := range changes {
		l := out[c.Line-1]
		if l[c.Column-1:c.Column] != c.To {
			panic("the test's zone has another character there")
		}
		out[c.Line-1] = l[:c.Column-1] + c.From + l[c.Column:]
	}
	return out
}

func TestRepairs(t *testing.T) {
	for _, c := range []struct {
		name    string
		right   []string
		changes []mrz.Change
		mends   []string
	}{
		{"O for 0 in the number", card, []mrz.Change{{1, 8, "O", "0"}}, []string{"document number", "composite"}},
		{"letters in dates", card, []mrz.Change{{2, 2, "O", "0"}, {2, 10, "O", "0"}}, []string{"birth date", "expiry date", "composite"}},
		{"letter as check digit", card, []mrz.Change{{1, 15, "B", "8"}}, []string{"document number", "composite"}},
		{"letter in the personal number", card, []mrz.Change{{1, 19, "I", "1"}}, []string{"composite", "personal number"}},
		{"8 for B in a passport", pass, []mrz.Change{{2, 37, "8", "B"}}, []string{"optional data", "composite"}},
		{"2 for Z in a passport", pass, []mrz.Change{{2, 29, "2", "Z"}}, []string{"optional data", "composite"}},
		{"two fields", pass, []mrz.Change{{2, 2, "B", "8"}, {2, 14, "7", "7"}, {2, 29, "2", "Z"}}, []string{"document number", "optional data"}},
		{"birth date of a visa", visaA, []mrz.Change{{2, 15, "O", "0"}}, []string{"birth date"}},
	} {
		read := misread(c.right, c.changes...)
		list := mrz.Repairs(read, today)
		found := slices.IndexFunc(list, func(r mrz.Repair) bool { return slices.Equal(r.Lines, c.right) })
		if found < 0 {
			t.Errorf("%s: not offered among %d", c.name, len(list))
			continue
		}
		r := list[found]
		if !r.Complete {
			t.Errorf("%s: not complete", c.name)
		}
		for _, field := range c.mends {
			if !slices.Contains(r.Mends, field) {
				t.Errorf("%s: mends %v", c.name, r.Mends)
			}
		}
		for _, change := range c.changes {
			if change.From != change.To && !slices.Contains(r.Changes, change) {
				t.Errorf("%s: changes %v", c.name, r.Changes)
			}
		}
	}
}

func TestNothingToRepair(t *testing.T) {
	for name, lines := range map[string][]string{
		"all is well":        card,
		"no zone":            {"A", "B"},
		"no look-alikes":     misread(card, mrz.Change{Line: 2, Column: 6, From: "6", To: "5"}),
		"not even its shape": {card[0][:29], card[1], card[2]},
	} {
		for _, r := range mrz.Repairs(lines, today) {
			if r.Complete {
				t.Errorf("%s: %v", name, r.Changes)
			}
		}
	}
}

func TestSharedDigits(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/vectors.json")
	if err != nil {
		t.Skip("shared test vectors are missing: ../../../shared/data/vectors.json")
	}
	var v struct {
		Bad []struct {
			Reason string
			MRZ    []string
			Checks map[string]bool
		} `json:"vn_td1_bad"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Bad) == 0 {
		t.Fatal(len(v.Bad), err)
	}
	field := map[string]string{"document number": "doc", "birth date": "dob", "expiry date": "doe", "composite": "comp"}
	for _, c := range v.Bad {
		digits, err := mrz.Digits(c.MRZ)
		if (err != nil) != (c.Checks == nil) {
			t.Errorf("%s: %v", c.Reason, err)
		}
		for _, d := range digits {
			if want, ok := c.Checks[field[d.Field]]; ok && want != d.OK {
				t.Errorf("%s: %s is %v", c.Reason, d.Field, d.OK)
			}
		}
	}
}

func FuzzRepairs(f *testing.F) {
	f.Add(strings.Join(misread(card, mrz.Change{Line: 1, Column: 8, From: "O", To: "0"}), "\n"))
	f.Add(strings.Join(misread(pass, mrz.Change{Line: 2, Column: 29, From: "2", To: "Z"}), "\n"))
	f.Add(strings.Join(visaB, "\n"))
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 256 {
			return
		}
		lines := strings.Split(s, "\n")
		list := mrz.Repairs(lines, today)
		if len(list) > 8 {
			t.Fatal("too many repairs")
		}
		for _, r := range list {
			_, err := mrz.Parse(r.Lines, today)
			if r.Complete != (err == nil) || len(r.Changes) == 0 || len(r.Mends) == 0 {
				t.Fatalf("repair %v: %v", r, err)
			}
		}
	})
}
