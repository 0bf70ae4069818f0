package procedure

import (
	"fmt"

	"github.com/enrold/enrold/internal/eid"
)

// Rules is one procedure under one rule set: what a desk must ask, check and
// promise. Every section names the legal article that it comes from.
type Rules struct {
	ID      string            `toml:"-"` // rule set: "vn-69-2024"
	SHA256  [32]byte          `toml:"-"` // of the rule set's file
	Kind    eid.ProcedureKind `toml:"-"`
	TitleVI string            `toml:"title_vi"`
	TitleEN string            `toml:"title_en"`
	Article string            `toml:"article"`

	Desk      DeskRule      `toml:"desk"`
	Age       AgeRule       `toml:"age"`
	Documents DocumentRule  `toml:"documents"`
	Face      FaceRule      `toml:"face"`
	Finger    FingerRule    `toml:"finger"`
	Contacts  ContactRule   `toml:"contacts"`
	Consent   ConsentRule   `toml:"consent"`
	Deadlines []DeadlineRow `toml:"deadlines"`

	texts    []ConsentText
	calendar *Calendar
	pins     pinTable
}

// DeskRule says which desks may run the procedure (LOC-1 to LOC-3).
type DeskRule struct {
	Roles   []string `toml:"roles"` // values of desk.role in the configuration
	Article string   `toml:"article"`
}

// AgeRule holds limits in full years (ELG-1 to ELG-3, ELG-8).
type AgeRule struct {
	Minimum       int    `toml:"minimum"`
	GuardianBelow int    `toml:"guardian_below"`
	Maximum       int    `toml:"maximum"`
	LeapBirthday  string `toml:"leap_birthday"` // MM-DD, in common years, of those born on 29 February
	Article       string `toml:"article"`
}

// DocumentRule says what the person presents (DOC-1, DOC-2, ELG-6, ELG-7).
type DocumentRule struct {
	Kinds          []eid.DocumentKind `toml:"kinds"`
	Nationality    []string           `toml:"nationality"` // accepted; empty for all
	NotNationality []string           `toml:"not_nationality"`
	PersonalNumber bool               `toml:"personal_number"` // the document must carry one
	WhenExpired    string             `toml:"when_expired"`    // warn, refuse
	ResidenceCard  bool               `toml:"residence_card"`
	Article        string             `toml:"article"`
}

// FaceRule is about frames per comparison, and comparisons before the visit is refused.
type FaceRule struct {
	Frames   int    `toml:"frames"`
	Attempts int    `toml:"attempts"`
	Article  string `toml:"article"`
}

// FingerRule says which fingers, how often each, and failed comparisons of one
// position before the visit is refused.
type FingerRule struct {
	Positions   []eid.FingerPosition `toml:"positions"`
	Impressions int                  `toml:"impressions"`
	Attempts    int                  `toml:"attempts"`
	Exceptions  []string             `toml:"exceptions"` // reasons for which a supervisor may leave one out (BIO-3)
	Article     string               `toml:"article"`
}

// ContactRule says what to ask for (requirements INF-1 to INF-3).
type ContactRule struct {
	Phone     bool   `toml:"phone"`      // a telephone number is required
	AtLeast   int    `toml:"at_least"`   // of telephone number and e-mail
	WarnBelow int    `toml:"warn_below"` // warn when fewer are given
	Article   string `toml:"article"`
}

// ConsentRule names the text that the person agrees to and how (CON-1).
type ConsentRule struct {
	Version string   `toml:"version"`
	Methods []string `toml:"methods"`
	Article string   `toml:"article"`
}

// DeadlineRow is one limit of requirements §1.7 in working days from receipt.
type DeadlineRow struct {
	Rule        string `toml:"rule"` // "CLK-2"
	Case        string `toml:"case"` // default, card_expired, reference_known
	WorkingDays int    `toml:"working_days"`
	Article     string `toml:"article"`
}

// ConsentText is the wording of one version in one language.
type ConsentText struct {
	Version  string `toml:"version" json:"version"`
	Language string `toml:"language" json:"language"` // vi, en
	Text     string `toml:"text" json:"text"`
}

// check finds what would make the rules unusable, so that a mistake in a file
// shows when the desk starts and not in front of a person.
func (r *Rules) check() error {
	switch {
	case r.Article == "" || r.Desk.Article == "" || r.Age.Article == "" || r.Documents.Article == "" ||
		r.Face.Article == "" || r.Finger.Article == "" || r.Contacts.Article == "" || r.Consent.Article == "":
		return fmt.Errorf("a section names no legal article")
	case len(r.Desk.Roles) == 0:
		return fmt.Errorf("no desk may run it")
	case r.Age.Minimum < 0 || r.Age.GuardianBelow < r.Age.Minimum || r.Age.Maximum <= r.Age.GuardianBelow:
		return fmt.Errorf("age limits %d, %d, %d are not in order", r.Age.Minimum, r.Age.GuardianBelow, r.Age.Maximum)
	case r.Age.LeapBirthday != "02-28" && r.Age.LeapBirthday != "03-01":
		return fmt.Errorf("leap_birthday %q: want 02-28 or 03-01", r.Age.LeapBirthday)
	case len(r.Documents.Kinds) == 0:
		return fmt.Errorf("no document is accepted")
	case r.Documents.WhenExpired != "warn" && r.Documents.WhenExpired != "refuse":
		return fmt.Errorf("when_expired %q: want warn or refuse", r.Documents.WhenExpired)
	case r.Face.Frames < 1 || r.Face.Attempts < 1:
		return fmt.Errorf("face frames and attempts must be at least 1")
	case r.Finger.Attempts < 1 || r.Finger.Impressions < 2:
		return fmt.Errorf("finger attempts must be at least 1, impressions at least 2")
	case r.Contacts.AtLeast > 2 || r.Contacts.WarnBelow > 2:
		return fmt.Errorf("there are two kinds of contact")
	case len(r.Consent.Methods) == 0:
		return fmt.Errorf("no way to give consent")
	}
	seen := map[eid.FingerPosition]bool{}
	for _, p := range r.Finger.Positions {
		if p < eid.RightThumb || p > eid.LeftLittle || seen[p] {
			return fmt.Errorf("finger position %d is unknown or doubled", p)
		}
		seen[p] = true
	}
	for _, language := range []string{"vi", "en"} {
		if _, err := r.ConsentText(language); err != nil {
			return err
		}
	}
	return r.checkDeadlines()
}

func (r *Rules) checkDeadlines() error {
	cases := map[string]bool{}
	for _, d := range r.Deadlines {
		if d.Rule == "" || d.Article == "" || d.WorkingDays < 1 || cases[d.Case] {
			return fmt.Errorf("deadline %q, case %q is incomplete or doubled", d.Rule, d.Case)
		}
		cases[d.Case] = true
	}
	if !cases["default"] || r.Documents.WhenExpired == "warn" && !cases["card_expired"] {
		return fmt.Errorf("no deadline for an ordinary or an expired document")
	}
	return nil
}
