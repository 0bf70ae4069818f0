package web_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// AcceptFace goes on as the desk does after the officer's word.
func (d *fakeDesk) AcceptFace(ctx context.Context, reason string, note eid.Private) error {
	_, end, err := d.begin(ctx, "accept face", station.StepFace)
	if err != nil {
		return err
	}
	defer end()
	if reason != eid.ReviewOther || note.Reveal() == "" {
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
