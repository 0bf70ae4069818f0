package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

const good = `
[desk]
id = "d1"
role = "commune_police"
officer = "o1"
data = "data"
listen = "127.0.0.1:0"
`

func load(t *testing.T, text string) (Config, string, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "desk.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	return c, dir, err
}

func TestLoadResolvesPathsAndDefaults(t *testing.T) {
	c, dir, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Desk.Data != filepath.Join(dir, "data") || c.Chip.Origin != eid.OriginDevice {
		t.Fatalf("got %+v", c)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":            {good + "colour = 1\n", "unknown key"},
		"no desk":                {"", "desk.id"},
		"open screen":            {strings.Replace(good, "127.0.0.1", "0.0.0.0", 1), "loopback"},
		"name for address":       {strings.Replace(good, "127.0.0.1", "localhost", 1), "loopback"},
		"role":                   {strings.Replace(good, "commune_police", "district_police", 1), "desk.role"},
		"origin":                 {good + "[chip]\norigin = \"dream\"\n", "chip.origin"},
		"emulated in production": {good + "production = true\n[camera]\norigin = \"emulated\"\n", "refuses emulated"},
		"not toml":               {"desk = [", "read configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := load(t, tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestMarshalLoads(t *testing.T) {
	c, _, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := load(t, string(text))
	if err != nil || again != c {
		t.Fatalf("got %+v, %v", again, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "desk.toml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(path); err == nil && c.Desk.ID == "" {
			t.Fatal("a desk without a name was accepted")
		}
	})
}
