package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/web/e2e"
)

// AcceptFace goes on as the desk does after the officer's word.
func (d *fakeDesk) AcceptFace(ctx context.Context, reason string, note eid.Private) error {
	_, end, err := d.begin(ctx, "accept face", station.StepFace)
	if err != nil {
		return err
	}
	defer end()
	if reason == eid.ReviewOther && note.Reveal() == "" {
		return eid.Fail(eid.CodeInput, "accept face", nil)
	}
	d.change(func(v *station.View) {
		v.Step = station.StepFinger
		v.FaceAttested = &eid.Attestation{Kind: eid.AttestFace, Reason: reason, Note: note}
	})
	return nil
}

// TestAcceptFace: reason and note reach the desk, and its answer the screen.
func TestAcceptFace(t *testing.T) {
	d := &fakeDesk{}
	handler, token := newHandler(t, d)
	for i, test := range []struct {
		path, body string
		status     int
		code       eid.Code
	}{
		{"/api/visit", `{"procedure":"citizen"}`, 200, ""},
		{"/api/face/accept", `{"reason":"other","note":"giấy khai sinh"}`, 409, eid.CodeState},
		{"/api/chip", `{"number":"099064000101","birth":"1964-05-16","expiry":""}`, 200, ""},
		{"/api/face/accept", `{"reason":"other"}`, 422, eid.CodeInput},
		{"/api/face/accept", `{"reason":"other","because":"x"}`, 400, eid.CodeInput},
		{"/api/face/accept", `{"reason":"other","note":"giấy khai sinh"}`, 200, ""},
	} {
		r := httptest.NewRequest("POST", "http://"+listen+test.path, strings.NewReader(test.body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var got reply
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != test.status {
			t.Fatalf("%d %s: status %d, %v in %.300s", i, test.path, w.Code, err, w.Body)
		}
		if (got.Error == nil) != (test.code == "") || got.Error != nil && got.Error.Code != test.code {
			t.Errorf("%d %s: failure %+v, want %q", i, test.path, got.Error, test.code)
		}
	}
	v := d.View()
	if v.Step != station.StepFinger || v.FaceAttested == nil || v.FaceAttested.Note != "giấy khai sinh" {
		t.Errorf("view %+v", v)
	}
}

// TestAcceptFaceByPIN: at a desk with a token the officer's word needs his PIN at
// that moment, although the token is open since the morning.
func TestAcceptFaceByPIN(t *testing.T) {
	var log bytes.Buffer
	d, tok := &fakeDesk{}, &fakeToken{open: true}
	s, err := web.New(web.Options{Listen: listen, Desk: d, Officer: tok, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	at(t, d, station.StepFace)
	for i, test := range []struct {
		body   string
		status int
		code   eid.Code
		open   bool
	}{
		{`{"reason":"other","note":"giấy khai sinh"}`, 422, eid.CodePINWrong, true},
		{`{"reason":"other","note":"giấy khai sinh","pin":"000001"}`, 422, eid.CodePINLow, false},
		{`{"reason":"other","note":"giấy khai sinh","pin":"` + rightPIN + `"}`, 200, "", true},
	} {
		status, got := post(t, s.Handler(), s.Token(), "/api/face/accept", test.body)
		if status != test.status || (got.Error == nil) != (test.code == "") || got.Error != nil && got.Error.Code != test.code {
			t.Errorf("%d: %d %+v, want %d %s", i, status, got.Error, test.status, test.code)
		}
		if state, _ := tok.Token(t.Context()); state.Unlocked != test.open {
			t.Errorf("%d: token open %t", i, state.Unlocked)
		}
	}
	if d.View().FaceAttested == nil || strings.Contains(log.String(), rightPIN) {
		t.Errorf("view %+v, log %s", d.View(), log.String())
	}
}

// TestReviewByKeyboard: where the machine is in doubt the officer reads why and by
// which model, is refused with a wrong PIN, decides with the right one, and the
// visit goes on; or he sees another person and ends it. Both languages, each page
// held against axe.
func TestReviewByKeyboard(t *testing.T) {
	browserOrSkip(t)
	for _, test := range []struct {
		name    string
		english bool
		other   bool
		words   []string
	}{
		{"accepted", false, false, []string{"dlib_face_recognition_resnet_model_v1", "Máy chưa chắc chắn", "không được phép tự quyết định"}},
		{"accepted_english", true, false, []string{"dlib_face_recognition_resnet_model_v1", "model"}},
		{"another_person", false, true, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, tok := &fakeDesk{pace: 20 * time.Millisecond, doubt: true}, &fakeToken{}
			s := serveDesk(t, d, web.Info{Desk: "desk-099", Role: "commune_police", Officer: "officer-1"}, tok)
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			plan := citizen
			plan.PINs, plan.English, plan.Axe = []string{rightPIN}, test.english, axe(t)
			plan.Review = &e2e.Review{Reason: eid.ReviewAge, Words: test.words, PINs: []string{"000001", rightPIN}, Other: test.other}
			want, acts := "done", "start chip face accept face finger finger finger finger details consent send"
			if test.other {
				want, acts = "refused", "start chip face refused"
			}
			r, err := e2e.Drive(ctx, s.URL(), shots(t), plan)
			if err != nil {
				t.Fatalf("drive: %v (screenshots %v)", err, r.Shots)
			}
			if r.Step != want || strings.Join(d.actions, " ") != acts {
				t.Errorf("ended %s %s after %v", r.Step, r.Code, d.actions)
			}
			if a := d.View().FaceAttested; !test.other && (a == nil || a.Reason != eid.ReviewAge) {
				t.Errorf("attested %+v", a)
			}
		})
	}
}
