package procedure

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/enrold/enrold/internal/eid"
)

func rules(t testing.TB, kind eid.ProcedureKind) *Rules {
	t.Helper()
	reg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := reg.Active(kind, "2026-06-01")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, err error, code eid.Code) {
	t.Helper()
	switch {
	case code == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case code != "" && (err == nil || eid.CodeOf(err) != code):
		t.Errorf("got error %v, want %s", err, code)
	}
}

func TestActiveRuleSet(t *testing.T) {
	reg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind eid.ProcedureKind
		day  eid.Date
		id   string
	}{
		{eid.CitizenLevel2, "2024-06-30", ""},
		{eid.CitizenLevel2, "2024-07-01", "vn-69-2024"},
		{eid.ForeignerLevel2, "2026-09-27", "vn-69-2024"},
		{eid.ForeignerLevel2, "2026-09-28", "vn-69-2024"}, // vn-320-2026 is a disabled template
		{"driver", "2026-06-01", ""},
	} {
		r, err := reg.Active(c.kind, c.day)
		if c.id == "" {
			wantCode(t, err, eid.CodeInput)
			continue
		}
		if err != nil || r.ID != c.id || r.Kind != c.kind {
			t.Errorf("%s on %s: got %+v, %v", c.kind, c.day, r, err)
		}
	}
	sets := reg.RuleSets()
	if len(sets) != 2 || sets[0].ID != "vn-320-2026" || sets[0].Enabled || len(sets[0].Unknown) == 0 {
		t.Errorf("the template of decree 320/2026 must be there, disabled, and say what is unknown: %+v", sets)
	}
	if _, err := reg.Rules("vn-69-2024", eid.CitizenLevel2); err != nil {
		t.Error(err)
	}
	if _, err := reg.Rules("vn-320-2026", eid.CitizenLevel2); err == nil {
		t.Error("found rules in an empty template")
	}
}

// TestLoadIsStrict changes one thing in the real file at a time.
func TestLoadIsStrict(t *testing.T) {
	original, err := fs.ReadFile(files, "rules/vn-69-2024.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "leap_birthday", "leap_day", "unknown key"},
		{"no article", `article = "Nghị định 69/2024/NĐ-CP, Điều 7 khoản 1"`, `article = ""`, "no legal article"},
		{"ages", "guardian_below = 14", "guardian_below = 5", "not in order"},
		{"doubled finger", "positions = [2, 7]", "positions = [2, 2]", "doubled"},
		{"single impression", "impressions = 2", "impressions = 1", "impressions"},
		{"consent text", `language = "en"`, `language = "fr"`, "consent text"},
		{"deadline", `case = "card_expired"`, `case = "other"`, "no deadline"},
		{"enabled while unknown", "unknown = []", `unknown = ["x"]`, "cannot be enabled"},
		{"effective", `effective_from = "2024-07-01"`, `effective_from = "2024-07-32"`, "effective_from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(string(original), c.old) {
				t.Fatalf("the file holds no %q", c.old)
			}
			fsys := fstest.MapFS{"rules/x.toml": {Data: []byte(strings.Replace(string(original), c.old, c.new, 1))}}
			for _, name := range []string{"data/vn.toml", "data/personal_number.toml"} {
				data, err := fs.ReadFile(files, name)
				if err != nil {
					t.Fatal(err)
				}
				fsys[name] = &fstest.MapFile{Data: data}
			}
			if _, err := load(fsys); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestCheckDesk(t *testing.T) {
	wantCode(t, rules(t, eid.CitizenLevel2).CheckDesk("commune_police"), "")
	wantCode(t, rules(t, eid.ForeignerLevel2).CheckDesk("immigration"), "")
	wantCode(t, rules(t, eid.ForeignerLevel2).CheckDesk("commune_police"), eid.CodeWrongDesk)
}

func TestCheckDocument(t *testing.T) {
	citizen, foreigner := rules(t, eid.CitizenLevel2), rules(t, eid.ForeignerLevel2)
	wantCode(t, citizen.CheckDocument(eid.DocumentCCCD, "VNM"), "")
	wantCode(t, citizen.CheckDocument(eid.DocumentCC, "VNM"), "")
	wantCode(t, citizen.CheckDocument(eid.DocumentPassport, "VNM"), eid.CodeDocumentKind)
	wantCode(t, citizen.CheckDocument(eid.DocumentCCCD, "UTO"), eid.CodeDocumentKind)
	wantCode(t, foreigner.CheckDocument(eid.DocumentPassport, "UTO"), "")
	wantCode(t, foreigner.CheckDocument(eid.DocumentPassport, "VNM"), eid.CodeDocumentKind)
}
