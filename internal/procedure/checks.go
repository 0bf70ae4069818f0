package procedure

import (
	"errors"
	"fmt"
	"slices"

	"github.com/enrold/enrold/internal/eid"
)

// Findings are what the rules say of a holder who may be served.
type Findings struct {
	Warnings      []eid.Code
	NeedsGuardian bool
	CardExpired   bool
}

// CheckDesk refuses with eid.CodeWrongDesk where desks of this role may not run
// the procedure.
func (r *Rules) CheckDesk(role string) error {
	if !slices.Contains(r.Desk.Roles, role) {
		return eid.Fail(eid.CodeWrongDesk, "check desk", nil)
	}
	return nil
}

// CheckDocument refuses with eid.CodeDocumentKind what does not serve the
// procedure: another document may be laid down instead.
func (r *Rules) CheckDocument(kind eid.DocumentKind, nationality string) error {
	d := r.Documents
	if !slices.Contains(d.Kinds, kind) {
		return eid.Fail(eid.CodeDocumentKind, "check document", errors.New("kind is not accepted"))
	}
	if len(d.Nationality) > 0 && !slices.Contains(d.Nationality, nationality) || slices.Contains(d.NotNationality, nationality) {
		return eid.Fail(eid.CodeDocumentKind, "check document", errors.New("nationality is not accepted"))
	}
	return nil
}

// CheckHolder applies the rules of age and validity to a document's holder on
// the day of receipt. An error with the code of requirements §5 means that this
// person cannot be served.
func (r *Rules) CheckHolder(h eid.Holder, day eid.Date) (Findings, error) {
	const op = "check holder"
	var f Findings
	age, err := r.Age.AgeOn(h.Birth, day)
	if err != nil {
		return f, eid.Fail(eid.CodeBirthDate, op, err)
	}
	switch {
	case h.Birth > day || age > r.Age.Maximum:
		return f, eid.Fail(eid.CodeBirthDate, op, errors.New("birth date is not possible"))
	case age < r.Age.Minimum:
		return f, eid.Fail(eid.CodeAgeUnder6, op, nil)
	}
	f.NeedsGuardian = age < r.Age.GuardianBelow
	if h.Expiry != "" {
		if _, err := parseDay(h.Expiry); err != nil {
			return f, eid.Fail(eid.CodeInput, op, errors.New("expiry is no day"))
		}
		if h.Expiry < day {
			if r.Documents.WhenExpired == "refuse" {
				return f, eid.Fail(eid.CodePassportExpired, op, nil)
			}
			f.CardExpired = true
			f.Warnings = append(f.Warnings, eid.CodeCardExpired)
		}
	}
	if r.Documents.PersonalNumber {
		pin := h.PersonalNumber.Reveal()
		if err := CheckPIN(pin); err != nil {
			return f, fmt.Errorf("check holder: %w", err)
		}
		if len(r.PINDoubts(pin, h.Birth, h.Sex)) > 0 {
			f.Warnings = append(f.Warnings, eid.CodePINStruct)
		}
	}
	return f, nil
}

// ConsentText returns the words to read to the person, in vi or en.
func (r *Rules) ConsentText(language string) (ConsentText, error) {
	for _, t := range r.texts {
		if t.Version == r.Consent.Version && t.Language == language {
			return t, nil
		}
	}
	return ConsentText{}, eid.Fail(eid.CodeInput, "find consent text", fmt.Errorf("no version %q in %q", r.Consent.Version, language))
}

// CheckConsent refuses with eid.CodeConsentMissing a consent to other words than
// those in force, or one given in a way that the rules do not know.
func (r *Rules) CheckConsent(c eid.Consent) error {
	const op = "check consent"
	if c.TextVersion != r.Consent.Version {
		return eid.Fail(eid.CodeConsentMissing, op, errors.New("text version is not in force"))
	}
	if _, err := r.ConsentText(c.Language); err != nil {
		return eid.Fail(eid.CodeConsentMissing, op, err)
	}
	if !slices.Contains(r.Consent.Methods, c.Method) {
		return eid.Fail(eid.CodeConsentMissing, op, errors.New("method is unknown"))
	}
	return nil
}
