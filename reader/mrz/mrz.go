// Package mrz reads the machine readable zone of TD1, TD2 and TD3 documents and
// of visas (ICAO Doc 9303 parts 3 to 7) and derives the access key's input from it. A
// zone whose check digits are wrong is refused: nothing is repaired silently.
package mrz

import (
	"fmt"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Format is the size of a machine readable travel document (Doc 9303-3 §4.2).
type Format string

const (
	TD1 Format = "TD1" // three lines of 30
	TD2 Format = "TD2" // two lines of 36
	TD3 Format = "TD3" // two lines of 44
	// MRVA and MRVB are visas (Doc 9303-7): they have no chip and no composite check digit.
	MRVA Format = "MRV-A" // two lines of 44
	MRVB Format = "MRV-B" // two lines of 36
)

// Document is a machine readable zone with every check digit verified. Fillers
// are removed at the ends of its fields.
type Document struct {
	Format         Format
	Code           string // "ID", "P", "PO"
	Issuer         string // issuing state or organisation: "VNM", "D"
	Number         string // document number, of any length
	PersonalNumber string // twelve digits, Vietnamese documents only
	Optional       string // optional data as printed, inner fillers kept
	Name           string // name field: "NGUYEN<<THI<ANH<TUYET"
	NameFull       bool   // the name fills its field and may have been cut
	Birth          eid.Date
	Sex            string   // M, F, X
	Expiry         eid.Date // "": unlimited (Vietnamese cards)
	Nationality    string
	Lines          []string
}

// CheckError says which field of which line does not hold. It carries no content.
type CheckError struct {
	Line  int // from 1
	Field string
}

func (e *CheckError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Field) }

// Vietnam is the issuing state of the cards whose special rules apply.
const Vietnam = "VNM"

// unlimited is what Vietnamese cards of unlimited validity carry as expiry
// (requirements §3.3).
const unlimited = "991231"

// Parse reads the lines of a zone. today decides the century of the birth date.
// Every error is an *eid.Error with eid.CodeMRZCheck whose cause is a *CheckError.
func Parse(lines []string, today time.Time) (Document, error) {
	d, err := parse(lines, today)
	if err != nil {
		return Document{}, eid.Fail(eid.CodeMRZCheck, "read machine readable zone", err)
	}
	return d, nil
}

func parse(lines []string, today time.Time) (Document, error) {
	format, err := shape(lines)
	if err != nil {
		return Document{}, err
	}
	var d Document
	switch format {
	case TD1:
		d, err = parseTD1(lines, today)
	case TD2:
		d, err = parseTwoLines(lines, 36, today)
	case TD3:
		d, err = parseTwoLines(lines, 44, today)
	case MRVA, MRVB:
		d, err = parseVisa(lines, today)
	}
	if err != nil {
		return Document{}, err
	}
	d.Format = format
	d.Lines = append([]string(nil), lines...)
	return d, d.vietnamese(today)
}

// shape tells the format from the lines' lengths and refuses other characters
// than A-Z, 0-9 and the filler (Doc 9303-3 §4.3).
func shape(lines []string) (Format, error) {
	var format Format
	switch {
	case len(lines) == 3 && len(lines[0]) == 30:
		format = TD1
	case len(lines) == 2 && len(lines[0]) == 36:
		format = TD2
	case len(lines) == 2 && len(lines[0]) == 44:
		format = TD3
	default:
		return "", &CheckError{1, "number or length of lines"}
	}
	if format != TD1 && lines[0][0] == 'V' {
		format = map[Format]Format{TD3: MRVA, TD2: MRVB}[format]
	}
	for i, l := range lines {
		if len(l) != len(lines[0]) {
			return "", &CheckError{i + 1, "length of line"}
		}
		for _, c := range []byte(l) {
			if value(c) < 0 {
				return "", &CheckError{i + 1, "character"}
			}
		}
	}
	return format, nil
}

// parseTD1 follows Doc 9303-5 §4.2.2.
func parseTD1(l []string, today time.Time) (Document, error) {
	number, optional, err := longNumber(l[0][5:14], l[0][14], l[0][15:30])
	if err != nil {
		return Document{}, err
	}
	if !digit(l[1][0:6], l[1][6]) {
		return Document{}, &CheckError{2, "check digit of birth date"}
	}
	if !digit(l[1][8:14], l[1][14]) {
		return Document{}, &CheckError{2, "check digit of expiry date"}
	}
	if !digit(l[0][5:30]+l[1][0:7]+l[1][8:15]+l[1][18:29], l[1][29]) {
		return Document{}, &CheckError{2, "composite check digit"}
	}
	d := Document{
		Code: trim(l[0][0:2]), Issuer: trim(l[0][2:5]), Number: number,
		Optional: trim(optional + l[1][18:29]), Nationality: trim(l[1][15:18]),
		Name: trim(l[2]), NameFull: nameFull(l[2]),
	}
	return d, d.person(2, l[1][0:6], l[1][7], l[1][8:14], today)
}

// parseTwoLines follows Doc 9303-6 §4.2.2 (TD2) and Doc 9303-4 §4.2.2 (TD3),
// which differ in the optional data only.
func parseTwoLines(l []string, width int, today time.Time) (Document, error) {
	a := l[1]
	number := trim(a[0:9])
	var optional string
	composite := a[0:10] + a[13:20] + a[21:width-1]
	if width == 44 {
		optional = trim(a[28:42])
		if !digit(a[0:9], a[9]) {
			return Document{}, &CheckError{2, "check digit of document number"}
		}
		// An empty optional field may carry the filler as its check digit.
		if !digit(a[28:42], a[42]) && (optional != "" || a[42] != '<') {
			return Document{}, &CheckError{2, "check digit of optional data"}
		}
	} else {
		var err error
		if number, optional, err = longNumber(a[0:9], a[9], a[28:35]); err != nil {
			return Document{}, &CheckError{2, "check digit of document number"}
		}
		optional = trim(optional)
	}
	if !digit(a[13:19], a[19]) {
		return Document{}, &CheckError{2, "check digit of birth date"}
	}
	if !digit(a[21:27], a[27]) {
		return Document{}, &CheckError{2, "check digit of expiry date"}
	}
	if !digit(composite, a[width-1]) {
		return Document{}, &CheckError{2, "composite check digit"}
	}
	d := Document{
		Code: trim(l[0][0:2]), Issuer: trim(l[0][2:5]), Number: number, Optional: optional,
		Name: trim(l[0][5:]), NameFull: nameFull(l[0]), Nationality: trim(a[10:13]),
	}
	return d, d.person(2, a[13:19], a[20], a[21:27], today)
}

// parseVisa follows Doc 9303-7 §4.2.2 (MRV-A) and §5.2.2 (MRV-B).
func parseVisa(l []string, today time.Time) (Document, error) {
	a := l[1]
	for _, c := range visaChecks() {
		if !c.holds(l) {
			return Document{}, &CheckError{c.line + 1, c.field}
		}
	}
	d := Document{
		Code: trim(l[0][0:2]), Issuer: trim(l[0][2:5]), Number: trim(a[0:9]), Optional: trim(a[28:]),
		Name: trim(l[0][5:]), NameFull: nameFull(l[0]), Nationality: trim(a[10:13]),
	}
	return d, d.person(2, a[13:19], a[20], a[21:27], today)
}

// longNumber checks a document number. One that is longer than nine characters
// has a filler in the check digit's place and goes on in the optional data, its
// check digit last (Doc 9303-5 §4.2.2 note j, Doc 9303-6 §4.2.2 note j).
func longNumber(field string, check byte, optional string) (number, rest string, err error) {
	if check != '<' || trim(optional) == "" {
		if !digit(field, check) {
			return "", "", &CheckError{1, "check digit of document number"}
		}
		return trim(field), optional, nil
	}
	more, rest, _ := strings.Cut(optional, "<")
	if len(more) < 2 || !digit(field+more[:len(more)-1], more[len(more)-1]) {
		return "", "", &CheckError{1, "check digit of document number"}
	}
	return field + more[:len(more)-1], rest, nil
}

func (d *Document) person(line int, birth string, sex byte, expiry string, today time.Time) error {
	var err error
	if d.Birth, err = birthDate(birth, today); err != nil {
		return &CheckError{line, "birth date"}
	}
	if d.Sex = map[byte]string{'M': "M", 'F': "F", '<': "X"}[sex]; d.Sex == "" {
		return &CheckError{line, "sex"}
	}
	if d.Issuer == Vietnam && expiry == unlimited {
		return nil
	}
	if d.Expiry, err = expiryDate(expiry); err != nil {
		return &CheckError{line, "expiry date"}
	}
	return nil
}

// nameFull also takes a name that was cut between two words, which leaves one filler.
func nameFull(line string) bool { return line[len(line)-2] != '<' }

func trim(s string) string { return strings.Trim(s, "<") }
