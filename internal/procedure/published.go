package procedure

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Published is what a central publishes as signed data. The caller has verified
// the signature.
type Published struct {
	Calendar []byte            // takes the place of data/vn.toml; nil keeps it
	Rules    map[string][]byte // rule sets by file name, beside the embedded ones or in the place of one
}

// LoadPublished reads the embedded rule sets with what is published laid over
// them, as strictly as [Load].
func LoadPublished(p Published) (*Registry, error) { return load(overlay{files, p}) }

// Adopt takes over the sets and the calendar of from: from now on, visits begin
// under them. A visit that is open ends under the rules it holds.
func (r *Registry) Adopt(from *Registry) {
	from.mu.RLock()
	sets, calendar := from.sets, from.calendar
	from.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sets, r.calendar = sets, calendar
}

func (r *Registry) all() []*RuleSet {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sets
}

// overlay is the embedded files with published ones over them.
type overlay struct {
	fs.FS
	over Published
}

const rulesFolder = "rules/"

// ReadFile implements fs.ReadFileFS.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if name == calendarName && o.over.Calendar != nil {
		return o.over.Calendar, nil
	}
	if rest, ok := strings.CutPrefix(name, rulesFolder); ok {
		if data, ok := o.over.Rules[rest]; ok {
			return data, nil
		}
	}
	return fs.ReadFile(o.FS, name)
}

// Glob implements fs.GlobFS.
func (o overlay) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(o.FS, pattern)
	if err != nil {
		return nil, err
	}
	for name := range o.over.Rules {
		name = rulesFolder + name
		if ok, err := path.Match(pattern, name); err == nil && ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
