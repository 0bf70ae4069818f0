package procedure

import (
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

func TestPhone(t *testing.T) {
	for in, want := range map[string]string{
		"0912345678": "0912345678", "0321234567": "0321234567", "0561234567": "0561234567",
		"0701234567": "0701234567", "0881234567": "0881234567",
		"+84912345678": "0912345678", "84912345678": "0912345678", "091 234 5678": "0912345678",
	} {
		if got, err := NormalisePhone(in); err != nil || got != want {
			t.Errorf("%s: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"0112345678", "0212345678", "091234567", "09123456789", "0612345678", "+1912345678", "0९12345678"} {
		_, err := NormalisePhone(in)
		wantCode(t, err, eid.CodePhoneFormat)
		if err != nil && strings.Contains(err.Error(), in) {
			t.Errorf("the error repeats the number")
		}
	}
}

func TestContacts(t *testing.T) {
	citizen, foreigner := rules(t, eid.CitizenLevel2), rules(t, eid.ForeignerLevel2)
	guardian := &eid.Guardian{Name: "TRẦN VĂN MẪU", Number: "099080000001", Relation: "father", Phone: "+84 912 345 678"}
	for _, c := range []struct {
		name     string
		rules    *Rules
		in       eid.Contacts
		guardian *eid.Guardian
		code     eid.Code
		phone    eid.Private
		warnings int
	}{
		{"citizen", citizen, eid.Contacts{Phone: "091 234 5678"}, nil, "", "0912345678", 1},
		{"citizen without", citizen, eid.Contacts{Email: "a@example.invalid"}, nil, eid.CodeContactMissing, "", 0},
		{"citizen bad", citizen, eid.Contacts{Phone: "0212345678"}, nil, eid.CodePhoneFormat, "", 0},
		{"bad e-mail", citizen, eid.Contacts{Phone: "0912345678", Email: "a"}, nil, eid.CodeInput, "", 0},
		{"e-mail with a name", citizen, eid.Contacts{Phone: "0912345678", Email: "A <a@example.invalid>"}, nil, eid.CodeInput, "", 0},
		{"minor", citizen, eid.Contacts{}, guardian, "", "0912345678", 1},
		{"foreigner both", foreigner, eid.Contacts{Phone: "0912345678", Email: "a@example.invalid"}, nil, "", "0912345678", 1},
		{"foreigner one", foreigner, eid.Contacts{Email: "a@example.invalid"}, nil, "", "", 1},
		{"foreigner none", foreigner, eid.Contacts{}, nil, eid.CodeContactMissing, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, warnings, err := c.rules.CheckContacts(c.in, c.guardian)
			wantCode(t, err, c.code)
			if err == nil && (got.Phone != c.phone || len(warnings) != c.warnings) {
				t.Errorf("got phone %q, warnings %v", got.Phone.Reveal(), warnings)
			}
		})
	}
}

func TestGuardian(t *testing.T) {
	r := rules(t, eid.CitizenLevel2)
	good := eid.Guardian{Name: " TRẦN VĂN MẪU ", Number: "099080000001", Relation: "father", Phone: "84912345678"}
	if g, err := r.CheckGuardian(good); err != nil || g.Phone != "0912345678" || g.Name != "TRẦN VĂN MẪU" {
		t.Errorf("got %v, phone %q, name %q", err, g.Phone.Reveal(), g.Name.Reveal())
	}
	for _, c := range []struct {
		change func(*eid.Guardian)
		code   eid.Code
	}{
		{func(g *eid.Guardian) { g.Name = " " }, eid.CodeGuardian},
		{func(g *eid.Guardian) { g.Number = "12" }, eid.CodeGuardian},
		{func(g *eid.Guardian) { g.Relation = "friend" }, eid.CodeGuardian},
		{func(g *eid.Guardian) { g.Phone = "" }, eid.CodePhoneFormat},
	} {
		g := good
		c.change(&g)
		_, err := r.CheckGuardian(g)
		wantCode(t, err, c.code)
	}
}

func TestResidence(t *testing.T) {
	r := rules(t, eid.ForeignerLevel2)
	for _, c := range []struct {
		card eid.ResidenceCard
		code eid.Code
	}{
		{eid.ResidenceCard{Type: "TRC", Number: "TT099001", Expiry: "2026-06-01"}, ""},
		{eid.ResidenceCard{Type: "PRC", Number: "AB-12/34", Expiry: "2029-12-31"}, ""},
		{eid.ResidenceCard{Type: "TRC", Number: "TT099001", Expiry: "2026-05-31"}, eid.CodeNoResidenceCard},
		{eid.ResidenceCard{Type: "VISA", Number: "TT099001", Expiry: "2029-12-31"}, eid.CodeNoResidenceCard},
		{eid.ResidenceCard{Type: "TRC", Number: "tt09", Expiry: "2029-12-31"}, eid.CodeInput},
		{eid.ResidenceCard{Type: "TRC", Number: "TT099001", Expiry: "2029-12-00"}, eid.CodeInput},
	} {
		wantCode(t, r.CheckResidence(c.card, "2026-06-01"), c.code)
	}
}

func TestConsent(t *testing.T) {
	r := rules(t, eid.CitizenLevel2)
	for _, language := range []string{"vi", "en"} {
		text, err := r.ConsentText(language)
		if err != nil || len(text.Text) < 200 {
			t.Errorf("%s: %v, %d bytes", language, err, len(text.Text))
		}
		wantCode(t, r.CheckConsent(eid.Consent{TextVersion: text.Version, Language: language, Method: "verbal_witness"}), "")
	}
	v := r.Consent.Version
	for _, c := range []eid.Consent{
		{},
		{TextVersion: "old", Language: "vi", Method: "wet_ink"},
		{TextVersion: v, Language: "fr", Method: "wet_ink"},
		{TextVersion: v, Language: "vi", Method: "silence"},
	} {
		wantCode(t, r.CheckConsent(c), eid.CodeConsentMissing)
	}
}
