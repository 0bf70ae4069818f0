package reader

import (
	"errors"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/cccd"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/names"
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

// person adds what only DG13 says. Number, name and birth date are compared
// with the zone later; see contradiction.
func (r *reading) person(d cccd.Data) {
	h := &r.doc.Holder
	r.number, r.birth = d.Number, d.Birth
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

// contradiction compares the zone in DG1 with the access key and with DG13: a
// chip that opens with one document's key and holds another's data was tampered
// with. The causes name fields, never values.
func (r *reading) contradiction(access eid.AccessKey, key mrz.Key) error {
	var field string
	switch {
	case r.zone.Key().Number != key.Number:
		field = "document number of DG1 and access key"
	case r.zone.Key().Birth != key.Birth:
		field = "birth date of DG1 and access key"
	case r.zone.Key().Expiry != key.Expiry:
		field = "expiry date of DG1 and access key"
	case len(access.MRZ) > 0 && !sameLines(access.MRZ, r.zone.Lines):
		field = "machine readable zone of DG1 and document"
	case mrz.IsPersonalNumber(access.Number.Reveal()) && r.zone.PersonalNumber != "" && access.Number.Reveal() != r.zone.PersonalNumber:
		field = "personal number of DG1 and access key"
	case r.number != "" && r.number != r.zone.PersonalNumber:
		field = "personal number of DG1 and DG13"
	case r.birth != "" && r.birth != r.zone.Birth:
		field = "birth date of DG1 and DG13"
	case r.number+string(r.birth) != "" && !names.Fits(r.doc.Holder.Name.Reveal(), r.zone.Name, r.zone.NameFull):
		field = "name of DG1 and DG13"
	default:
		return nil
	}
	return eid.Fail(eid.CodeChipMismatch, "compare chip data", errors.New(field+" differ"))
}

func sameLines(a []eid.Private, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Reveal() != b[i] {
			return false
		}
	}
	return true
}
