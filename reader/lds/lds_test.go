package lds

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

var today = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// object is tlv.Append for nesting.
func object(tag uint32, values ...[]byte) []byte {
	return tlv.Append(nil, tag, bytes.Join(values, nil))
}

func TestParseCOM(t *testing.T) {
	c, err := ParseCOM(unhex(t, "60185F0104303130375F36063034303030305C06 61756D6E6F6E"))
	if err != nil || !slices.Equal(c.Groups, []int{1, 2, 13, 14, 15}) || c.Version != "0107" || c.Unicode != "040000" {
		t.Error(c, err)
	}
	if c, err := ParseCOM(unhex(t, "60 0B 5F0104 4142FF00 5C02 61FF")); err != nil || !slices.Equal(c.Groups, []int{1}) || c.Version != "" {
		t.Error(c, err)
	}
	for _, bad := range []string{"", "6000", "61025C00", "60035C0561"} {
		if _, err := ParseCOM(unhex(t, bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestParseDG1(t *testing.T) {
	zone := "IDVNM1900000118099190000011<<49001158F3001156VNM<<<<<<<<<<<6NGUYEN<<THI<ANH<TUYET<<<<<<<<<"
	file := object(0x61, object(0x5F1F, []byte(zone)))
	d, err := ParseDG1(file, today)
	if err != nil || strings.Join(d.Lines, "") != zone || d.PersonalNumber != "099190000011" {
		t.Error(d.Format, err)
	}
	wrong := bytes.Replace(file, []byte("9001158"), []byte("9001159"), 1)
	if _, err := ParseDG1(wrong, today); eid.CodeOf(err) != eid.CodeMRZCheck {
		t.Error(err)
	}
	for name, b := range map[string][]byte{"empty": nil, "no zone": {0x61, 0}, "another group": object(0x6D), "odd size": object(0x61, object(0x5F1F, []byte("X")))} {
		if _, err := ParseDG1(b, today); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]eid.Date{
		"19900115": "1990-01-15", "\x19\x90\x01\x15": "1990-01-15", "19900000": "1990-00-00", "19901200": "1990-12-00",
		"19900231": "", "19901301": "", "1990": "", "19900015": "", "1990011": "", "ABCDEFGH": "", "": "",
	} {
		if got := date([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"Nguye\u0302\u0303n": "Nguyễn", "\x20a\x20": "a", "\xff": "", "a\nb": "", strings.Repeat("x", maxText+1): "", "": "",
	} {
		if got := text([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := parts([]byte("1 TEST STREET<TESTVILLE<<")); got != "1 TEST STREET, TESTVILLE" {
		t.Error(got)
	}
}

func TestParseDG11(t *testing.T) {
	file := object(0x6B, object(0x5C, unhex(t, "5F0EA05F2B5F115F425F12")),
		object(0x5F0E, []byte("SMITH<<JOHN")),
		object(0xA0, []byte{2, 1, 2}, object(0x5F0F, []byte("SMYTH<<JON")), object(0x5F0F, []byte("SCHMIDT<<HANS"))),
		object(0x5F2B, []byte("19740812")), object(0x5F11, []byte("ANYTOWN<UT")),
		object(0x5F42, []byte("123 MAPLE RD<ANYTOWN")), object(0x5F12, []byte("16125551212")),
		object(0x5F10, []byte("X1")), object(0x5F17, []byte("A<B")), object(0x5F15, []byte("summary")))
	p, err := ParseDG11(file)
	if err != nil || p.Name != "SMITH<<JOHN" || !slices.Equal(p.OtherNames, []string{"SMYTH<<JON", "SCHMIDT<<HANS"}) ||
		p.Birth != "1974-08-12" || p.PlaceOfBirth != "ANYTOWN, UT" || p.Address != "123 MAPLE RD, ANYTOWN" ||
		p.Telephone != "16125551212" || p.PersonalNumber != "X1" || p.OtherDocuments != "A, B" {
		t.Errorf("%+v %v", p, err)
	}
	for _, bad := range [][]byte{nil, object(0x6C), {0x6B, 0x02, 0x5F, 0x0E}} {
		if _, err := ParseDG11(bad); err == nil {
			t.Errorf("%X: no error", bad)
		}
	}
}

func TestParseDG12(t *testing.T) {
	file := object(0x6C, object(0x5C, unhex(t, "5F195F265F1D5F55")),
		object(0x5F19, []byte("UNITED STATES OF UTOPIA")), object(0x5F26, []byte("20020531")),
		object(0x5F1B, []byte("none")), object(0x5F1C, []byte("none either")),
		object(0x5F1D, jpeg), object(0x5F1E, []byte("no picture")), object(0x5F55, unhex(t, "20020531080000")))
	i, err := ParseDG12(file)
	if err != nil || i.Authority != "UNITED STATES OF UTOPIA" || i.Issued != "2002-05-31" || i.Personalised != "20020531080000" ||
		len(i.Front) != 1 || len(i.Rear) != 0 || i.Endorsements != "none" || i.Tax != "none either" {
		t.Errorf("%+v %v", i, err)
	}
	for _, bad := range [][]byte{nil, object(0x6B), {0x6C, 0x03, 0x5F, 0x19, 0x05}} {
		if _, err := ParseDG12(bad); err == nil {
			t.Errorf("%X: no error", bad)
		}
	}
}

func TestParseDG16(t *testing.T) {
	person := func(tag uint32, name string) []byte {
		return object(tag, object(0x5F50, []byte("20020101")), object(0x5F51, []byte(name)),
			object(0x5F52, []byte("551")), object(0x5F53, []byte("A<B")))
	}
	list, err := ParseDG16(object(0x70, []byte{2, 1, 2}, person(0xA1, "SMITH<<CHARLES"), person(0xA2, "BROWN<<MARY")))
	if err != nil || len(list) != 2 || list[0] != (Contact{"2002-01-01", "SMITH<<CHARLES", "551", "A, B"}) || list[1].Name != "BROWN<<MARY" {
		t.Errorf("%+v %v", list, err)
	}
	for _, bad := range [][]byte{nil, object(0x6B), object(0x70, object(0xA1, []byte{0x5F}))} {
		if _, err := ParseDG16(bad); err == nil {
			t.Errorf("%X: no error", bad)
		}
	}
}

func TestGroupTag(t *testing.T) {
	for n, want := range map[int]byte{0: 0, 1: 0x61, 2: 0x75, 16: 0x70, 17: 0, -1: 0} {
		if GroupTag(n) != want {
			t.Errorf("%d: %X", n, GroupTag(n))
		}
	}
}
