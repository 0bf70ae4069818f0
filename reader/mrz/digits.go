package mrz

import "strings"

// Digit is one check digit of a zone.
type Digit struct {
	Line  int    // from 1
	Field string // "document number", "birth date", "expiry date", "optional data", "personal number", "composite"
	OK    bool
}

// Digits judges every check digit of a zone by itself, whatever else is wrong
// with it. It fails, with a *CheckError, when lines or characters are no zone's.
func Digits(lines []string) ([]Digit, error) {
	format, err := shape(lines)
	if err != nil {
		return nil, err
	}
	var out []Digit
	for _, c := range checksOf(format, lines) {
		out = append(out, Digit{c.line + 1, strings.TrimPrefix(c.field, digitOf), c.holds(lines)})
	}
	return out, nil
}

const digitOf = "check digit of "

// span is part of a line.
type span struct{ line, from, to int }

// check is a check digit: where it stands and what it covers.
type check struct {
	field    string
	line, at int
	covers   []span
	spare    bool // a filler is right, too, when everything covered is fillers
}

func (c check) holds(l []string) bool {
	var text string
	for _, s := range c.covers {
		text += l[s.line][s.from:s.to]
	}
	have := l[c.line][c.at]
	return digit(text, have) || c.spare && have == '<' && trim(text) == ""
}

// checksOf lists the check digits of a zone. Where the number's stands depends
// on the number's length, so the lines are looked at.
func checksOf(f Format, l []string) []check {
	switch f {
	case TD1: // Doc 9303-5 §4.2.2
		list := []check{
			numberCheck(l, 0, 5, 15, 30),
			{digitOf + "birth date", 1, 6, []span{{1, 0, 6}}, false},
			{digitOf + "expiry date", 1, 14, []span{{1, 8, 14}}, false},
			{"composite", 1, 29, []span{{0, 5, 30}, {1, 0, 7}, {1, 8, 15}, {1, 18, 29}}, false},
		}
		if l[0][:5] == "ID"+Vietnam { // requirements §3.3
			list = append(list, check{digitOf + "personal number", 0, 29, []span{{0, 15, 29}}, false})
		}
		return list
	case TD2: // Doc 9303-6 §4.2.2
		list := visaChecks()
		list[0] = numberCheck(l, 1, 0, 28, 35)
		return append(list, check{"composite", 1, 35, []span{{1, 0, 10}, {1, 13, 20}, {1, 21, 35}}, false})
	case TD3: // Doc 9303-4 §4.2.2
		return append(visaChecks(),
			check{digitOf + "optional data", 1, 42, []span{{1, 28, 42}}, true},
			check{"composite", 1, 43, []span{{1, 0, 10}, {1, 13, 20}, {1, 21, 43}}, false})
	}
	return visaChecks()
}

// visaChecks are those of a visa's second line, which the other formats of two
// lines share.
func visaChecks() []check {
	return []check{
		{digitOf + "document number", 1, 9, []span{{1, 0, 9}}, false},
		{digitOf + "birth date", 1, 19, []span{{1, 13, 19}}, false},
		{digitOf + "expiry date", 1, 27, []span{{1, 21, 27}}, false},
	}
}

// numberCheck finds the check digit of a number that may go on in the optional
// data; see longNumber.
func numberCheck(l []string, line, from, optional, end int) check {
	const nine = 9
	field := digitOf + "document number"
	if l[line][from+nine] == '<' && trim(l[line][optional:end]) != "" {
		stop := optional
		for stop < end && l[line][stop] != '<' {
			stop++
		}
		if stop-optional >= 2 {
			return check{field, line, stop - 1, []span{{line, from, from + nine}, {line, optional, stop - 1}}, false}
		}
	}
	return check{field, line, from + nine, []span{{line, from, from + nine}}, false}
}
