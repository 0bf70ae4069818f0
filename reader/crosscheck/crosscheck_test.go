package crosscheck_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/crosscheck"
)

// short writes comparisons as "field:result/tier".
func short(list []eid.Comparison) []string {
	var out []string
	for _, c := range list {
		s := c.Field + ":" + string(c.Result)
		if c.Tier != "" {
			s += "/" + c.Tier
		}
		out = append(out, s)
	}
	return out
}

func TestCompare(t *testing.T) {
	type facts = crosscheck.Facts
	dg1 := facts{Source: eid.SourceDG1, PersonalNumber: "099190000011", DocumentNumber: "190000011", Zone: "NGUYEN<<THI<ANH<TUYET", Birth: "1990-01-15", Expiry: "2030-01-15", Sex: "F"}
	dg13 := facts{Source: eid.SourceDG13, PersonalNumber: "099190000011", Name: "Nguyễn Thị Ánh Tuyết", Birth: "1990-01-15", Expiry: "2030-01-15", Sex: "F", Issued: "2021-07-20", Residence: "Số 1 , Hà  Nội"}
	for _, c := range []struct {
		name string
		a, b facts
		want []string
	}{
		{"chip's own files", dg1, dg13, []string{"personal_number:ok", "name:ok/zone", "birth:ok", "expiry:ok", "sex:ok"}},
		{"nothing in common", facts{Source: eid.SourceQR}, dg13, nil},
		{
			"another person's DG13", dg1,
			facts{Source: eid.SourceDG13, PersonalNumber: "099190000028", Name: "Trần Văn B", Birth: "1991-01-15", Expiry: crosscheck.Unlimited, Sex: "M"},
			[]string{"personal_number:mismatch", "name:mismatch/differs", "birth:mismatch", "expiry:info", "sex:info"},
		},
		{
			"code", dg13,
			facts{Source: eid.SourceQR, Name: "NGUYỄN THỊ ÁNH TUYẾT", Birth: "1990-01-15", Issued: "2021-07-21", Residence: "số 1, hà nội"},
			[]string{"name:ok/exact", "birth:ok", "issued:info", "residence:ok"},
		},
		{"tone in another place", facts{Source: eid.SourceDG13, Name: "Nguyễn Hoà"}, facts{Source: eid.SourceQR, Name: "Nguyễn Hòa"}, []string{"name:info/tone"}},
		{"marks lost in the code", dg13, facts{Source: eid.SourceQR, Name: "Nguyen Thi Anh Tuyet"}, []string{"name:mismatch/zone"}},
		{"typed without marks", dg13, facts{Source: eid.SourceTyped, Name: "NGUYEN THI ANH TUYET"}, []string{"name:info/zone"}},
		{"typed with other marks", dg13, facts{Source: eid.SourceTyped, Name: "Nguyễn Thị Anh Tuyết"}, []string{"name:mismatch/zone"}},
		{"another name on DG11", facts{Source: eid.SourceDG1, Zone: "SMITH<<JOHN"}, facts{Source: eid.SourceDG11, Name: "SMITH<<JOHN<PAUL"}, []string{"name:info/differs"}},
		{"DG11 of another script", facts{Source: eid.SourceDG1, Zone: "NGUYEN<<AN"}, facts{Source: eid.SourceDG11, Name: "阮安"}, nil},
		{"unknown day", facts{Birth: "1990-00-00"}, facts{Birth: "1990-01-15"}, []string{"birth:ok"}},
		{"unknown day of another year", facts{Birth: "1991-00-00"}, facts{Birth: "1990-01-15"}, []string{"birth:mismatch"}},
		{
			"access key",
			facts{DocumentNumber: "190000011", Birth: "900115", Expiry: "300115"},
			facts{DocumentNumber: "190000011", Birth: "900116", Expiry: "300115"},
			[]string{"document_number:ok", "birth:mismatch", "expiry:ok"},
		},
		{"zones", facts{Lines: "A", Zone: "X<<Y"}, facts{Lines: "B", Zone: "X<<Y"}, []string{"name:ok", "machine_readable_zone:mismatch"}},
	} {
		if got := short(crosscheck.Compare(c.a, c.b)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := short(crosscheck.Compare(c.b, c.a)); !slices.Equal(got, c.want) {
			t.Errorf("%s, the other way: %v", c.name, got)
		}
	}
}

func TestAllSkipsNothing(t *testing.T) {
	var facts []crosscheck.Facts
	for i := range 4 {
		facts = append(facts, crosscheck.Facts{Source: eid.Source(fmt.Sprint(i)), Sex: "M"})
	}
	if n := len(crosscheck.All(facts)); n != 6 {
		t.Errorf("%d comparisons of 4 sources", n)
	}
}
