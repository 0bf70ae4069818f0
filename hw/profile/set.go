package profile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"

	firmwareprofiles "github.com/enrold/enrold/firmware-profiles"
)

// Set is a checked collection of profiles, by name.
type Set struct {
	profiles []Profile // sorted by name
}

// DropIn is where an administrator puts profiles of a machine.
const DropIn = "/etc/enrold/profiles.d"

const maxFile = 64 << 10

// Load reads the embedded profiles and then the folders in turn, whose files
// replace earlier ones of the same name. A folder may be empty or missing.
func Load(folders ...string) (*Set, error) {
	byName := map[string]Profile{}
	if err := add(byName, firmwareprofiles.Files, false); err != nil {
		return nil, fmt.Errorf("load embedded profiles: %w", err)
	}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if err := trusted(folder); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("load profiles of %s: %w", folder, err)
		}
		if err := add(byName, os.DirFS(folder), true); err != nil {
			return nil, fmt.Errorf("load profiles of %s: %w", folder, err)
		}
	}
	return newSet(byName)
}

// trusted refuses a folder that others than its owner may write: who writes
// there decides which commands a device receives.
func trusted(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("folder is writable by group or others")
	}
	return nil
}

func add(byName map[string]Profile, files fs.FS, replace bool) error {
	names, err := fs.Glob(files, "*.toml")
	if err != nil {
		return err
	}
	for _, file := range names {
		p, err := read(files, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if _, there := byName[p.Name]; there && !replace {
			return fmt.Errorf("%s: a second profile named %s", file, p.Name)
		}
		byName[p.Name] = p
	}
	return nil
}

func read(files fs.FS, file string) (Profile, error) {
	info, err := fs.Stat(files, file)
	if err != nil {
		return Profile{}, err
	}
	if info.Size() > maxFile {
		return Profile{}, fmt.Errorf("larger than %d bytes", maxFile)
	}
	raw, err := fs.ReadFile(files, file)
	if err != nil {
		return Profile{}, err
	}
	p, err := Parse(raw)
	if err != nil {
		return Profile{}, err
	}
	if p.Name != strings.TrimSuffix(filepath.Base(file), ".toml") {
		return Profile{}, fmt.Errorf("name %q is not the file's name", p.Name)
	}
	p.SHA256 = sha256.Sum256(raw)
	return p, nil
}

// Parse decodes and checks one profile, strictly.
func Parse(raw []byte) (Profile, error) {
	var p Profile
	dec := toml.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return Profile{}, fmt.Errorf("unknown key:\n%s", strict.String())
		}
		return Profile{}, err
	}
	return p, p.check()
}

func newSet(byName map[string]Profile) (*Set, error) {
	s := &Set{}
	seen := map[string]string{}
	for _, p := range byName {
		s.profiles = append(s.profiles, p)
	}
	sort.Slice(s.profiles, func(i, j int) bool { return s.profiles[i].Name < s.profiles[j].Name })
	for _, p := range s.profiles {
		for _, m := range p.Match {
			key := fmt.Sprintf("%04x:%04x %04x-%04x class %02x %q", m.VID, m.PID, m.RevisionMin, m.RevisionMax, m.Class, m.Name)
			if other, taken := seen[key]; taken {
				return nil, fmt.Errorf("profiles %s and %s match the same: %s", other, p.Name, key)
			}
			seen[key] = p.Name
		}
	}
	return s, nil
}

// All returns the profiles by name.
func (s *Set) All() []Profile { return append([]Profile(nil), s.profiles...) }

// Named returns the profile called name.
func (s *Set) Named(name string) (Profile, error) {
	for _, p := range s.profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("no profile named %q", name)
}
