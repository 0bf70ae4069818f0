package web_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func texts(t *testing.T, language string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("ui", "src", "i18n", language+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", language, err)
	}
	return m
}

// TestTexts: both languages have the same keys and placeholders, in NFC.
func TestTexts(t *testing.T) {
	vi, en := texts(t, "vi"), texts(t, "en")
	values := regexp.MustCompile(`\{\w+\}`)
	for key, text := range vi {
		other, ok := en[key]
		if !ok {
			t.Errorf("%s is not in en.json", key)
			continue
		}
		a, b := values.FindAllString(text, -1), values.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: values %v in Vietnamese, %v in English", key, a, b)
		}
		if text == "" || other == "" || !norm.NFC.IsNormalString(text) {
			t.Errorf("%s: empty or not NFC", key)
		}
	}
	for key := range en {
		if _, ok := vi[key]; !ok {
			t.Errorf("%s is not in vi.json", key)
		}
	}
}

// TestCodesHaveWords: what the reader, the wire and the deciding side name by a
// stable word has words on the screen.
func TestCodesHaveWords(t *testing.T) {
	vi := texts(t, "vi")
	for _, list := range []struct {
		prefix string
		folder string
		name   *regexp.Regexp
	}{
		{"check_word.", "../../reader", regexp.MustCompile(`(?m)^(?:\t|const )[Ww]ord[A-Z]\w*\s*=\s*"([^"]+)"`)},
		{"reason.", "../../sync/wire", regexp.MustCompile(`(?m)^\tReason[A-Z]\w*\s+Reason\s*=\s*"([^"]+)"`)},
		{"reason.", "../population", regexp.MustCompile(`(?m)^\tReason[A-Z]\w*\s+wire\.Reason\s*=\s*"([^"]+)"`)},
		{"reason.", "../simulator", regexp.MustCompile(`(?m)^\tReason[A-Z]\w*\s+wire\.Reason\s*=\s*"([^"]+)"`)},
		{"state.", "../../queue", regexp.MustCompile(`(?m)^\t[A-Z]\w*\s+State\s*=\s*"([^"]+)"`)},
		{"outcome.", "../../queue", regexp.MustCompile(`(?m)^\t[A-Z]\w*\s+State\s*=\s*"([^"]+)"`)},
	} {
		found := 0
		err := filepath.WalkDir(list.folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			for _, m := range list.name.FindAllStringSubmatch(string(data), -1) {
				found++
				if _, ok := vi[list.prefix+m[1]]; !ok && m[1] != "captured" { // captured has no row yet
					t.Errorf("%s names %q, which has no text %s", path, m[1], list.prefix+m[1])
				}
			}
			return err
		})
		if err != nil || found == 0 {
			t.Errorf("%s: %d names found, %v", list.folder, found, err)
		}
	}
}

// TestTextsAreUsed: every key that the screen asks for exists, every text is
// asked for, and no component holds words of its own.
func TestTextsAreUsed(t *testing.T) {
	vi := texts(t, "vi")
	literal := regexp.MustCompile(`'([a-z_]+\.[\w.]*)'`)
	used := map[string]bool{}
	words := regexp.MustCompile(`>\s*[\p{Lu}][\p{Ll}]+ [\p{L} ]+<`)
	err := fs.WalkDir(os.DirFS("ui/src"), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".svelte") && !strings.HasSuffix(path, ".js") {
			return err
		}
		data, err := os.ReadFile(filepath.Join("ui", "src", path))
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(data), -1) {
			found := false // a whole key, or the beginning of keys
			for key := range vi {
				if key == m[1] || strings.HasPrefix(key, m[1]) && strings.Contains(string(data), m[0]+" + ") {
					used[key], found = true, true
				}
			}
			if !found {
				t.Errorf("%s asks for %q, which is no text", path, m[1])
			}
		}
		if strings.HasSuffix(path, ".svelte") {
			if m := words.FindString(string(data)); m != "" {
				t.Errorf("%s has words of its own: %q", path, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range vi {
		if !used[key] {
			t.Errorf("nothing asks for %q", key)
		}
	}
}
