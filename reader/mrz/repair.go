package mrz

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Change is one character taken for another.
type Change struct {
	Line, Column int // from 1
	From, To     string
}

// Repair is a reading of the zone in which look-alike characters are exchanged
// and more check digits hold. It is an offer: the officer compares it with the
// document; nothing is repaired silently.
type Repair struct {
	Lines    []string
	Changes  []Change
	Mends    []string // fields whose check digit fails as read and holds now
	Complete bool     // the whole zone parses
}

// lookAlikes are the letters and digits that optical readers and people confuse.
var lookAlikes = map[byte]byte{'0': 'O', '1': 'I', '5': 'S', '8': 'B', '2': 'Z', 'O': '0', 'I': '1', 'S': '5', 'B': '8', 'Z': '2'}

const maxRepairs = 8

// Repairs offers repairs of a zone that does not parse, best first, at most
// eight: whole ones before partial ones, then those with fewer changes. It is
// empty when nothing helps, when all is well, or when the lines have no zone's
// shape.
func Repairs(lines []string, today time.Time) []Repair {
	format, err := shape(lines)
	if err != nil {
		return nil
	}
	if _, err := parse(lines, today); err == nil {
		return nil
	}
	r := repairing{read: lines, format: format, today: today, failing: failing(format, lines)}
	base := r.demanded()
	r.offer(base)
	places := r.places(base)
	for i, p := range places {
		one := exchange(base, p)
		r.offer(one)
		for _, q := range places[i+1:] {
			r.offer(exchange(one, q))
		}
	}
	return r.best()
}

type repairing struct {
	read    []string
	format  Format
	today   time.Time
	failing []string
	found   []Repair
}

// failing names the fields whose check digit does not hold.
func failing(f Format, lines []string) []string {
	var out []string
	for _, c := range checksOf(f, lines) {
		if !c.holds(lines) {
			out = append(out, strings.TrimPrefix(c.field, digitOf))
		}
	}
	return out
}

type place struct{ line, column int }

func exchange(lines []string, p place) []string {
	out := slices.Clone(lines)
	b := []byte(out[p.line])
	b[p.column] = lookAlikes[b[p.column]]
	out[p.line] = string(b)
	return out
}

// demanded exchanges letters for digits where only digits can stand: in dates
// and as check digits.
func (r *repairing) demanded() []string {
	lines := r.read
	for _, p := range r.digitsOnly() {
		if c := lines[p.line][p.column]; c >= 'A' && lookAlikes[c] != 0 {
			lines = exchange(lines, p)
		}
	}
	return lines
}

func (r *repairing) digitsOnly() []place {
	var list []place
	add := func(s span) {
		for i := s.from; i < s.to; i++ {
			list = append(list, place{s.line, i})
		}
	}
	for _, c := range checksOf(r.format, r.read) {
		add(span{c.line, c.at, c.at + 1})
		if c.field == digitOf+"birth date" || c.field == digitOf+"expiry date" {
			add(c.covers[0])
		}
	}
	return list
}

// places are the look-alikes under a check digit, where both kinds may stand.
func (r *repairing) places(lines []string) []place {
	only := r.digitsOnly()
	var list []place
	for _, c := range checksOf(r.format, lines) {
		for _, s := range c.covers {
			for i := s.from; i < s.to; i++ {
				p := place{s.line, i}
				if lookAlikes[lines[p.line][p.column]] != 0 && !slices.Contains(only, p) && !slices.Contains(list, p) {
					list = append(list, p)
				}
			}
		}
	}
	return list
}

// offer keeps lines when they mend something and break nothing.
func (r *repairing) offer(lines []string) {
	still := failing(r.format, lines)
	var mends []string
	for _, field := range r.failing {
		if !slices.Contains(still, field) {
			mends = append(mends, field)
		}
	}
	for _, field := range still {
		if !slices.Contains(r.failing, field) {
			return
		}
	}
	if len(mends) == 0 {
		return
	}
	_, err := parse(lines, r.today)
	if err != nil && len(mends) == 1 && mends[0] == "composite" {
		return // every tenth exchange does that by chance
	}
	r.found = append(r.found, Repair{Lines: lines, Changes: changes(r.read, lines), Mends: mends, Complete: err == nil})
}

func changes(a, b []string) []Change {
	var list []Change
	for i := range a {
		for j := range len(a[i]) {
			if a[i][j] != b[i][j] {
				list = append(list, Change{i + 1, j + 1, a[i][j : j+1], b[i][j : j+1]})
			}
		}
	}
	return list
}

func (r *repairing) best() []Repair {
	slices.SortStableFunc(r.found, func(a, b Repair) int {
		rank := func(x Repair) int {
			if x.Complete {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(b.Mends), len(a.Mends)), cmp.Compare(len(a.Changes), len(b.Changes)))
	})
	return r.found[:min(len(r.found), maxRepairs)]
}
