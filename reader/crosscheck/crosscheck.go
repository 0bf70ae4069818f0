// Package crosscheck compares what chip, machine readable zone, code and officer
// say of one holder (requirements §3.7). It judges statements, not evidence: that
// the chip is authentic is another question.
package crosscheck

import (
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/names"
)

// Facts is what one source says. Empty fields are not said and not compared.
type Facts struct {
	Source         eid.Source
	PersonalNumber string
	DocumentNumber string
	OldNumber      string
	Name           string // printed, with marks
	Zone           string // name field of a machine readable zone
	ZoneFull       bool   // the field is full: the name may be cut
	Birth          eid.Date
	Expiry         eid.Date
	Issued         eid.Date
	Sex            string
	Residence      string
	Lines          string // all lines of a zone
}

// Unlimited stands for an expiry date that the document does not have.
const Unlimited eid.Date = "unlimited"

// Compare compares all that both say. Numbers, names, dates of birth and of
// expiry identify: where they differ it is a mismatch, with two exceptions. The
// name of DG11 may be longer or of another order than the zone's, and DG13's
// expiry is of a format that is not published: those are for the officer to see,
// like everything else that differs.
func Compare(a, b Facts) []eid.Comparison {
	c := comparing{a: a, b: b}
	c.text("personal_number", a.PersonalNumber, b.PersonalNumber, eid.AgreementMismatch)
	c.text("document_number", a.DocumentNumber, b.DocumentNumber, eid.AgreementMismatch)
	c.name()
	c.date("birth", a.Birth, b.Birth, eid.AgreementMismatch)
	expiry := eid.AgreementMismatch
	if c.has(eid.SourceDG13) {
		expiry = eid.AgreementInfo
	}
	c.date("expiry", a.Expiry, b.Expiry, expiry)
	c.text("machine_readable_zone", a.Lines, b.Lines, eid.AgreementMismatch)
	c.text("sex", a.Sex, b.Sex, eid.AgreementInfo)
	c.date("issued", a.Issued, b.Issued, eid.AgreementInfo)
	c.text("old_number", a.OldNumber, b.OldNumber, eid.AgreementInfo)
	c.text("residence", fold(a.Residence), fold(b.Residence), eid.AgreementInfo)
	return c.list
}

// All compares every fact with each that follows it.
func All(facts []Facts) []eid.Comparison {
	var list []eid.Comparison
	for i, a := range facts {
		for _, b := range facts[i+1:] {
			list = append(list, Compare(a, b)...)
		}
	}
	return list
}

type comparing struct {
	a, b Facts
	list []eid.Comparison
}

func (c *comparing) has(s eid.Source) bool { return c.a.Source == s || c.b.Source == s }

func (c *comparing) add(field string, result eid.Agreement, tier string) {
	c.list = append(c.list, eid.Comparison{Field: field, A: c.a.Source, B: c.b.Source, Result: result, Tier: tier})
}

func (c *comparing) text(field, a, b string, otherwise eid.Agreement) {
	switch {
	case a == "" || b == "":
	case a == b:
		c.add(field, eid.AgreementOK, "")
	default:
		c.add(field, otherwise, "")
	}
}

// date compares what both know of a date: unknown parts are "00".
func (c *comparing) date(field string, a, b eid.Date, otherwise eid.Agreement) {
	switch {
	case a == "" || b == "":
		return
	case len(a) == len(b) && len(a) == len("2006-01-02"):
		for _, part := range [][2]int{{0, 4}, {5, 7}, {8, 10}} {
			x, y := a[part[0]:part[1]], b[part[0]:part[1]]
			if x != y && strings.Trim(string(x), "0") != "" && strings.Trim(string(y), "0") != "" {
				c.add(field, otherwise, "")
				return
			}
		}
		c.add(field, eid.AgreementOK, "")
	default:
		c.text(field, string(a), string(b), otherwise)
	}
}

// name compares printed names in three tiers and a printed name with a zone in
// the last one (requirements §3.7).
func (c *comparing) name() {
	a, b := c.a, c.b
	switch {
	case a.Name != "" && b.Name != "":
		c.printed(names.Compare(a.Name, b.Name))
	case a.Name != "" && b.Zone != "":
		c.zone(a.Name, b)
	case a.Zone != "" && b.Name != "":
		c.zone(b.Name, a)
	case a.Zone != "" && b.Zone != "":
		c.text("name", a.Zone, b.Zone, eid.AgreementMismatch)
	}
}

func (c *comparing) printed(tier names.Tier) {
	result := eid.AgreementMismatch
	switch {
	case tier == names.Exact:
		result = eid.AgreementOK
	case tier == names.Tone, c.has(eid.SourceDG11):
		result = eid.AgreementInfo
	case tier == names.Zone && c.has(eid.SourceTyped) && c.unmarked():
		result = eid.AgreementInfo // an officer may type as the zone writes
	}
	c.add("name", result, tier.String())
}

func (c *comparing) unmarked() bool {
	typed := c.a
	if c.b.Source == eid.SourceTyped {
		typed = c.b
	}
	return !names.Marked(typed.Name)
}

func (c *comparing) zone(printed string, z Facts) {
	switch {
	case len(names.Transliterate(printed)) == 0: // of another script
	case names.Fits(printed, z.Zone, z.ZoneFull):
		c.add("name", eid.AgreementOK, names.Zone.String())
	case c.has(eid.SourceDG11):
		c.add("name", eid.AgreementInfo, names.Differs.String())
	default:
		c.add("name", eid.AgreementMismatch, names.Differs.String())
	}
}

// fold makes addresses comparable: case, spaces and the form of characters.
func fold(s string) string { return strings.ReplaceAll(names.Fold(s), " ,", ",") }
