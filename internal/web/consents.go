package web

import (
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// RuleTexts reads consent texts from the rule sets.
type RuleTexts struct {
	Rules *procedure.Registry
	Now   func() time.Time
}

// ConsentText implements Consents.
func (t RuleTexts) ConsentText(ruleSet string, kind eid.ProcedureKind, language string) (ConsentText, error) {
	var rules *procedure.Rules
	var err error
	if ruleSet == "" {
		rules, err = t.Rules.Active(kind, procedure.Day(t.Now()))
	} else {
		rules, err = t.Rules.Rules(ruleSet, kind)
	}
	if err != nil {
		return ConsentText{}, err
	}
	text, err := rules.ConsentText(language)
	if err != nil {
		return ConsentText{}, err
	}
	return ConsentText{Version: text.Version, Language: text.Language, Text: text.Text, Citation: rules.Consent.Article}, nil
}
