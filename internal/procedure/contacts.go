package procedure

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/enrold/enrold/internal/eid"
)

const maxText = 100 // characters of a name or an address part (form TK01)

var (
	mobile         = regexp.MustCompile(`^0[35789][0-9]{8}$`)
	documentNumber = regexp.MustCompile(`^[A-Z0-9/-]{5,20}$`)
	separators     = strings.NewReplacer(" ", "", ".", "", "-", "")
)

// NormalisePhone returns a Vietnamese mobile number as 0xxxxxxxxx; it accepts
// +84 and 84 and the usual separators. The error has eid.CodePhoneFormat.
func NormalisePhone(s string) (string, error) {
	n := separators.Replace(s)
	for _, prefix := range []string{"+84", "84"} {
		if rest, ok := strings.CutPrefix(n, prefix); ok && len(rest) == 9 {
			n = "0" + rest
			break
		}
	}
	if !mobile.MatchString(n) {
		return "", eid.Fail(eid.CodePhoneFormat, "check telephone number", nil)
	}
	return n, nil
}

// CheckContacts returns the contacts in their normal form, with warnings. Of a
// minor the guardian's number counts (INF-3), so pass the guardian, else nil.
func (r *Rules) CheckContacts(c eid.Contacts, guardian *eid.Guardian) (eid.Contacts, []eid.Code, error) {
	const op = "check contacts"
	if c.Phone == "" && guardian != nil {
		c.Phone = guardian.Phone
	}
	given := 0
	if c.Phone != "" {
		n, err := NormalisePhone(c.Phone.Reveal())
		if err != nil {
			return c, nil, err
		}
		c.Phone = eid.Private(n)
		given++
	}
	if c.Email != "" {
		email := strings.TrimSpace(c.Email.Reveal())
		a, err := mail.ParseAddress(email)
		if err != nil || a.Address != email || len(email) > 254 {
			return c, nil, eid.Fail(eid.CodeInput, op, errors.New("e-mail address is not valid"))
		}
		c.Email = eid.Private(email)
		given++
	}
	if given < r.Contacts.AtLeast || r.Contacts.Phone && c.Phone == "" {
		return c, nil, eid.Fail(eid.CodeContactMissing, op, nil)
	}
	var warnings []eid.Code
	if c.Phone != "" {
		warnings = append(warnings, eid.CodePhoneOwnership)
	}
	if given < r.Contacts.WarnBelow {
		warnings = append(warnings, eid.CodeOneContact)
	}
	return c, warnings, nil
}

var relations = []string{"father", "mother", "guardian", "representative"}

// CheckGuardian returns the guardian in normal form. Missing or malformed parts
// give eid.CodeGuardian, a bad telephone number eid.CodePhoneFormat.
func (r *Rules) CheckGuardian(g eid.Guardian) (eid.Guardian, error) {
	fail := func(why string) (eid.Guardian, error) {
		return g, eid.Fail(eid.CodeGuardian, "check guardian", errors.New(why))
	}
	name, number := strings.TrimSpace(g.Name.Reveal()), strings.TrimSpace(g.Number.Reveal())
	if name == "" || len([]rune(name)) > maxText {
		return fail("name is missing or too long")
	}
	// Twelve digits are a personal number; anything else is a passport number.
	if !documentNumber.MatchString(number) {
		return fail("number is missing or malformed")
	}
	if !slices.Contains(relations, g.Relation) {
		return fail("relation is unknown")
	}
	phone, err := NormalisePhone(g.Phone.Reveal())
	if err != nil {
		return g, fmt.Errorf("check guardian: %w", err)
	}
	g.Name, g.Number, g.Phone = eid.Private(name), eid.Private(number), eid.Private(phone)
	return g, nil
}

// CheckResidence accepts a permanent or temporary residence card that is still
// valid on day (ELG-7). The structure of its number was never published: only
// the alphabet and the length are checked.
func (r *Rules) CheckResidence(c eid.ResidenceCard, day eid.Date) error {
	const op = "check residence card"
	if c.Type != "PRC" && c.Type != "TRC" {
		return eid.Fail(eid.CodeNoResidenceCard, op, errors.New("type is not PRC or TRC"))
	}
	if !documentNumber.MatchString(c.Number.Reveal()) {
		return eid.Fail(eid.CodeInput, op, errors.New("number is malformed"))
	}
	if _, err := parseDay(c.Expiry); err != nil {
		return eid.Fail(eid.CodeInput, op, errors.New("expiry is no day"))
	}
	if c.Expiry < day {
		return eid.Fail(eid.CodeNoResidenceCard, op, errors.New("card has expired"))
	}
	return nil
}
