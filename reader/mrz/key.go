package mrz

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Key is the part of the zone that opens a chip (Doc 9303-11 §4.3.2): document
// number, birth and expiry date as they stand in the zone, without fillers.
type Key struct {
	Number string
	Birth  string // YYMMDD
	Expiry string // YYMMDD
}

// KeyOf takes the key from an officer's input: the lines of the zone if there
// are any, else the three fields. A twelve-digit number is a Vietnamese
// personal number: its last nine digits are the document number. Errors are
// *eid.Error with eid.CodeMRZCheck or eid.CodeInput.
func KeyOf(k eid.AccessKey, today time.Time) (Key, error) {
	if len(k.MRZ) > 0 {
		lines := make([]string, len(k.MRZ))
		for i, l := range k.MRZ {
			lines[i] = l.Reveal()
		}
		d, err := Parse(lines, today)
		if err != nil {
			return Key{}, err
		}
		return d.Key(), nil
	}
	number := strings.ToUpper(strings.TrimSpace(k.Number.Reveal()))
	if IsPersonalNumber(number) {
		number = number[3:]
	}
	if number = strings.TrimRight(number, "<"); number == "" || len(number) > 22 {
		return Key{}, eid.Fail(eid.CodeInput, "read access key", errors.New("document number is empty or too long"))
	}
	for _, c := range []byte(number) {
		if value(c) < 0 {
			return Key{}, eid.Fail(eid.CodeInput, "read access key", errors.New("document number holds a character that no zone has"))
		}
	}
	birth, err := shortDate(k.Birth)
	if err != nil {
		return Key{}, eid.Fail(eid.CodeInput, "read access key", fmt.Errorf("birth date: %w", err))
	}
	expiry := unlimited
	if k.Expiry != "" {
		if expiry, err = shortDate(k.Expiry); err != nil {
			return Key{}, eid.Fail(eid.CodeInput, "read access key", fmt.Errorf("expiry date: %w", err))
		}
	}
	return Key{Number: number, Birth: birth, Expiry: expiry}, nil
}

// shortDate turns YYYY-MM-DD into YYMMDD, unknown parts into fillers.
func shortDate(d eid.Date) (string, error) {
	s := string(d)
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return "", errors.New("not of the form YYYY-MM-DD")
	}
	for i, c := range []byte(s) {
		if i != 4 && i != 7 && (c < '0' || c > '9') {
			return "", errors.New("not of the form YYYY-MM-DD")
		}
	}
	year := s[2:4]
	if s[:4] == "0000" {
		year = "<<"
	}
	out := year
	for _, part := range []string{s[5:7], s[8:10]} {
		if part == "00" {
			part = "<<"
		}
		out += part
	}
	return out, nil
}

// Key returns the document's access key.
func (d Document) Key() Key {
	if d.Format == TD1 {
		return Key{Number: d.Number, Birth: d.Lines[1][0:6], Expiry: d.Lines[1][8:14]}
	}
	return Key{Number: d.Number, Birth: d.Lines[1][13:19], Expiry: d.Lines[1][21:27]}
}

// Information is the MRZ_information of Doc 9303-11 §4.3.2: number (at least
// nine characters), birth date and expiry date, each with its check digit.
func (k Key) Information() string {
	n := k.Number
	if len(n) < 9 {
		n += strings.Repeat("<", 9-len(n))
	}
	return n + string(CheckDigit(n)) + k.Birth + string(CheckDigit(k.Birth)) + k.Expiry + string(CheckDigit(k.Expiry))
}
