package lds

import (
	"fmt"
	"strings"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
)

// unlimited is what a Vietnamese card's machine readable zone carries as expiry
// when the card never expires.
const unlimited = "991231"

// td1 returns the three lines of a Vietnamese identity card (Doc 9303-5 §4.2):
// the document number is the last nine digits of the personal number, which
// stands whole in the optional data with a check digit of its own.
func td1(id persons.Identity) []string {
	number := id.PersonalNumber[len(id.PersonalNumber)-9:]
	optional := id.PersonalNumber + "<<"
	upper := "IDVNM" + number + checkDigit(number) + optional + checkDigit(optional)
	birth, expiry := mrzDate(id.Birth), mrzDate(id.Expiry)
	middle := birth + checkDigit(birth) + id.Sex + expiry + checkDigit(expiry) + "VNM" + strings.Repeat("<", 11)
	// Composite (Doc 9303-5 §4.2.4): upper line 6-30, middle line 1-7, 9-15, 19-29.
	middle += checkDigit(upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29])
	return []string{upper, middle, fill(id.NameMRZ, 30)}
}

// td3 returns the two lines of a passport (Doc 9303-4 §4.2).
func td3(id persons.Identity) []string {
	number := fill(id.DocumentNumber, 9)
	birth, expiry := mrzDate(id.Birth), mrzDate(id.Expiry)
	optional := fill("", 14)
	lower := number + checkDigit(number) + fill(id.Nationality, 3) +
		birth + checkDigit(birth) + id.Sex + expiry + checkDigit(expiry) +
		optional + checkDigit(optional)
	// Composite (Doc 9303-4 §4.2.2.2): positions 1-10, 14-20, 22-43.
	lower += checkDigit(lower[0:10] + lower[13:20] + lower[21:43])
	return []string{"P<" + fill(id.Nationality, 3) + fill(id.NameMRZ, 39), lower}
}

// checkDigit is Doc 9303-3 §4.9: weights 7 3 1, letters 10 to 35, filler 0.
func checkDigit(s string) string {
	sum := 0
	for i := range len(s) {
		v := 0
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return string(rune('0' + sum%10))
}

func mrzDate(d eid.Date) string {
	if d == "" {
		return unlimited
	}
	return string(d[2:4] + d[5:7] + d[8:10])
}

// fill pads s with fillers to n characters, or cuts it.
func fill(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s + strings.Repeat("<", n-len(s))
}

// Printed is what stands on a person's document for its reader: the machine
// readable zone, and the card access number for personalities that have one.
func Printed(p persons.Person, document string) (zone []string, can string, err error) {
	switch document {
	case citizen:
		return td1(p.Citizen), lastDigits(p.Citizen), nil
	case foreigner:
		return td3(p.Foreigner), lastDigits(p.Foreigner), nil
	}
	return nil, "", fmt.Errorf("document %q: want citizen or foreigner", document)
}

// accessKey is the MRZ information of Doc 9303-11 §4.3.2.
func accessKey(zone []string) string {
	if len(zone) == 3 {
		return zone[0][5:15] + zone[1][0:7] + zone[1][8:15]
	}
	return zone[1][0:10] + zone[1][13:20] + zone[1][21:28]
}

// lastDigits is the card access number: the last six digits of the personal
// number on a Vietnamese card, of the document number elsewhere.
func lastDigits(id persons.Identity) string {
	number := id.PersonalNumber
	if number == "" {
		number = id.DocumentNumber
	}
	return number[len(number)-6:]
}
