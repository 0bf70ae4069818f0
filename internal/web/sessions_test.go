package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/web"
)

func startWith(t *testing.T, sessions string) (*web.Server, func(path, method, cookie string) (int, string)) {
	t.Helper()
	s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Sessions: sessions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, func(path, method, cookie string) (int, string) {
		r := httptest.NewRequest(method, "http://"+listen+path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "enrold_8770", Value: cookie})
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			return w.Code, c.Value
		}
		return w.Code, ""
	}
}

// TestSessionOutlivesARestart: the cookie of before is good for one new one, over
// several restarts, and for nothing else.
func TestSessionOutlivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	first, ask := startWith(t, file)
	if status, _ := ask("/api/visit", "GET", first.Token()); status != 200 {
		t.Fatalf("before: %d", status)
	}
	startWith(t, file) // one that nobody saw
	third, ask := startWith(t, file)
	if status, _ := ask("/api/visit", "GET", first.Token()); status != 401 {
		t.Errorf("an old cookie reads: %d", status)
	}
	status, cookie := ask("/api/session/renew", "POST", first.Token())
	if status != 204 || cookie != third.Token() {
		t.Fatalf("renew: %d, cookie is the new token: %t", status, cookie == third.Token())
	}
	if status, _ := ask("/api/visit", "GET", cookie); status != 200 {
		t.Errorf("after: %d", status)
	}
	if status, cookie := ask("/api/session/renew", "POST", first.Token()); status != 401 || cookie != "" {
		t.Errorf("a spent cookie: %d", status)
	}
	if status, _ := ask("/api/session/renew", "POST", cookie); status != 204 {
		t.Errorf("another window of the same browser: %d", status)
	}
	stranger, err := web.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	for name, cookie := range map[string]string{"none": "", "a stranger's": stranger, "the hash": hashIn(t, file)} {
		if status, got := ask("/api/session/renew", "POST", cookie); status != 401 || got != "" {
			t.Errorf("cookie %s: %d", name, status)
		}
	}
}

// hashIn is a hash that the file holds: it opens nothing.
func hashIn(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), `"sha256":"`)
	hash, _, _ := strings.Cut(rest, `"`)
	if len(hash) != 64 {
		t.Fatalf("the file holds %q", data)
	}
	return hash
}

func TestSessionsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	s, _ := startWith(t, file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), s.Token()) {
		t.Error("the file holds the token itself")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for range 20 { // a daemon that dies and dies
		startWith(t, file)
	}
	if data, err = os.ReadFile(file); err != nil || strings.Count(string(data), "sha256") > 9 {
		t.Errorf("%d sessions kept, %v", strings.Count(string(data), "sha256"), err)
	}
	_, ask := startWith(t, file)
	if status, _ := ask("/api/session/renew", "POST", s.Token()); status != 401 {
		t.Errorf("the oldest of 20: %d", status)
	}

	// A session that was not used for a shift is over, and so is one of a time to come.
	for _, used := range []time.Time{time.Now().Add(-13 * time.Hour), time.Now().Add(time.Hour)} {
		old, _ := startWith(t, file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		i := strings.LastIndex(string(data), `"used":"`)
		if err := os.WriteFile(file, []byte(string(data[:i])+`"used":"`+used.UTC().Format(time.RFC3339)+`"}]`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, ask := startWith(t, file)
		if status, _ := ask("/api/session/renew", "POST", old.Token()); status != 401 {
			t.Errorf("used at %v: %d", used, status)
		}
	}

	// A file that is none costs nothing but the session.
	for _, content := range []string{"", "{", `[{"sha256":1}]`, strings.Repeat("x", 8<<10)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := startWith(t, file)
		_, ask := startWith(t, file)
		if status, _ := ask("/api/session/renew", "POST", before.Token()); status != 204 {
			t.Errorf("after %.20q: %d", content, status)
		}
	}
}
