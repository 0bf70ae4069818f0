// Package procedure holds what the law asks of a visit as data: versioned rule
// sets with the article behind each rule, the calendar of working days, and the
// checks of numbers, contacts and ages that follow from them. A change of the
// law is a new file under rules/, not new code.
package procedure

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/enrold/enrold/internal/eid"
)

//go:embed rules/*.toml data/*.toml
var files embed.FS

// RuleSet is one file under rules/: a legal text in one version.
type RuleSet struct {
	ID            string                       `toml:"id"`
	TitleVI       string                       `toml:"title_vi"`
	TitleEN       string                       `toml:"title_en"`
	EffectiveFrom eid.Date                     `toml:"effective_from"` // first day
	EffectiveTo   eid.Date                     `toml:"effective_to"`   // last day; "" while in force
	Enabled       bool                         `toml:"enabled"`
	Unknown       []string                     `toml:"unknown"` // what nobody could read yet
	Consents      []ConsentText                `toml:"consents"`
	Procedures    map[eid.ProcedureKind]*Rules `toml:"procedures"`

	sha256 [sha256.Size]byte // of the file
}

// Registry is all rule sets that this version of the software knows.
type Registry struct {
	mu       sync.RWMutex // over what Adopt replaces
	sets     []*RuleSet
	calendar *Calendar
}

// Load reads the embedded rule sets, strictly: an unknown key, a missing
// article or a limit out of order is an error.
func Load() (*Registry, error) { return load(files) }

func load(fsys fs.FS) (*Registry, error) {
	calendar, err := loadCalendar(fsys)
	if err != nil {
		return nil, err
	}
	var pins pinTable
	if err := decode(fsys, "data/personal_number.toml", &pins); err != nil {
		return nil, err
	}
	names, err := fs.Glob(fsys, "rules/*.toml")
	if err != nil {
		return nil, fmt.Errorf("list rule sets: %w", err)
	}
	r := &Registry{calendar: calendar}
	for _, name := range names {
		set := new(RuleSet)
		if err := decode(fsys, name, set); err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		set.sha256 = sha256.Sum256(text)
		if err := set.prepare(calendar, pins); err != nil {
			return nil, fmt.Errorf("check %s: %w", name, err)
		}
		r.sets = append(r.sets, set)
	}
	return r, nil
}

// prepare checks the set and gives each procedure what it shares with the others.
func (s *RuleSet) prepare(calendar *Calendar, pins pinTable) error {
	if s.ID == "" {
		return errors.New("a rule set needs an id")
	}
	if _, err := parseDay(s.EffectiveFrom); err != nil {
		return fmt.Errorf("effective_from: %w", err)
	}
	if s.EffectiveTo != "" {
		if _, err := parseDay(s.EffectiveTo); err != nil || s.EffectiveTo < s.EffectiveFrom {
			return errors.New("effective_to is no day after effective_from")
		}
	}
	if s.Enabled && len(s.Unknown) > 0 {
		return errors.New("a rule set with unknown parts cannot be enabled")
	}
	for kind, p := range s.Procedures {
		p.ID, p.Kind, p.SHA256 = s.ID, kind, s.sha256
		p.texts, p.calendar, p.pins = s.Consents, calendar, pins
		if err := p.check(); err != nil {
			return fmt.Errorf("procedure %s: %w", kind, err)
		}
	}
	return nil
}

// Active returns the rules of a procedure on a day: of the enabled sets in force,
// the one that came into force last. None is an error with eid.CodeInput.
func (r *Registry) Active(kind eid.ProcedureKind, day eid.Date) (*Rules, error) {
	var found *RuleSet
	for _, s := range r.all() {
		if !s.Enabled || s.Procedures[kind] == nil || day < s.EffectiveFrom || s.EffectiveTo != "" && day > s.EffectiveTo {
			continue
		}
		if found == nil || s.EffectiveFrom > found.EffectiveFrom {
			found = s
		}
	}
	if found == nil {
		return nil, eid.Fail(eid.CodeInput, "find rules", fmt.Errorf("no procedure %q in force on %s", kind, day))
	}
	return found.Procedures[kind], nil
}

// Rules returns the rules under which a visit was started, in force or not: a
// visit ends under the rules it began with.
func (r *Registry) Rules(ruleSet string, kind eid.ProcedureKind) (*Rules, error) {
	for _, s := range r.all() {
		if s.ID == ruleSet && s.Procedures[kind] != nil {
			return s.Procedures[kind], nil
		}
	}
	return nil, fmt.Errorf("find rules: no %s in rule set %q", kind, ruleSet)
}

// RuleSets returns all sets, disabled ones too, ordered by id.
func (r *Registry) RuleSets() []*RuleSet {
	sets := slices.Clone(r.all())
	slices.SortFunc(sets, func(a, b *RuleSet) int { return strings.Compare(a.ID, b.ID) })
	return sets
}

// Calendar returns the calendar of working days.
func (r *Registry) Calendar() *Calendar {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.calendar
}

func decode(fsys fs.FS, name string, into any) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return fmt.Errorf("read %s: unknown key:\n%s", name, strict.String())
		}
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
