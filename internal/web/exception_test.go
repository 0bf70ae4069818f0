package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

// post sends one action and returns its status and answer.
func post(t *testing.T, handler http.Handler, token, path, body string) (int, reply) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://"+listen+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var got reply
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v in %q", path, err, w.Body)
	}
	return w.Code, got
}

// at brings a visit to a step.
func at(t *testing.T, d *fakeDesk, step station.Step) {
	t.Helper()
	ctx := t.Context()
	steps := []func() error{
		func() error { return d.Start(ctx, eid.CitizenLevel2) },
		func() error { return d.ReadChip(ctx, eid.AccessKey{Number: "099064000101"}) },
		func() error { return d.CaptureFace(ctx) },
		func() error {
			return d.ExceptFinger(ctx, eid.RightIndex, "worn", station.Supervisor{ID: "s-099", PIN: supervisorPIN})
		},
		func() error {
			return d.ExceptFinger(ctx, eid.LeftIndex, "worn", station.Supervisor{ID: "s-099", PIN: supervisorPIN})
		},
	}
	for _, do := range steps {
		if v := d.View(); v != nil && v.Step == step {
			return
		}
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if d.View().Step != step {
		t.Fatalf("the visit is at %s, want %s", d.View().Step, step)
	}
}

func TestExceptFinger(t *testing.T) {
	var log bytes.Buffer
	d := &fakeDesk{}
	s, err := web.New(web.Options{Listen: listen, Desk: d, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	handler, token := s.Handler(), s.Token()
	at(t, d, station.StepFinger)
	for _, test := range []struct {
		body   string
		status int
		code   eid.Code
		step   station.Step
	}{
		{`{"position":0,"reason":"worn","supervisor":"s-099","pin":"135790"}`, 422, eid.CodeInput, station.StepFinger},
		{`{"position":11,"reason":"worn","supervisor":"s-099","pin":"135790"}`, 422, eid.CodeInput, station.StepFinger},
		{`{"position":2,"reason":"worn","pin":"135790"}`, 422, eid.CodeSupervisor, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"  ","pin":"135790"}`, 422, eid.CodeSupervisor, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"` + strings.Repeat("s", 65) + `","pin":"135790"}`, 422, eid.CodeSupervisor, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"officer-1","pin":"135790"}`, 422, eid.CodeSupervisor, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099"}`, 422, eid.CodePINWrong, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":""}`, 422, eid.CodePINWrong, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":"` + strings.Repeat("1", 65) + `"}`, 422, eid.CodePINWrong, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":"000001"}`, 422, eid.CodePINLow, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":"000002"}`, 422, eid.CodePINFinal, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":"135790"}`, 422, eid.CodePINFinal, station.StepFinger},
		{`{"position":2,"reason":"refused","supervisor":"s-099","pin":"135790","last_try":true}`, 422, eid.CodeInput, station.StepFinger},
		{`{"position":2,"reason":"worn","supervisor":"s-099","pin":"135790","officer":"s-099"}`, 400, eid.CodeInput, ""},
		{`{"position":2,"reason":"bandaged","supervisor":" s-099 ","pin":"135790"}`, 200, "", station.StepFinger},
		{`{"position":7,"reason":"amputated","supervisor":"s-099","pin":"135790"}`, 200, "", station.StepConsent},
		{`{"position":7,"reason":"amputated","supervisor":"s-099","pin":"135790"}`, 409, eid.CodeState, station.StepConsent},
	} {
		status, got := post(t, handler, token, "/api/exception", test.body)
		if status != test.status || (got.Error == nil) != (test.code == "") || got.Error != nil && got.Error.Code != test.code {
			t.Errorf("%s: %d %+v, want %d %s", test.body, status, got.Error, test.status, test.code)
		}
		if test.step != "" && (got.Visit == nil || got.Visit.Step != test.step) {
			t.Errorf("%s: visit %+v, want step %s", test.body, got.Visit, test.step)
		}
	}
	if strings.Contains(log.String(), supervisorPIN) || strings.Contains(log.String(), "000001") || !strings.Contains(log.String(), "E-PIN-FINAL") {
		t.Errorf("log: %s", log.String())
	}
	if f := d.View().Fingers; f[0].Exception != "bandaged" || f[1].Exception != "amputated" {
		t.Errorf("fingers %+v", f)
	}
}

// TestSupervisorRefuses: it is shown on the visit, which goes on.
func TestSupervisorRefuses(t *testing.T) {
	d := &fakeDesk{}
	handler, token := newHandler(t, d)
	at(t, d, station.StepFinger)
	for body, want := range map[string]eid.Code{`{"position":0}`: eid.CodeInput, `{"position":2}`: eid.CodeExceptionRefused} {
		if status, got := post(t, handler, token, "/api/exception/refuse", body); status != 422 || got.Error == nil || got.Error.Code != want || got.Visit.Step != station.StepFinger {
			t.Errorf("%s: %d %+v, want %s", body, status, got.Error, want)
		}
	}
}

// TestSignature: a drawn consent has a signature, another has none, and one of
// the size that station allows fits.
func TestSignature(t *testing.T) {
	consent := func(method, signature string) string {
		body := `{"given":true,"text_version":"1","language":"vi","method":"` + method + `"`
		if signature != "" {
			body += `,"signature":"` + signature + `"`
		}
		return body + `}`
	}
	largest := base64.StdEncoding.EncodeToString(make([]byte, 64<<10))
	for name, test := range map[string]struct {
		body   string
		status int
		code   eid.Code
	}{
		"drawn":             {consent("signature_pad", "iVBORw0KGgo="), 200, ""},
		"largest":           {consent("signature_pad", largest), 200, ""},
		"empty field":       {consent("signature_pad", ""), 422, eid.CodeConsentMissing},
		"by word":           {consent("verbal_witness", ""), 200, ""},
		"on paper":          {consent("wet_ink", ""), 200, ""},
		"by word and drawn": {consent("verbal_witness", "iVBORw0KGgo="), 422, eid.CodeConsentMissing},
		"no base64":         {consent("signature_pad", "%%%"), 400, eid.CodeInput},
		"too large":         {consent("signature_pad", strings.Repeat("A", 100<<10)), 413, eid.CodeInput},
	} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDesk{}
			handler, token := newHandler(t, d)
			at(t, d, station.StepConsent)
			status, got := post(t, handler, token, "/api/consent", test.body)
			if status != test.status || got.Error != nil && got.Error.Code != test.code || (got.Error == nil) != (test.code == "") {
				t.Fatalf("%d %+v, want %d %s", status, got.Error, test.status, test.code)
			}
			if c := d.View().Consent; (c != nil) != (status == 200) || c != nil && (c.Method == "signature_pad") != (len(c.Signature) > 0) {
				t.Errorf("consent %+v", c)
			}
		})
	}
}
