package names_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/names"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want names.Tier
	}{
		{"Lê Văn Ửng", "LE\u0302 VA\u0306N U\u031b\u0309NG", names.Exact},
		{"\u00D0ặng Hữu Đức", "Đặng  Hữu Đức", names.Exact},
		{"\u00F0ặng hữu Đức", "Đặng Hữu Đức", names.Exact},
		{"Nguyễn Hoà", "Nguyễn Hòa", names.Tone},
		{"Nguyễn Thuý", "Nguyễn Thúy", names.Tone},
		{"Nguyễn Lý", "Nguyễn Lí", names.Differs},
		{"Nguyễn Hoa", "Nguyễn Hòa", names.Zone},
		{"H\u2019Hen Niê", "H'Hen Niê", names.Exact},
		{"", "", names.Exact},
		{"阮", "陳", names.Differs},
	} {
		if got := names.Compare(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %s", c.a, c.b, got)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		printed, field string
		full, want     bool
	}{
		{"NGUYỄN VĂN AN", "NGUYEN<<VAN<AN", false, true},
		{"Y BHĂM ÊBAN", "EBAN<<Y<BHAM", false, true},
		{"NGUYỄN VĂN AN", "NGUYEN<<VAN<ANH", false, false},
		{"QUÁCH THỊ TRƯỜNG UYÊN PHƯƠNG THẢO NHI", "QUACH<<THI<TRUONG<UYEN<PHUONG", true, true},
		{"QUÁCH THỊ TRƯỜNG", "QUACH<<THI<TRUONG<UYEN<PHUONG", true, false},
		{"Jörg Müßig", "MUESSIG<<JOERG", false, true},
		{"Jörg Müßig", "MUSSIG<<JORG", false, true},
		{"Søren Łukasz", "LUKASZ<<SOEREN", false, true},
		{"SMITH<<JOHN", "SMITH<<JOHN", false, true},
		{"", "", false, false},
	} {
		if got := names.Fits(c.printed, c.field, c.full); got != c.want {
			t.Errorf("%q %q: %v", c.printed, c.field, got)
		}
	}
}

func TestMarked(t *testing.T) {
	for name, want := range map[string]bool{"Nguyễn Thị Ánh Tuyết": true, "Nguyen Thi Anh Tuyet": false, "NGO\u0302 Y": true, "Đan": true, "An": false} {
		if names.Marked(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestSharedVectors(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/vectors.json")
	if err != nil {
		t.Skip("shared test vectors are missing: ../../../shared/data/vectors.json")
	}
	var v struct {
		Names []struct {
			NFC, MRZ  string
			Line3     string `json:"td1_line3"`
			Truncated bool
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Names) == 0 {
		t.Fatal(len(v.Names), err)
	}
	for i, c := range v.Names {
		if strings.Join(names.Transliterate(c.NFC), "<") != strings.ReplaceAll(c.MRZ, "<<", "<") {
			t.Errorf("name %d: %s", i, names.Transliterate(c.NFC))
		}
		if !names.Fits(c.NFC, strings.TrimRight(c.Line3, "<"), c.Truncated) {
			t.Errorf("name %d does not fit its zone", i)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("Nguyễn Hoà", "Nguyễn Hòa")
	f.Add("Jörg Müßig", "MUESSIG<<JOERG")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 1024 {
			return
		}
		if names.Compare(a, b) != names.Compare(b, a) {
			t.Fatal("the order matters")
		}
		if names.Compare(a, a) != names.Exact {
			t.Fatal("a name is not itself")
		}
		for _, w := range names.Transliterate(a) {
			if strings.Trim(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
				t.Fatalf("%q is not of the zone's alphabet", w)
			}
		}
	})
}
