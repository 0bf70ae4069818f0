package web_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
)

// choosingCamera is a camera with two profiles.
type choosingCamera struct {
	deadCamera
	used string
}

func (c *choosingCamera) Profiles() []web.CaptureProfile {
	return []web.CaptureProfile{{ID: "standard", LabelVI: "Thông thường"}, {ID: "child", LabelVI: "Trẻ em"}}
}

func (c *choosingCamera) UseProfile(_ context.Context, id string) (string, error) {
	switch id {
	case "":
	case "standard", "child":
		c.used = id
	default:
		return "", eid.Fail(eid.CodeInput, "choose", nil)
	}
	return c.used, nil
}

func TestCaptureProfile(t *testing.T) {
	cam := &choosingCamera{used: "standard"}
	for _, c := range []struct {
		preview            web.Previewer
		method, body, says string
		status             int
	}{
		{cam, "GET", ``, `"profile":"standard"`, 200},
		{cam, "POST", `{"profile":"child"}`, `"profile":"child"`, 200},
		{cam, "GET", ``, `"label_vi":"Trẻ em"`, 200},
		{cam, "POST", `{"profile":"hat"}`, string(eid.CodeInput), 422},
		{cam, "POST", `{"hat":1}`, string(eid.CodeInput), 400},
		{deadCamera{}, "GET", ``, string(eid.CodeNoCamera), 503},
	} {
		s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Preview: c.preview})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, "http://"+listen+"/api/camera", strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		s.Close()
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: status %d, %s", c.method, c.body, w.Code, w.Body)
		}
	}
	if cam.used != "child" {
		t.Errorf("profile in use is %q", cam.used)
	}
}
