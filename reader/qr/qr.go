// Package qr reads the code on Vietnamese identity cards, of 2021 and of 2024
// (requirements §3.5). The code is not signed: it helps the officer to type and
// is compared with the chip; it is never evidence.
package qr

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/names"
)

// Card is what the code says of the card's holder. Text is NFC.
type Card struct {
	PersonalNumber string // twelve digits
	OldNumber      string // nine digits, or ""
	Name           string
	Birth          eid.Date
	Sex            string // M, F
	Residence      string
	Issued         eid.Date
	// More counts the fields after the seventh: none on cards of 2021. What the
	// cards of 2024 put there is not published, so it is not kept.
	More int
}

// Problem says why text is not a card's code. It carries no content.
type Problem string

const (
	NotACard      Problem = "not a card's code"    // a web address, a product, another layout
	WrongNumber   Problem = "personal number"      //
	WrongOld      Problem = "old number"           // not nine digits
	WrongName     Problem = "name"                 // empty or of impossible characters
	MarksLost     Problem = "name without marks"   // a scanner that types keys has dropped them: scan again
	WrongBirth    Problem = "date of birth"        // no such day, or to come
	WrongSex      Problem = "sex"                  // neither Nam nor Nữ
	WrongIssue    Problem = "date of issue"        // no such day, or before birth
	WrongEncoding Problem = "text is no UTF-8"     //
	TooLong       Problem = "longer than any card" //
)

func (p Problem) Error() string { return string(p) }

// maxText bounds the code: a QR code holds at most 2953 bytes.
const maxText = 2953

// fields of the layout of 2021; that of 2024 is believed to begin with them.
const fields = 7

// Parse reads the scanned text. A trailing line end, a byte order mark and
// blanks at its ends are the scanner's and pass. Every error is an *eid.Error
// with eid.CodeInput whose cause is a Problem.
func Parse(text string, today time.Time) (Card, error) {
	c, err := parse(text, today)
	if err != nil {
		return Card{}, eid.Fail(eid.CodeInput, "read card's code", err)
	}
	return c, nil
}

func parse(text string, today time.Time) (Card, error) {
	switch {
	case len(text) > maxText:
		return Card{}, TooLong
	case !utf8.ValidString(text):
		return Card{}, WrongEncoding
	}
	text = norm.NFC.String(strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF")))
	f := strings.Split(text, "|")
	if len(f) < fields || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F || r == utf8.RuneError }) {
		return Card{}, NotACard
	}
	for i := range f {
		f[i] = strings.ReplaceAll(strings.TrimSpace(f[i]), "\u00D0", "Đ")
	}
	c := Card{PersonalNumber: f[0], OldNumber: f[1], Name: f[2], Residence: f[5], More: len(f) - fields}
	c.Sex = map[string]string{"NAM": "M", "NỮ": "F"}[strings.ToUpper(f[4])]
	c.Birth, c.Issued = date(f[3]), date(f[6])
	return c, c.check(eid.Date(today.Format(time.DateOnly)))
}

func (c Card) check(today eid.Date) error {
	switch {
	case !mrz.IsPersonalNumber(c.PersonalNumber) || strings.Trim(c.PersonalNumber, c.PersonalNumber[:1]) == "":
		return WrongNumber
	case c.OldNumber != "" && (len(c.OldNumber) != 9 || strings.Trim(c.OldNumber, "0123456789") != ""):
		return WrongOld
	case len(names.Transliterate(c.Name)) == 0 || strings.ContainsAny(c.Name, "0123456789"):
		return WrongName
	case c.Birth == "" || c.Birth > today:
		return WrongBirth
	case c.Sex == "":
		return WrongSex
	case c.Issued == "" || c.Issued < c.Birth || c.Issued > today:
		return WrongIssue
	// Two words or less may truly bear no mark ("Ngo An"); an address beside them
	// without any mark is as rare as a long name without.
	case !names.Marked(c.Name) && (len(strings.Fields(c.Name)) > 2 || !names.Marked(c.Residence)):
		return MarksLost
	}
	return nil
}

// date reads ddmmyyyy; anything else is no date.
func date(s string) eid.Date {
	t, err := time.Parse("02012006", s)
	if err != nil {
		return ""
	}
	return eid.Date(t.Format(time.DateOnly))
}
