package quality

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"time"

	"github.com/pelletier/go-toml/v2"
)

//go:embed profiles.toml
var profilesTOML []byte

// Profile is what one kind of capture asks for.
type Profile struct {
	ID       string  `toml:"id" json:"id"`
	LabelVI  string  `toml:"label_vi" json:"label_vi"`
	LabelEN  string  `toml:"label_en" json:"label_en"`
	WhyVI    string  `toml:"why_vi" json:"why_vi,omitempty"` // why it differs from the first profile
	WhyEN    string  `toml:"why_en" json:"why_en,omitempty"`
	Seconds  float64 `toml:"seconds" json:"seconds"`   // the best frames within this time
	Movement float64 `toml:"movement" json:"movement"` // in face widths between two frames, at most
	Changes  []Limit `toml:"limits" json:"limits"`     // of the first profile: all limits

	limits map[string]Limit
}

// Limit is what is asked of one measure.
type Limit struct {
	Measure string `toml:"measure" json:"measure"`
	Least   int    `toml:"least" json:"least"`   // below, a frame is not taken
	Wanted  int    `toml:"wanted" json:"wanted"` // from here on it is taken at once
}

// Within is the time for a capture.
func (p Profile) Within() time.Duration { return time.Duration(p.Seconds * float64(time.Second)) }

// Profiles reads the profiles that are part of the program, the standard one
// first.
func Profiles() ([]Profile, error) { return parseProfiles(profilesTOML) }

// Named finds a profile; "" is the standard one.
func Named(profiles []Profile, id string) (Profile, error) {
	for i, p := range profiles {
		if p.ID == id || id == "" && i == 0 {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("no capture profile is called %q", id)
}

func parseProfiles(data []byte) ([]Profile, error) {
	var file struct {
		Profile []Profile `toml:"profile"`
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("read capture profiles: %w", err)
	}
	if len(file.Profile) == 0 {
		return nil, fmt.Errorf("read capture profiles: none")
	}
	for i := range file.Profile {
		p, first := &file.Profile[i], file.Profile[0]
		p.limits = maps.Clone(first.limits)
		if p.limits == nil {
			p.limits = map[string]Limit{}
		}
		if p.Movement == 0 {
			p.Movement = first.Movement
		}
		for _, l := range p.Changes {
			if wordsOf(l.Measure).ReasonEN == "" || l.Least < 0 || l.Wanted < l.Least || l.Wanted > 100 {
				return nil, fmt.Errorf("read capture profiles: %s asks %d and %d of %q", p.ID, l.Least, l.Wanted, l.Measure)
			}
			p.limits[l.Measure] = l
		}
		if !(p.Seconds > 0 && p.Seconds <= 30) || !(p.Movement > 0 && p.Movement < 1) || p.ID == "" {
			return nil, fmt.Errorf("read capture profiles: %q: %g seconds, movement %g", p.ID, p.Seconds, p.Movement)
		}
	}
	return file.Profile, nil
}

// Limit of a measure; least and wanted are 0 where nothing is asked.
func (p Profile) Limit(measure string) Limit { return p.limits[measure] }

// Faults are the measures of r that p does not accept, the coarsest first.
func (p Profile) Faults(r Report) []Words {
	return p.below(r, func(l Limit) int { return l.Least })
}

// Wishes are the measures of r that could be better, the coarsest first.
func (p Profile) Wishes(r Report) []Words {
	return p.below(r, func(l Limit) int { return l.Wanted })
}

func (p Profile) below(r Report, limit func(Limit) int) (out []Words) {
	for _, w := range words {
		if x, ok := r.Get(w.Name); ok && x.Value < limit(p.limits[w.Name]) {
			out = append(out, w)
		}
	}
	return out
}
