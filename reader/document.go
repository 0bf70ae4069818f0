package reader

import (
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/cccd"
	"github.com/enrold/enrold/reader/crosscheck"
	"github.com/enrold/enrold/reader/lds"
	"github.com/enrold/enrold/reader/mrz"
)

// newCards is the day from which identity cards under the law of 2024 are
// issued. Chip and zone do not tell the two kinds apart otherwise.
const newCards eid.Date = "2024-07-01"

// kindOf tells the documents that procedures know; "" for others.
func kindOf(z mrz.Document) eid.DocumentKind {
	switch {
	case z.Format == mrz.TD1 && z.Issuer == mrz.Vietnam && z.PersonalNumber != "":
		return eid.DocumentCCCD
	case z.Format == mrz.TD3 && strings.HasPrefix(z.Code, "P"):
		return eid.DocumentPassport
	}
	return ""
}

// holderOf takes the holder from the zone. The name is the zone's until DG13
// gives the printed one.
func holderOf(z mrz.Document) eid.Holder {
	return eid.Holder{
		PersonalNumber: eid.Private(z.PersonalNumber),
		DocumentNumber: eid.Private(z.Number),
		Name:           eid.Private(strings.Join(strings.FieldsFunc(z.Name, func(r rune) bool { return r == '<' }), " ")),
		NameMRZ:        eid.Private(z.Name),
		Birth:          z.Birth,
		Sex:            z.Sex,
		Nationality:    z.Nationality,
		IssuingState:   z.Issuer,
		Expiry:         z.Expiry,
	}
}

// person adds what only DG13 says. Number, name and dates are compared with the
// zone later; see compare.
func (r *reading) person(d cccd.Data) {
	f := crosscheck.Facts{
		Source: eid.SourceDG13, PersonalNumber: d.Number, Name: d.Name, Birth: d.Birth, Sex: d.Sex,
		Expiry: d.Expiry, Issued: d.Issued, OldNumber: d.OldNumber, Residence: d.Residence,
	}
	if d.Unlimited {
		f.Expiry = crosscheck.Unlimited
	}
	r.facts = append(r.facts, f)
	h := &r.doc.Holder
	if d.Name != "" {
		h.Name = eid.Private(d.Name)
	}
	h.Issued = d.Issued
	h.Residence, h.PlaceOfOrigin = eid.Private(d.Residence), eid.Private(d.PlaceOfOrigin)
	h.OldNumber = eid.Private(d.OldNumber)
	if d.Issued >= newCards {
		r.doc.Kind = eid.DocumentCC
	}
}

// details adds what DG11 says, where no DG13 said it.
func (r *reading) details(p lds.Person) {
	printed := strings.Join(strings.FieldsFunc(p.Name, func(c rune) bool { return c == '<' }), " ")
	r.facts = append(r.facts, crosscheck.Facts{Source: eid.SourceDG11, Name: printed, Birth: p.Birth})
	h := &r.doc.Holder
	if printed != "" {
		h.Name = eid.Private(printed)
	}
	h.Residence, h.PlaceOfOrigin = eid.Private(p.Address), eid.Private(p.PlaceOfBirth)
	r.detail("DG11", "name", p.Name)
	for _, n := range p.OtherNames {
		r.detail("DG11", "other_name", n)
	}
	r.detail("DG11", "personal_number", p.PersonalNumber)
	r.detail("DG11", "birth", string(p.Birth))
	r.detail("DG11", "place_of_birth", p.PlaceOfBirth)
	r.detail("DG11", "address", p.Address)
	r.detail("DG11", "telephone", p.Telephone)
	r.detail("DG11", "other_documents", p.OtherDocuments)
}

// issue adds what DG12 says of the document.
func (r *reading) issue(i lds.Issue) {
	if r.doc.Holder.Issued == "" {
		r.doc.Holder.Issued = i.Issued
	}
	r.detail("DG12", "authority", i.Authority)
	r.detail("DG12", "issued", string(i.Issued))
	r.detail("DG12", "endorsements", i.Endorsements)
	r.detail("DG12", "tax", i.Tax)
	r.detail("DG12", "personalised", i.Personalised)
}

// contacts adds the persons to notify of DG16.
func (r *reading) contacts(list []lds.Contact) {
	for _, c := range list {
		r.detail("DG16", "name", c.Name)
		r.detail("DG16", "telephone", c.Telephone)
		r.detail("DG16", "address", c.Address)
		r.detail("DG16", "recorded", string(c.Recorded))
	}
}

func (r *reading) detail(from eid.Source, field, value string) {
	if value != "" {
		r.doc.Details = append(r.doc.Details, eid.Detail{Source: from, Field: field, Value: eid.Private(value)})
	}
}
