package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/web/e2e"
)

// fakeToken behaves as a token with three tries; the real one is tested in
// hw/token and internal/demo.
type fakeToken struct {
	mu    sync.Mutex
	gone  bool
	wrong int
	open  bool
}

const rightPIN = "739156"

func (f *fakeToken) state() web.Token {
	return web.Token{Present: true, Label: "officer-1", Serial: "099", Unlocked: f.open, PIN: []string{"fine", "low", "final", "locked"}[f.wrong]}
}

func (f *fakeToken) Token(context.Context) (web.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return web.Token{}, eid.Fail(eid.CodeTokenAbsent, "read token", nil)
	}
	return f.state(), nil
}

func (f *fakeToken) Unlock(_ context.Context, pin eid.Private, lastTry bool) (web.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.wrong == 3:
		return f.state(), eid.Fail(eid.CodePINLocked, "unlock token", nil)
	case f.wrong == 2 && !lastTry:
		return f.state(), eid.Fail(eid.CodePINFinal, "unlock token", nil)
	case pin.Reveal() != rightPIN:
		f.wrong++
		return f.state(), eid.Fail([]eid.Code{eid.CodePINLow, eid.CodePINFinal, eid.CodePINLocked}[f.wrong-1], "unlock token", nil)
	}
	f.open, f.wrong = true, 0
	return f.state(), nil
}

func (f *fakeToken) Confirm(ctx context.Context, pin eid.Private, lastTry bool) (web.Token, error) {
	if s, err := f.Token(ctx); err != nil || s.PIN == "final" && !lastTry {
		return s, eid.Fail(eid.CodePINFinal, "confirm", err)
	}
	if err := f.Lock(ctx); err != nil {
		return web.Token{}, err
	}
	return f.Unlock(ctx, pin, lastTry)
}

func (f *fakeToken) Lock(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = false
	return nil
}

func TestOfficerToken(t *testing.T) {
	var log bytes.Buffer
	tok := &fakeToken{}
	s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Officer: tok, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	call := func(method, path, body string) (int, web.Token, eid.Code) {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = listen
		r.Header.Set("Authorization", "Bearer "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		var out struct {
			Token web.Token
			Error eid.Failure
		}
		if strings.Contains(w.Body.String(), rightPIN) {
			t.Errorf("%s answers with the PIN", path)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Code, out.Token, out.Error.Code
	}
	for i, tc := range []struct {
		method, path, body string
		status             int
		pin                string
		open               bool
		code               eid.Code
	}{
		{"GET", "/api/officer", "", 200, "fine", false, ""},
		{"POST", "/api/unlock", `{"pin":""}`, 422, "", false, eid.CodePINWrong},
		{"POST", "/api/unlock", `{"pin":"` + strings.Repeat("1", 65) + `"}`, 422, "", false, eid.CodePINWrong},
		{"POST", "/api/unlock", `{"pin":"1","puk":"2"}`, 400, "", false, eid.CodeInput},
		{"POST", "/api/unlock", `{"pin":"000001"}`, 422, "low", false, eid.CodePINLow},
		{"POST", "/api/unlock", `{"pin":"000002"}`, 422, "final", false, eid.CodePINFinal},
		{"POST", "/api/unlock", `{"pin":"` + rightPIN + `"}`, 422, "final", false, eid.CodePINFinal},
		{"POST", "/api/unlock", `{"pin":"` + rightPIN + `","last_try":true}`, 200, "fine", true, ""},
		{"GET", "/api/officer", "", 200, "fine", true, ""},
		{"POST", "/api/lock", `{}`, 200, "fine", false, ""},
	} {
		status, token, code := call(tc.method, tc.path, tc.body)
		if status != tc.status || token.PIN != tc.pin || token.Unlocked != tc.open || code != tc.code {
			t.Errorf("%d %s: %d %+v %s", i, tc.path, status, token, code)
		}
	}
	tok.gone = true
	if status, token, code := call("GET", "/api/officer", ""); status != 200 || token.Present || code != eid.CodeTokenAbsent {
		t.Errorf("pulled out: %d %+v %s", status, token, code)
	}
	if strings.Contains(log.String(), rightPIN) || strings.Contains(log.String(), "000001") || !strings.Contains(log.String(), "E-PIN-FINAL") {
		t.Errorf("log: %s", log.String())
	}
}

func TestDeskWithoutAToken(t *testing.T) {
	handler, token := newHandler(t, &fakeDesk{})
	for path, want := range map[string]int{"/api/officer": http.StatusOK, "/api/unlock": http.StatusServiceUnavailable} {
		method, body := "GET", ""
		if path == "/api/unlock" {
			method, body = "POST", `{"pin":"1"}`
		}
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = listen
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestShiftBeginsWithThePIN by keyboard: two wrong PINs, the last try with its
// question, then a visit.
func TestShiftBeginsWithThePIN(t *testing.T) {
	browserOrSkip(t)
	d, tok := &fakeDesk{pace: 20 * time.Millisecond}, &fakeToken{}
	s := serveDesk(t, d, web.Info{Desk: "desk-099", Role: "commune_police", Officer: "officer-1"}, tok)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	plan := citizen
	plan.PINs, plan.StopAt = []string{"000001", "000002", rightPIN}, "document"
	r, err := e2e.Drive(ctx, s.URL(), shots(t), plan)
	if err != nil {
		t.Fatalf("drive: %v (screenshots %v)", err, r.Shots)
	}
	if state, _ := tok.Token(ctx); !state.Unlocked || r.Step != "abandoned" {
		t.Errorf("%+v, %+v", state, r)
	}
}
