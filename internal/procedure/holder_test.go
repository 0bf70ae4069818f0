package procedure

import (
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestAgeOn(t *testing.T) {
	for _, c := range []struct {
		leap       string
		birth, day eid.Date
		age        int
	}{
		{"03-01", "1990-01-15", "2026-01-14", 35},
		{"03-01", "1990-01-15", "2026-01-15", 36},
		{"03-01", "2020-02-29", "2026-02-28", 5},
		{"03-01", "2020-02-29", "2026-03-01", 6},
		{"02-28", "2020-02-29", "2026-02-28", 6},
		{"03-01", "2020-02-29", "2028-02-28", 7},
		{"03-01", "2020-02-29", "2028-02-29", 8},
		{"03-01", "2020-00-00", "2026-12-30", 5}, // the youngest that it may be
		{"03-01", "2020-00-00", "2026-12-31", 6},
		{"03-01", "2020-02-00", "2026-02-28", 5}, // perhaps the 29th
	} {
		got, err := AgeRule{LeapBirthday: c.leap}.AgeOn(c.birth, c.day)
		if err != nil || got != c.age {
			t.Errorf("born %s, on %s (leap %s): got %d, %v; want %d", c.birth, c.day, c.leap, got, err, c.age)
		}
	}
	for _, birth := range []eid.Date{"", "1990", "1990-02-30", "1990-13-01", "0000-01-01", "199a-01-01", "1990/01/01", "-990-01-01"} {
		if _, err := (AgeRule{}).AgeOn(birth, "2026-01-01"); err == nil {
			t.Errorf("%q passed as a birth date", birth)
		}
	}
}

func TestCheckHolder(t *testing.T) {
	const day = "2026-06-01"
	const adult = "099190000011"
	citizen := func(birth, expiry eid.Date, pin eid.Private) eid.Holder {
		return eid.Holder{Birth: birth, Expiry: expiry, Sex: "F", PersonalNumber: pin}
	}
	foreigner := func(birth, expiry eid.Date) eid.Holder { return eid.Holder{Birth: birth, Expiry: expiry} }
	for _, c := range []struct {
		name     string
		kind     eid.ProcedureKind
		holder   eid.Holder
		code     eid.Code
		guardian bool
		expired  bool
		warnings string
	}{
		{"adult", eid.CitizenLevel2, citizen("1990-01-15", "2030-01-15", adult), "", false, false, ""},
		{"no expiry", eid.CitizenLevel2, citizen("1990-01-15", "", adult), "", false, false, ""},
		{"expires today", eid.CitizenLevel2, citizen("1990-01-15", day, adult), "", false, false, ""},
		{"expired", eid.CitizenLevel2, citizen("1990-01-15", "2026-05-31", adult), "", false, true, "W-CARD-EXPIRED"},
		{"minor", eid.CitizenLevel2, citizen("2015-06-01", "2029-06-01", "099315000044"), "", true, false, ""},
		{"14 today", eid.CitizenLevel2, citizen("2012-06-01", "2029-06-01", "099312000044"), "", false, false, ""},
		{"13", eid.CitizenLevel2, citizen("2012-06-02", "2029-06-01", "099312000044"), "", true, false, ""},
		{"6 today", eid.CitizenLevel2, citizen("2020-06-01", "2029-06-01", "099320000044"), "", true, false, ""},
		{"5", eid.CitizenLevel2, citizen("2020-06-02", "2029-06-01", "099320000044"), eid.CodeAgeUnder6, false, false, ""},
		{"future", eid.CitizenLevel2, citizen("2026-06-02", "2029-06-01", adult), eid.CodeBirthDate, false, false, ""},
		{"121", eid.CitizenLevel2, citizen("1905-05-31", "", adult), eid.CodeBirthDate, false, false, ""},
		{"no birth", eid.CitizenLevel2, citizen("", "", adult), eid.CodeBirthDate, false, false, ""},
		{"bad number", eid.CitizenLevel2, citizen("1990-01-15", "", "09919000001"), eid.CodePINFormat, false, false, ""},
		{"number does not fit", eid.CitizenLevel2, citizen("1991-01-15", "", adult), "", false, false, "W-PIN-STRUCT"},
		{"foreigner", eid.ForeignerLevel2, foreigner("1985-08-25", "2033-03-01"), "", false, false, ""},
		{"passport expired", eid.ForeignerLevel2, foreigner("1985-08-25", "2026-05-31"), eid.CodePassportExpired, false, false, ""},
		{"foreign child of 5", eid.ForeignerLevel2, foreigner("2020-06-02", "2033-03-01"), eid.CodeAgeUnder6, false, false, ""},
		{"bad expiry", eid.ForeignerLevel2, foreigner("1985-08-25", "2033"), eid.CodeInput, false, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := rules(t, c.kind).CheckHolder(c.holder, day)
			wantCode(t, err, c.code)
			if err != nil {
				return
			}
			var warnings []string
			for _, w := range f.Warnings {
				warnings = append(warnings, string(w))
			}
			if f.NeedsGuardian != c.guardian || f.CardExpired != c.expired || strings.Join(warnings, " ") != c.warnings {
				t.Errorf("got %+v, want guardian %v, expired %v, warnings %q", f, c.guardian, c.expired, c.warnings)
			}
		})
	}
}

func TestPersonalNumber(t *testing.T) {
	for _, pin := range []string{"099190000011", "099090000028", "099204000022", "099304000039", "099215000044"} {
		wantCode(t, CheckPIN(pin), "")
	}
	for _, pin := range []string{"09919000001", "0991900000111", "099190O00011", "", "012345678", "０９９１９０００００１１", "099 190 000 011", "000000000000"} {
		wantCode(t, CheckPIN(pin), eid.CodePINFormat)
	}
	for _, pin := range []string{"０９９１９０００００１１", "099 190 000 011"} {
		if got := NormalisePIN(pin); got != "099190000011" {
			t.Errorf("normalised to %q", got)
		}
	}
	r := rules(t, eid.CitizenLevel2)
	for _, c := range []struct {
		pin   string
		birth eid.Date
		sex   string
		want  string
	}{
		{"099190000011", "1990-01-15", "F", ""},
		{"099204000022", "2004-02-29", "M", ""},
		{"101304000022", "2004-02-29", "F", ""}, // born abroad
		{"099190000011", "1990-01-15", "X", ""},
		{"099490000011", "1990-01-15", "M", "century_sex"},
		{"099190000011", "1990-01-15", "M", "century_sex"},
		{"099190000011", "1991-01-15", "F", "year"},
		{"003190000011", "1990-01-15", "F", "province"},
	} {
		if got := strings.Join(r.PINDoubts(c.pin, c.birth, c.sex), " "); got != c.want {
			t.Errorf("%s, %s, %s: got %q, want %q", c.pin, c.birth, c.sex, got, c.want)
		}
	}
}

func FuzzPersonalData(f *testing.F) {
	f.Add("099190000011", "1990-01-15", "+84912345678")
	f.Add("０９９", "2000-02-29", "091 234 5678")
	f.Add("", "0000-00-00", "")
	r := rules(f, eid.CitizenLevel2)
	f.Fuzz(func(t *testing.T, pin, birth, phone string) {
		if n := NormalisePIN(pin); CheckPIN(n) == nil {
			r.PINDoubts(n, eid.Date(birth), "M")
		}
		if age, err := r.Age.AgeOn(eid.Date(birth), "2026-06-01"); err == nil && age > 2026 {
			t.Errorf("age %d from %q", age, birth)
		}
		if n, err := NormalisePhone(phone); err == nil {
			if again, err := NormalisePhone(n); err != nil || again != n {
				t.Errorf("normal form of %q is not stable", phone)
			}
		}
	})
}
