package qr_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/qr"
)

var today = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

const (
	card2021 = "099190000011|012345678|Nguyễn Thị Ánh Tuyết|15011990|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Thành phố Hà Nội|20072021"
	card2024 = "099190000011|012345678|Nguyễn Thị Ánh Tuyết|15011990|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Thành phố Hà Nội|20082024||Nguyễn Văn Mẫu|Trần Thị Mẫu|"
)

func TestParse(t *testing.T) {
	want := qr.Card{
		PersonalNumber: "099190000011", OldNumber: "012345678", Name: "Nguyễn Thị Ánh Tuyết", Birth: "1990-01-15", Sex: "F",
		Residence: "Số 1 Đường Mẫu, Phường Mẫu, Thành phố Hà Nội", Issued: "2021-07-20",
	}
	later := want
	later.Issued, later.More = "2024-08-20", 4
	short := qr.Card{PersonalNumber: "099204000022", Name: "Ngo An", Birth: "2004-02-29", Sex: "M", Residence: "Thôn Mẫu", Issued: "2024-03-01"}
	for name, c := range map[string]struct {
		text string
		want qr.Card
	}{
		"2021":                 {card2021, want},
		"2024":                 {card2024, later},
		"NFD":                  {norm.NFD.String(card2021), want},
		"mark, blanks and end": {"\uFEFF " + card2021 + "\r\n", want},
		"short name unmarked":  {"099204000022||Ngo An|29022004|nam|Thôn Mẫu|01032024", short},
		"eth for D with bar":   {strings.Replace(card2021, "Đường", "\u00D0ường", 1), want},
	} {
		got, err := qr.Parse(c.text, today)
		if err != nil || got != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	edit := func(old, with string) string { return strings.Replace(card2021, old, with, 1) }
	for name, c := range map[string]struct {
		text string
		want qr.Problem
	}{
		"web address":      {"https://vneid.gov.vn/x", qr.NotACard},
		"six fields":       {edit("012345678|", ""), qr.NotACard},
		"control":          {edit("Mẫu", "M\x00u"), qr.NotACard},
		"empty":            {"", qr.NotACard},
		"31 February":      {edit("15011990", "31021990"), qr.WrongBirth},
		"born tomorrow":    {edit("15011990", "25112026"), qr.WrongBirth},
		"sex":              {edit("Nữ", "Nu"), qr.WrongSex},
		"letter in number": {edit("099190000011", "099190O00011"), qr.WrongNumber},
		"eleven digits":    {edit("099190000011", "09919000001"), qr.WrongNumber},
		"all zero":         {edit("099190000011", "000000000000"), qr.WrongNumber},
		"old number":       {edit("012345678", "01234567"), qr.WrongOld},
		"no name":          {edit("Nguyễn Thị Ánh Tuyết", " "), qr.WrongName},
		"digits in name":   {edit("Tuyết", "Tuyết 2"), qr.WrongName},
		"marks dropped":    {edit("Nguyễn Thị Ánh Tuyết", "Nguyen Thi Anh Tuyet"), qr.MarksLost},
		"all marks gone":   {"099204000022||Ngo An|29022004|Nam|Thon Mau|01032024", qr.MarksLost},
		"before birth":     {edit("20072021", "20071989"), qr.WrongIssue},
		"issued tomorrow":  {edit("20072021", "25112026"), qr.WrongIssue},
		"not UTF-8":        {edit("Nữ", "N\xf5"), qr.WrongEncoding},
		"too long":         {card2021 + strings.Repeat("|", 3000), qr.TooLong},
	} {
		_, err := qr.Parse(c.text, today)
		problem, ok := errors.AsType[qr.Problem](err)
		if !ok || problem != c.want || eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "Tuy") {
			t.Errorf("%s: the error tells the name", name)
		}
	}
}

func TestSharedVectors(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/vectors.json")
	if err != nil {
		t.Skip("shared test vectors are missing: ../../../shared/data/vectors.json")
	}
	var v struct {
		QR struct {
			A   []string    `json:"cccd_2021"`
			B   []string    `json:"cc_2024_shape_to_confirm"`
			Bad [][2]string `json:"bad"`
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(v.QR.A) == 0 {
		t.Fatal(len(v.QR.A), err)
	}
	for i, s := range append(v.QR.A, v.QR.B...) {
		if _, err := qr.Parse(s, today); err != nil {
			t.Errorf("code %d: %v", i, err)
		}
	}
	for _, c := range v.QR.Bad {
		text, reason := c[0], c[1]
		good := strings.HasPrefix(reason, "NFD") // listed as a trap, to be accepted
		if good {
			text = norm.NFD.String(text)
		}
		if _, err := qr.Parse(text, today); (err == nil) != good {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(card2021)
	f.Add(card2024)
	f.Add(norm.NFD.String(card2021))
	f.Add("https://vneid.gov.vn/x")
	f.Add("099204000022||Ngo An|29022004|Nam|Thon Mau|01032024")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := qr.Parse(s, today)
		if err != nil {
			return
		}
		if len(c.PersonalNumber) != 12 || c.Sex != "M" && c.Sex != "F" || len(c.Birth) != 10 || len(c.Issued) != 10 ||
			!utf8.ValidString(c.Name+c.Residence) || !norm.NFC.IsNormalString(c.Name) {
			t.Fatal("an impossible card was accepted")
		}
	})
}
