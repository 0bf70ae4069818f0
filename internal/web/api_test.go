package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

type reply struct {
	Error *eid.Failure  `json:"error"`
	Visit *station.View `json:"visit"`
}

// TestActions goes through a visit over HTTP, with the mistakes on the way.
func TestActions(t *testing.T) {
	d := &fakeDesk{}
	handler, token := newHandler(t, d)
	tests := []struct {
		path, body string
		status     int
		code       eid.Code
		step       station.Step
	}{
		{"/api/face", `{}`, 409, eid.CodeState, ""},
		{"/api/visit", `{"procedure":"passport"}`, 422, eid.CodeInput, ""},
		{"/api/visit", `{"procedure":"citizen","level":3}`, 400, eid.CodeInput, ""},
		{"/api/visit", `{"procedure":"citizen"} {}`, 400, eid.CodeInput, ""},
		{"/api/visit", `[]`, 400, eid.CodeInput, ""},
		{"/api/visit", ``, 400, eid.CodeInput, ""},
		{"/api/visit", `{"procedure":"citizen"}`, 200, "", station.StepDocument},
		{"/api/chip", `{"number":"099064000101","birth":"16/05/1964","expiry":""}`, 422, eid.CodeInput, station.StepDocument},
		{"/api/chip", `{"number":"099064000101","birth":"1964-13-01","expiry":""}`, 422, eid.CodeInput, station.StepDocument},
		{"/api/chip", `{"number":"` + strings.Repeat("9", 70_000) + `"}`, 413, eid.CodeInput, ""},
		{"/api/chip", `{"number":"099999999999","birth":"1964-05-16","expiry":""}`, 422, eid.CodeChipAccess, station.StepDocument},
		{"/api/chip", `{"number":"099064000101","birth":"1964-05-16","expiry":""}`, 200, "", station.StepFace},
		{"/api/chip", `{"number":"099064000101","birth":"1964-05-16","expiry":""}`, 409, eid.CodeState, station.StepFace},
		{"/api/face/presence", `{}`, 422, eid.CodeInput, station.StepFace},
		{"/api/face/presence", `{"present":true}`, 200, "", station.StepFace},
		{"/api/face", `{}`, 200, "", station.StepFinger},
		{"/api/finger", `{"position":0}`, 422, eid.CodeInput, station.StepFinger},
		{"/api/finger", `{"position":11}`, 422, eid.CodeInput, station.StepFinger},
		{"/api/finger", `{"position":2}`, 200, "", station.StepFinger},
		{"/api/finger", `{"position":2}`, 200, "", station.StepFinger},
		{"/api/finger", `{"position":7}`, 200, "", station.StepFinger},
		{"/api/finger", `{"position":7}`, 200, "", station.StepConsent},
		{"/api/details", `{"contacts":{"phone":"1"}}`, 422, eid.CodePhoneFormat, station.StepConsent},
		{"/api/details", `{"contacts":{"phone":"0900000100"}}`, 200, "", station.StepConsent},
		{"/api/consent", `{"given":false,"text_version":"1","language":"vi","method":"wet_ink"}`, 422, eid.CodeConsentMissing, station.StepConsent},
		{"/api/consent", `{"text_version":"1","language":"vi","method":"wet_ink"}`, 422, eid.CodeConsentMissing, station.StepConsent},
		{"/api/consent", `{"given":true,"text_version":"1","language":"vi","method":"wet_ink"}`, 200, "", station.StepSend},
		{"/api/send", `{}`, 200, "", station.StepDone},
		{"/api/send", `{}`, 409, eid.CodeState, station.StepDone},
	}
	for i, test := range tests {
		r := httptest.NewRequest("POST", "http://"+listen+test.path, strings.NewReader(test.body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var got reply
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%d %s: %v in %q", i, test.path, err, w.Body)
		}
		if w.Code != test.status || (got.Error == nil) != (test.code == "") || (got.Visit == nil) != (test.step == "") {
			t.Fatalf("%d %s %.60s: status %d, answer %.300s", i, test.path, test.body, w.Code, w.Body)
		}
		if got.Error != nil && (got.Error.Code != test.code || got.Error.MessageVI == "" || got.Error.RemedyEN == "") {
			t.Errorf("%d %s: failure %+v, want %s in both languages", i, test.path, got.Error, test.code)
		}
		if got.Visit != nil && got.Visit.Step != test.step {
			t.Errorf("%d %s: step %s, want %s", i, test.path, got.Visit.Step, test.step)
		}
	}
}

// brokenPort fails as a device or the disk would.
type brokenPort struct {
	*fakeDesk
	code eid.Code
}

func (b brokenPort) CaptureFace(context.Context) error {
	return eid.Fail(b.code, "capture", errors.New("cause"))
}

func TestStatusOfFailures(t *testing.T) {
	for code, want := range map[eid.Code]int{
		eid.CodeNoCamera: 503, eid.CodeDeviceRestarted: 503, eid.CodeScanner: 503, eid.CodeDiskFull: 507, eid.CodeDeviceBusy: 409,
		eid.CodeWrongDesk: 403, eid.CodeFaceMismatch: 422, eid.CodeInternal: 500, "E-OF-TOMORROW": 422,
	} {
		var log strings.Builder
		s, err := web.New(web.Options{Listen: listen, Desk: brokenPort{&fakeDesk{}, code}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "http://"+listen+"/api/face", strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		s.Close()
		if w.Code != want || !strings.Contains(w.Body.String(), string(code)) {
			t.Errorf("%s: status %d, want %d: %s", code, w.Code, want, w.Body)
		}
		if strings.Contains(w.Body.String(), "cause") {
			t.Errorf("%s: the answer tells the cause", code)
		}
		if !strings.Contains(log.String(), string(code)) {
			t.Errorf("%s is not in the log: %s", code, log.String())
		}
	}
}

func TestEvents(t *testing.T) {
	d := &fakeDesk{}
	s := serveDesk(t, d, web.Info{}, nil)
	resp := get(t, s, "/api/events")
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("headers %v", resp.Header)
	}
	lines := bufio.NewReader(resp.Body)
	next := func() (e station.Event, raw string) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return e, line
			}
			if strings.HasPrefix(line, ":") {
				return e, line
			}
		}
	}
	if e, _ := next(); e.Kind != "visit" || e.Visit != nil {
		t.Errorf("first event %+v, want no visit", e)
	}
	if err := d.Start(t.Context(), eid.CitizenLevel2); err != nil {
		t.Fatal(err)
	}
	s.Notify("queue")
	var kinds []string
	beats := 0
	for len(kinds) < 2 || beats == 0 {
		e, raw := next()
		if strings.HasPrefix(raw, ":") {
			beats++
			continue
		}
		kinds = append(kinds, e.Kind)
		if e.Kind == "visit" && (e.Visit == nil || e.Visit.Step != station.StepDocument) {
			t.Errorf("event %+v, want the started visit", e)
		}
	}
	if got := strings.Join(kinds, " "); got != "visit queue" && got != "queue visit" {
		t.Errorf("events %s", got)
	}
	s.Close()
	if _, err := io.ReadAll(lines); err != nil {
		t.Errorf("stream ended with %v, want its end", err)
	}
}

func TestPreview(t *testing.T) {
	d := &fakeDesk{}
	s := serveDesk(t, d, web.Info{}, nil)
	resp := get(t, s, "/api/preview")
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/x-mixed-replace" {
		t.Fatalf("content type %q: %v", resp.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	for i, want := range []string{"closer", "closer", "closer", "ok"} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Header.Get("Guidance"); got != want {
			t.Errorf("frame %d: guidance %q, want %q", i, got, want)
		}
		if _, err := jpeg.Decode(p); err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
	}
}

// fastCamera sends frames as quickly as it can, numbered in their bytes.
type fastCamera struct{ sent chan int }

func (c fastCamera) Preview(ctx context.Context, each func([]byte, string) error) error {
	for i := 0; i < 500; i++ {
		if err := each([]byte(fmt.Sprintf("frame %d", i)), "bad\r\nSet-Cookie: x"); err != nil {
			return err
		}
	}
	c.sent <- 500
	<-ctx.Done()
	return ctx.Err()
}

func TestPreviewLatestWins(t *testing.T) {
	camera := fastCamera{make(chan int, 1)}
	s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Preview: camera})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &slowWriter{ResponseRecorder: httptest.NewRecorder(), first: make(chan struct{}), release: make(chan struct{}), seen: make(chan string, 600)}
	r := httptest.NewRequest("GET", "http://"+listen+"/api/preview", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+s.Token())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Handler().ServeHTTP(w, r)
	}()
	<-w.first // the screen hangs on its first frame
	select {
	case <-camera.sent:
	case <-time.After(5 * time.Second):
		t.Fatal("a slow screen delays the camera")
	}
	close(w.release)
	for part := range w.seen {
		if strings.Contains(part, "Set-Cookie:") {
			t.Error("a guidance code broke the part's header")
		}
		if strings.HasSuffix(strings.TrimSpace(part), "frame 499") {
			break
		}
	}
	cancel()
	<-done
	s.Close()
	if n := w.writes; n > 50 {
		t.Errorf("%d frames reached a slow screen, want few", n)
	}
}

// slowWriter hangs on its first write until released.
type slowWriter struct {
	*httptest.ResponseRecorder
	first, release chan struct{}
	seen           chan string
	writes         int
}

func (w *slowWriter) SetWriteDeadline(time.Time) error { return nil }

func (w *slowWriter) Write(b []byte) (int, error) {
	if w.writes++; w.writes == 1 {
		close(w.first)
		<-w.release
	}
	w.seen <- string(b)
	return len(b), nil
}

// deadCamera has no picture.
type deadCamera struct{}

func (deadCamera) Preview(context.Context, func([]byte, string) error) error {
	return eid.Fail(eid.CodeNoCamera, "open camera", nil)
}

func TestPreviewWithoutCamera(t *testing.T) {
	s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Preview: deadCamera{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := httptest.NewRequest("GET", "http://"+listen+"/api/preview", nil)
	r.Header.Set("Authorization", "Bearer "+s.Token())
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != 503 || !strings.Contains(w.Body.String(), string(eid.CodeNoCamera)) {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
}

func TestReads(t *testing.T) {
	d := &fakeDesk{queue: []web.QueueRow{{Seq: 1, ID: "01980000-0000-7000-8000-000000000001", State: "refused", Code: eid.CodeSyncRefused}}}
	handler, token := newHandler(t, d)
	for path, want := range map[string]string{
		"/api/desk":    `"role":"commune_police"`,
		"/api/queue":   `"code":"E-SYNC-REFUSED","message_vi"`,
		"/api/devices": `"name":"scanner","state":"starting"`,
		"/api/consent-text?procedure=citizen&language=vi": `"version":"vn-69-2024`,
		"/api/consent-text?procedure=citizen&language=xx": `"code":"E-INPUT"`,
	} {
		r := httptest.NewRequest("GET", "http://"+listen+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %.200s, want %s", path, w.Body, want)
		}
	}
}

// FuzzActions: no body makes the API panic or answer other than JSON.
func FuzzActions(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"procedure":"citizen"}`, `{"number":"099064000101","birth":"1964-05-16"}`, `{"position":1e9}`, `{"given":true}`,
		`{"contacts":null,"guardian":{},"residence":{"expiry":"9999-99-99"}}`, `[[[[`, "\xff", `{"birth":"2000-02-3é"}`,
	} {
		f.Add(0, body)
	}
	paths := []string{"visit", "chip", "face", "finger", "details", "consent", "exception", "send", "refuse", "abandon", "session"}
	d := &fakeDesk{}
	s, err := web.New(web.Options{Listen: listen, Desk: d})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, which int, body string) {
		path := paths[uint(which)%uint(len(paths))]
		r := httptest.NewRequest("POST", "http://"+listen+"/api/"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if path != "session" && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: answer is not JSON: %q", path, w.Body)
		}
	})
}
