package reader

import (
	"fmt"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/crosscheck"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/qr"
)

// scanned reads the card's code, if there is one, keeps what it says for the
// comparison and fills what the officer left out. The code has no expiry date:
// the birth date goes into the access key only beside one.
func (r *reading) scanned(access eid.AccessKey) (eid.AccessKey, error) {
	if access.QR == "" {
		return access, nil
	}
	c, err := qr.Parse(access.QR.Reveal(), r.o.Now)
	if err != nil {
		return access, err
	}
	r.code = &crosscheck.Facts{
		Source: eid.SourceQR, PersonalNumber: c.PersonalNumber, OldNumber: c.OldNumber, Name: c.Name,
		Birth: c.Birth, Sex: c.Sex, Residence: c.Residence, Issued: c.Issued,
	}
	if access.Number == "" && len(access.MRZ) == 0 {
		access.Number = eid.Private(c.PersonalNumber)
	}
	if access.Birth == "" && access.Expiry != "" {
		access.Birth = c.Birth
	}
	return access, nil
}

// compare compares all that is said of the holder: by the chip's files among
// each other, by the zone or the fields with which the chip was opened, by the
// card's code and by the officer. A chip that opens with one document's key and
// holds another's data was tampered with.
func (r *reading) compare(access eid.AccessKey, key mrz.Key) {
	z := r.zone
	dg1 := crosscheck.Facts{
		Source: eid.SourceDG1, PersonalNumber: z.PersonalNumber, Zone: z.Name, ZoneFull: z.NameFull,
		Birth: z.Birth, Expiry: z.Expiry, Sex: z.Sex,
	}
	if dg1.Expiry == "" {
		dg1.Expiry = crosscheck.Unlimited
	}
	facts := append([]crosscheck.Facts{dg1}, r.facts...)
	if r.code != nil {
		facts = append(facts, *r.code)
	}
	typed := crosscheck.Facts{Source: eid.SourceTyped, Name: access.Name.Reveal()}
	if number := strings.TrimSpace(access.Number.Reveal()); mrz.IsPersonalNumber(number) && len(access.MRZ) == 0 && r.code == nil {
		typed.PersonalNumber = number
	}
	r.doc.Comparisons = append(r.opened(access, key), crosscheck.All(append(facts, typed))...)
}

// opened compares the zone in DG1 with what opened the chip, both as a zone
// writes it: nobody has to guess a century.
func (r *reading) opened(access eid.AccessKey, key mrz.Key) []eid.Comparison {
	if key == (mrz.Key{}) {
		return nil // opened by the CAN
	}
	facts := func(from eid.Source, k mrz.Key) crosscheck.Facts {
		return crosscheck.Facts{Source: from, DocumentNumber: k.Number, Birth: eid.Date(k.Birth), Expiry: eid.Date(k.Expiry)}
	}
	chip, desk := facts(eid.SourceDG1, r.zone.Key()), facts(eid.SourceTyped, key)
	if len(access.MRZ) > 0 {
		desk.Source = eid.SourceMRZ
		chip.Lines = strings.Join(r.zone.Lines, "\n")
		lines := make([]string, len(access.MRZ))
		for i, l := range access.MRZ {
			lines[i] = l.Reveal()
		}
		desk.Lines = strings.Join(lines, "\n")
	}
	return crosscheck.Compare(chip, desk)
}

// contradiction is the first comparison that stops the visit. The cause names
// fields, never values.
func (r *reading) contradiction() error {
	for _, c := range r.doc.Comparisons {
		if c.Result == eid.AgreementMismatch {
			return eid.Fail(eid.CodeChipMismatch, "compare chip data", fmt.Errorf("%s of %s and %s differ", c.Field, c.A, c.B))
		}
	}
	return nil
}
