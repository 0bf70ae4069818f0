package mrz

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// value is a character's weight in check digits (Doc 9303-3 §4.9), -1 for a
// character that no zone may hold.
func value(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	case c == '<':
		return 0
	}
	return -1
}

// CheckDigit computes the check digit of s by weights 7, 3, 1 (Doc 9303-3 §4.9).
func CheckDigit(s string) byte {
	sum := 0
	for i := range len(s) {
		sum += max(value(s[i]), 0) * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}

func digit(s string, check byte) bool { return CheckDigit(s) == check }

// birthDate reads YYMMDD; unknown month or day are fillers and become "00"
// (Doc 9303-3 §4.8). The year is the latest that does not lie after today.
func birthDate(s string, today time.Time) (eid.Date, error) {
	yy, err := strconv.Atoi(s[:2])
	if err != nil {
		if s == "<<<<<<" {
			return "0000-00-00", nil
		}
		return "", errors.New("year is not a number")
	}
	year := today.Year()/100*100 + yy
	if year > today.Year() {
		year -= 100
	}
	month, day, err := monthDay(s, year)
	d := eid.Date(fmt.Sprintf("%04d-%s-%s", year, month, day))
	if err == nil && d > eid.Date(today.Format(time.DateOnly)) {
		year -= 100
		month, day, err = monthDay(s, year)
		d = eid.Date(fmt.Sprintf("%04d-%s-%s", year, month, day))
	}
	if err != nil {
		return "", err
	}
	return d, nil
}

// expiryDate reads YYMMDD: 00 to 79 is this century, the rest the last
// (requirements §3.3). The 29th of February of a common year, which holders
// born on a leap day have, means the 28th.
func expiryDate(s string) (eid.Date, error) {
	yy, err := strconv.Atoi(s[:2])
	if err != nil {
		return "", errors.New("year is not a number")
	}
	year := 2000 + yy
	if yy >= 80 {
		year -= 100
	}
	if s[2:] == "0229" && daysIn(year, 2) < 29 {
		s = s[:2] + "0228"
	}
	month, day, err := monthDay(s, year)
	return eid.Date(fmt.Sprintf("%04d-%s-%s", year, month, day)), err
}

// monthDay checks month and day in the year given; fillers become "00".
func monthDay(s string, year int) (month, day string, err error) {
	month, day = s[2:4], s[4:6]
	if month == "<<" && day == "<<" {
		return "00", "00", nil
	}
	m, err := strconv.ParseUint(month, 10, 8)
	if err != nil || m < 1 || m > 12 {
		return "", "", errors.New("no such month")
	}
	if day == "<<" {
		return month, "00", nil
	}
	d, err := strconv.ParseUint(day, 10, 8)
	if err != nil || d < 1 || int(d) > daysIn(year, time.Month(m)) {
		return "", "", errors.New("no such day")
	}
	return month, day, nil
}

func daysIn(year int, m time.Month) int {
	return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// vietnamese applies the rules of Vietnamese documents (requirements §3.3): a
// card's optional data are the personal number, two fillers and a check digit,
// and the document number is the personal number's last nine digits. A
// passport's optional data may be the personal number.
func (d *Document) vietnamese(today time.Time) error {
	if d.Issuer != Vietnam {
		return nil
	}
	switch {
	case d.Format == TD1 && d.Code == "ID":
		o := d.Lines[0][15:30]
		if !IsPersonalNumber(o[:12]) || o[12:14] != "<<" {
			return &CheckError{1, "personal number"}
		}
		if !digit(o[:14], o[14]) {
			return &CheckError{1, "check digit of personal number"}
		}
		if d.Number != o[3:12] {
			return &CheckError{1, "document number does not fit the personal number"}
		}
		d.PersonalNumber, d.Optional = o[:12], o[:12]
	case d.Format == TD3 && IsPersonalNumber(d.Optional):
		d.PersonalNumber = d.Optional
	}
	if d.PersonalNumber != "" {
		d.Birth = centuryOf(d.PersonalNumber, d.Birth, today)
	}
	return nil
}

// centuryOf mends the century of a birth date from the personal number, whose
// fourth digit counts 0, 1 for 19xx, 2, 3 for 20xx and so on: people of over a
// hundred are otherwise taken for children. It does so only where the number
// names the same year of the century and a date that is not to come.
func centuryOf(number string, birth eid.Date, today time.Time) eid.Date {
	if len(birth) != 10 || number[4:6] != string(birth[2:4]) {
		return birth
	}
	d := eid.Date(fmt.Sprintf("%02d%s", 19+int(number[3]-'0')/2, birth[2:]))
	if d > eid.Date(today.Format(time.DateOnly)) {
		return birth
	}
	return d
}

// IsPersonalNumber says whether s has the twelve digits of a personal number.
func IsPersonalNumber(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
