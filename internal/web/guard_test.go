package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/web"
)

const listen = "127.0.0.1:8770"

// newHandler is the server's handler without a listener, and its token.
func newHandler(t *testing.T, d *fakeDesk) (http.Handler, string) {
	t.Helper()
	s, err := web.New(web.Options{
		Listen: listen, Info: web.Info{Desk: "desk-099", Role: "commune_police"},
		Desk: d, Preview: d, Queue: d, Devices: d, Consents: d, OperationLimit: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Handler(), s.Token()
}

// TestAttacks is the attack table: who may not reach a person's data, and how
// each is refused. The first rows show that the screen itself passes.
func TestAttacks(t *testing.T) {
	d := &fakeDesk{}
	if err := d.Start(t.Context(), "citizen"); err != nil {
		t.Fatal(err)
	}
	handler, token := newHandler(t, d)
	cookie := "enrold_8770=" + token
	other, err := web.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		method string
		path   string
		host   string
		header string // lines "Name: value"
		body   string
		status int
	}{
		{"screen reads", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: same-origin", "", 200},
		{"screen acts", "POST", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: same-origin\nOrigin: http://" + listen, `{"procedure":"citizen"}`, 200},
		{"screen by the name localhost", "GET", "/api/visit", "localhost:8770", "Cookie: " + cookie + "\nSec-Fetch-Site: same-origin\nOrigin: http://localhost:8770", "", 200},
		{"native client", "GET", "/api/visit", listen, "Authorization: Bearer " + token, "", 200},
		{"person types the address", "GET", "/", listen, "Sec-Fetch-Site: none", "", 0},

		{"no token", "GET", "/api/visit", listen, "", "", 401},
		{"no token for the overview", "GET", "/api/overview", listen, "", "", 401},
		{"renewal without an earlier session", "POST", "/api/session/renew", listen, "Sec-Fetch-Site: same-origin\nOrigin: http://" + listen, `{}`, 401},
		{"renewal by a foreign page", "POST", "/api/session/renew", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: cross-site\nOrigin: http://example.com", `{}`, 403},
		{"renewal by another port", "POST", "/api/session/renew", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: same-site\nOrigin: http://127.0.0.1:9999", `{}`, 403},
		{"renewal under a foreign name", "POST", "/api/session/renew", "rebind.example:8770", "Cookie: " + cookie, `{}`, 421},
		{"no token for events", "GET", "/api/events", listen, "", "", 401},
		{"no token for the camera", "GET", "/api/preview", listen, "", "", 401},
		{"wrong token", "GET", "/api/visit", listen, "Authorization: Bearer " + other, "", 401},
		{"empty token", "GET", "/api/visit", listen, "Authorization: Bearer ", "", 401},
		{"wrong cookie", "GET", "/api/visit", listen, "Cookie: enrold_8770=" + other, "", 401},
		{"cookie of a desk on another port", "GET", "/api/visit", listen, "Cookie: enrold_8771=" + token, "", 401},
		{"token in the address", "GET", "/api/visit?token=" + token, listen, "", "", 401},
		{"wrong token for a session", "POST", "/api/session", listen, "", `{"token":"` + other + `"}`, 401},

		{"DNS rebinding", "GET", "/api/visit", "evil.example:8770", "Cookie: " + cookie, "", 421},
		{"DNS rebinding of the page", "GET", "/", "evil.example:8770", "", "", 421},
		{"DNS rebinding with a bearer", "GET", "/api/visit", "evil.example:8770", "Authorization: Bearer " + token, "", 421},
		{"host without port", "GET", "/api/visit", "127.0.0.1", "Cookie: " + cookie, "", 421},
		{"host of another loopback address", "GET", "/api/visit", "127.0.0.2:8770", "Cookie: " + cookie, "", 421},
		{"empty host", "GET", "/api/visit", "", "Cookie: " + cookie, "", 421},

		{"cross-site image or script", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: cross-site", "", 403},
		{"cross-site navigation", "GET", "/", listen, "Sec-Fetch-Site: cross-site", "", 403},
		{"page on another port", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: same-site", "", 403},
		{"API opened as a page", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: none", "", 403},
		{"foreign origin reads", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nOrigin: https://evil.example", "", 403},
		{"foreign origin acts", "POST", "/api/send", listen, "Cookie: " + cookie + "\nOrigin: https://evil.example", `{}`, 403},
		{"origin of another port", "POST", "/api/send", listen, "Cookie: " + cookie + "\nOrigin: http://127.0.0.1:9999", `{}`, 403},
		{"origin null", "POST", "/api/send", listen, "Cookie: " + cookie + "\nOrigin: null", `{}`, 403},
		{"origin over TLS", "POST", "/api/send", listen, "Cookie: " + cookie + "\nOrigin: https://" + listen, `{}`, 403},
		{"two origins", "POST", "/api/send", listen, "Cookie: " + cookie + "\nOrigin: http://" + listen + "\nOrigin: https://evil.example", `{}`, 403},
		{"two fetch sites", "GET", "/api/visit", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site", "", 403},
		{"cross-site form", "POST", "/api/abandon", listen, "Cookie: " + cookie + "\nSec-Fetch-Site: cross-site\nContent-Type: text/plain", `{}`, 403},

		{"form without CORS", "POST", "/api/abandon", listen, "Cookie: " + cookie + "\nContent-Type: text/plain", `{}`, 415},
		{"form-encoded", "POST", "/api/abandon", listen, "Cookie: " + cookie + "\nContent-Type: application/x-www-form-urlencoded", `a=b`, 415},
		{"action by GET", "GET", "/api/send", listen, "Authorization: Bearer " + token, "", 405},
		{"action by PUT", "PUT", "/api/send", listen, "Authorization: Bearer " + token, `{}`, 405},
		{"preflight", "OPTIONS", "/api/visit", listen, "Origin: https://evil.example\nAccess-Control-Request-Method: POST", "", 403},
		{"page by POST", "POST", "/", listen, "", "", 405},
		{"TRACE", "TRACE", "/api/visit", listen, "Authorization: Bearer " + token, "", 405},
		{"path out of the folder", "GET", "/../guard.go", listen, "", "", 404},
		{"path out of the folder, escaped", "GET", "/%2e%2e/%2e%2e/guard.go", listen, "", "", 404},
		{"folder listing", "GET", "/assets/", listen, "", "", 404},
		{"hidden file", "GET", "/.gitkeep", listen, "", "", 404},
		{"unknown endpoint", "GET", "/api/nothing", listen, "Authorization: Bearer " + token, "", 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "http://"+listen+"/", strings.NewReader(test.body))
			path, query, _ := strings.Cut(test.path, "?")
			r.URL.Path, r.URL.RawQuery = strings.ReplaceAll(path, "%2e", "."), query
			r.Host = test.host
			for line := range strings.Lines(test.header) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				r.Header.Add(name, value)
			}
			if test.body != "" && r.Header.Get("Content-Type") == "" {
				r.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if test.status == 0 { // the page: 200 where it is built, 404 with a hint where it is not
				if w.Code != 200 && w.Code != 404 {
					t.Errorf("status %d, want the page", w.Code)
				}
			} else if w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if test.status >= 400 && strings.Contains(w.Body.String(), d.View().ID) {
				t.Error("a refused request was answered with the visit")
			}
			checkHeaders(t, w.Header())
		})
	}
}

// checkHeaders holds for every answer, refused ones too.
func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q has no %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("policy %q lets too much in", policy)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("nosniff or no-referrer is missing: %v", h)
	}
	if h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin is allowed by CORS")
	}
}

func TestSessionCookie(t *testing.T) {
	handler, token := newHandler(t, &fakeDesk{})
	r := httptest.NewRequest("POST", "http://"+listen+"/api/session", strings.NewReader(`{"token":"`+token+`"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	cookies := w.Result().Cookies()
	if w.Code != 204 || len(cookies) != 1 {
		t.Fatalf("status %d with %d cookies", w.Code, len(cookies))
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Name != "enrold_8770" || c.Path != "/api/" || c.Domain != "" {
		t.Errorf("cookie %s: want HttpOnly, SameSite=Strict, the port in its name, no domain", c.Raw)
	}
	r = httptest.NewRequest("GET", "http://"+listen+"/api/visit", nil)
	r.AddCookie(c)
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("with the cookie: status %d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestNewRefuses(t *testing.T) {
	d := &fakeDesk{}
	for name, o := range map[string]web.Options{
		"no desk":       {Listen: listen},
		"no port":       {Listen: "127.0.0.1", Desk: d},
		"port unknown":  {Listen: "127.0.0.1:0", Desk: d},
		"every address": {Listen: "0.0.0.0:8770", Desk: d},
		"a LAN address": {Listen: "192.168.1.10:8770", Desk: d},
		"a name":        {Listen: "localhost:8770", Desk: d},
		"short token":   {Listen: listen, Desk: d, Token: "secret"},
	} {
		if _, err := web.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s, err := web.New(web.Options{Listen: "[::1]:8770", Desk: d})
	if err != nil {
		t.Fatalf("IPv6 loopback: %v", err)
	}
	defer s.Close()
	if want := "http://[::1]:8770/#token=" + s.Token(); s.URL() != want {
		t.Errorf("URL %q, want %q", s.URL(), want)
	}
}

func get(t *testing.T, s *web.Server, path string) *http.Response {
	t.Helper()
	base, _, _ := strings.Cut(s.URL(), "/#")
	r, err := http.NewRequestWithContext(t.Context(), "GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := resp.Body.Close(); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	return resp
}
