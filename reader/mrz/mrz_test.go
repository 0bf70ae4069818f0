package mrz_test

import (
	"crypto/sha1"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/names"
)

var today = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  mrz.Document
		info  string
	}{
		{"TD3 specimen, Doc 9303-4 appendix A", []string{
			"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
			"L898902C36UTO7408122F1204159ZE184226B<<<<<10",
		}, mrz.Document{Format: mrz.TD3, Code: "P", Issuer: "UTO", Number: "L898902C3", Optional: "ZE184226B", Name: "ERIKSSON<<ANNA<MARIA", Birth: "1974-08-12", Sex: "F", Expiry: "2012-04-15", Nationality: "UTO"}, "L898902C3674081221204159"},
		{"TD1 specimen, Doc 9303-5 appendix A", []string{
			"I<UTOD231458907<<<<<<<<<<<<<<<",
			"7408122F1204159UTO<<<<<<<<<<<6",
			"ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
		}, mrz.Document{Format: mrz.TD1, Code: "I", Issuer: "UTO", Number: "D23145890", Name: "ERIKSSON<<ANNA<MARIA", Birth: "1974-08-12", Sex: "F", Expiry: "2012-04-15", Nationality: "UTO"}, "D23145890774081221204159"},
		{"TD2 specimen, Doc 9303-6 appendix A", []string{
			"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
			"D231458907UTO7408122F1204159<<<<<<<6",
		}, mrz.Document{Format: mrz.TD2, Code: "I", Issuer: "UTO", Number: "D23145890", Name: "ERIKSSON<<ANNA<MARIA", Birth: "1974-08-12", Sex: "F", Expiry: "2012-04-15", Nationality: "UTO"}, "D23145890774081221204159"},
		{"TD2 long number, Doc 9303-11 appendix D.2", []string{
			"I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<",
			"D23145890<UTO3407127M95071227349<<<8",
		}, mrz.Document{Format: mrz.TD2, Code: "I", Issuer: "UTO", Number: "D23145890734", Name: "STEVENSON<<PETER<JOHN", Birth: "1934-07-12", Sex: "M", Expiry: "1995-07-12", Nationality: "UTO"}, "D23145890734934071279507122"},
		{"Vietnamese card without end", []string{
			"IDVNM0600000330099060000033<<6",
			"6001010M9912315VNM<<<<<<<<<<<8",
			"LE<<VAN<UNG<<<<<<<<<<<<<<<<<<<",
		}, mrz.Document{Format: mrz.TD1, Code: "ID", Issuer: "VNM", Number: "060000033", PersonalNumber: "099060000033", Optional: "099060000033", Name: "LE<<VAN<UNG", Birth: "1960-01-01", Sex: "M", Expiry: "", Nationality: "VNM"}, "060000033060010109912315"},
	} {
		d, err := mrz.Parse(c.lines, today)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if strings.Join(d.Lines, "") != strings.Join(c.lines, "") {
			t.Errorf("%s: lines changed", c.name)
		}
		if got := d.Key().Information(); got != c.info {
			t.Errorf("%s: key information %s", c.name, got)
		}
		if d.Lines = nil; d.Number != c.want.Number || d.Format != c.want.Format || d.Birth != c.want.Birth || d.Expiry != c.want.Expiry ||
			d.Name != c.want.Name || d.Issuer != c.want.Issuer || d.Optional != c.want.Optional || d.PersonalNumber != c.want.PersonalNumber ||
			d.Sex != c.want.Sex || d.Code != c.want.Code || d.Nationality != c.want.Nationality {
			t.Errorf("%s: got %+v", c.name, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	td1 := []string{"IDVNM1900000118099190000011<<4", "9001158F3001156VNM<<<<<<<<<<<6", "NGUYEN<<THI<ANH<TUYET<<<<<<<<<"}
	td3 := []string{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"}
	edit := func(lines []string, line int, text string) []string {
		out := append([]string(nil), lines...)
		out[line] = text
		return out
	}
	for _, c := range []struct {
		name  string
		lines []string
		field string
	}{
		{"no lines", nil, "number or length of lines"},
		{"29 characters", edit(td1, 0, "IDVNM1900000118099190000011<<"), "number or length of lines"},
		{"short last line", edit(td1, 2, "NGUYEN"), "length of line"},
		{"lower case", edit(td1, 2, "nGUYEN<<THI<ANH<TUYET<<<<<<<<<"), "character"},
		{"number digit", edit(td1, 0, "IDVNM1900000119099190000011<<4"), "check digit of document number"},
		{"letter O for 0", edit(td1, 0, "IDVNM19O0000118099190000011<<4"), "check digit of document number"},
		{"birth misread", edit(td1, 1, "9001168F3001156VNM<<<<<<<<<<<6"), "check digit of birth date"},
		{"expiry misread", edit(td1, 1, "9001158F3001166VNM<<<<<<<<<<<6"), "check digit of expiry date"},
		{"composite", edit(td1, 1, "9001158F3001156VNM<<<<<<<<<<<7"), "composite check digit"},
		{"forged number", []string{"IDVNM1900000129099190000011<<4", "9001158F3001156VNM<<<<<<<<<<<4", td1[2]}, "document number does not fit the personal number"},
		{"TD3 optional data", edit(td3, 1, "L898902C36UTO7408122F1204159ZE184226C<<<<<10"), "check digit of optional data"},
	} {
		_, err := mrz.Parse(c.lines, today)
		ce, ok := errors.AsType[*mrz.CheckError](err)
		if !ok || ce.Field != c.field || eid.CodeOf(err) != eid.CodeMRZCheck {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Every single wrong digit in a checked field must be found: weights 7, 3, 1
// guarantee it for digits.
func TestEverySingleDigitErrorIsFound(t *testing.T) {
	lines := []string{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"}
	for i, c := range []byte(lines[1]) {
		if c < '0' || c > '9' {
			continue
		}
		for d := byte('0'); d <= '9'; d++ {
			if d == c {
				continue
			}
			bad := []byte(lines[1])
			bad[i] = d
			if _, err := mrz.Parse([]string{lines[0], string(bad)}, today); err == nil {
				t.Errorf("position %d: %c for %c was accepted", i+1, d, c)
			}
		}
	}
}

func TestBirthCentury(t *testing.T) {
	// 099 0 20 000012: born 1920, not 2020.
	lines := td1("099020000012", "200101", "M", "991231", "TRAN<<A")
	d, err := mrz.Parse(lines, today)
	if err != nil || d.Birth != "1920-01-01" {
		t.Fatalf("%s %v", d.Birth, err)
	}
	if d, err = mrz.Parse(td1("099220000012", "200101", "M", "451231", "TRAN<<A"), today); err != nil || d.Birth != "2020-01-01" {
		t.Fatalf("%s %v", d.Birth, err)
	}
}

// td1 builds a Vietnamese card's zone.
func td1(pin, birth, sex, expiry, name string) []string {
	pad := func(s string, n int) string { return s + strings.Repeat("<", n-len(s)) }
	cd := func(s string) string { return s + string(mrz.CheckDigit(s)) }
	a := "IDVNM" + cd(pin[3:]) + cd(pin+"<<")
	b := cd(birth) + sex + cd(expiry) + "VNM<<<<<<<<<<<"
	return []string{a, b + string(mrz.CheckDigit(a[5:]+b[:7]+b[8:15]+b[18:])), pad(name, 30)}
}

func TestKeyOf(t *testing.T) {
	for _, c := range []struct {
		name string
		key  eid.AccessKey
		want string
		code eid.Code
	}{
		{name: "personal number", key: eid.AccessKey{Number: "099190000011", Birth: "1990-01-15", Expiry: "2030-01-15"}, want: "190000011890011583001156"},
		{name: "unlimited", key: eid.AccessKey{Number: "060000033", Birth: "1960-01-01"}, want: "060000033060010109912315"},
		{name: "short number", key: eid.AccessKey{Number: "l898902c", Birth: "1969-08-06", Expiry: "1994-06-23"}, want: "L898902C<369080619406236"},
		{name: "lines", key: eid.AccessKey{MRZ: []eid.Private{"IDVNM1900000118099190000011<<4", "9001158F3001156VNM<<<<<<<<<<<6", "NGUYEN<<THI<ANH<TUYET<<<<<<<<<"}}, want: "190000011890011583001156"},
		{name: "wrong lines", key: eid.AccessKey{MRZ: []eid.Private{"X"}}, code: eid.CodeMRZCheck},
		{name: "no number", key: eid.AccessKey{Birth: "1990-01-15"}, code: eid.CodeInput},
		{name: "odd number", key: eid.AccessKey{Number: "12 34", Birth: "1990-01-15"}, code: eid.CodeInput},
		{name: "odd birth", key: eid.AccessKey{Number: "1", Birth: "15/01/1990"}, code: eid.CodeInput},
		{name: "odd expiry", key: eid.AccessKey{Number: "1", Birth: "1990-01-15", Expiry: "x"}, code: eid.CodeInput},
	} {
		k, err := mrz.KeyOf(c.key, today)
		if c.code != "" {
			if eid.CodeOf(err) != c.code {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || k.Information() != c.want {
			t.Errorf("%s: %s %v", c.name, k.Information(), err)
		}
	}
}

// The project's shared vectors, where this machine has them.
func TestSharedVectors(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/vectors.json")
	if err != nil {
		t.Skip("shared vectors are not on this machine")
	}
	var v struct {
		VN []struct {
			PIN, Name string
			MRZ       []string
			Info      string `json:"bac_info"`
			Seed      string `json:"bac_kseed"`
		} `json:"vn_td1"`
		Bad []struct {
			Reason string
			MRZ    []string
		} `json:"vn_td1_bad"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for i, c := range v.VN {
		d, err := mrz.Parse(c.MRZ, today)
		if err != nil {
			t.Errorf("card %d: %v", i, err)
			continue
		}
		seed := sha1.Sum([]byte(d.Key().Information()))
		if d.PersonalNumber != c.PIN || d.Key().Information() != c.Info || !strings.EqualFold(c.Seed, hexOf(seed[:16])) {
			t.Errorf("card %d: key differs", i)
		}
		if !names.Fits(c.Name, d.Name, d.NameFull) {
			t.Errorf("card %d: name does not fit", i)
		}
	}
	for _, c := range v.Bad {
		d, err := mrz.Parse(c.MRZ, today)
		if strings.HasPrefix(c.Reason, "issuing state") {
			// All digits are right: it is a document of another state.
			if err != nil || d.Issuer == mrz.Vietnam || d.PersonalNumber != "" {
				t.Errorf("%s: %v", c.Reason, err)
			}
		} else if err == nil {
			t.Errorf("%s: accepted", c.Reason)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s []byte
	for _, x := range b {
		s = append(s, digits[x>>4], digits[x&15])
	}
	return string(s)
}

func FuzzParse(f *testing.F) {
	f.Add("IDVNM1900000118099190000011<<4\n9001158F3001156VNM<<<<<<<<<<<6\nNGUYEN<<THI<ANH<TUYET<<<<<<<<<")
	f.Add("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10")
	f.Add("I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1024 {
			return
		}
		lines := strings.Split(s, "\n")
		d, err := mrz.Parse(lines, today)
		if err != nil {
			return
		}
		if k := d.Key().Information(); len(k) < 24 || strings.Join(d.Lines, "\n") != s {
			t.Fatalf("key of %d characters, or the lines changed", len(k))
		}
	})
}
