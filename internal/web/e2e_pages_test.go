package web_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/web/e2e"
)

// axe is axe-core's script as `make ui` installs it beside the build tools.
func axe(t *testing.T) string {
	t.Helper()
	path := filepath.Join("ui", "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
			t.Fatal(err)
		}
		t.Logf("pages are not checked for accessibility: %v (make ui)", err)
		return ""
	}
	return path
}

// TestExceptionByKeyboard: one finger cannot be taken; a supervisor says no, and it
// is shown; the officer alone cannot leave it out, nor by a supervisor's name with
// wrong PINs; the supervisor can. The person signs on the screen.
func TestExceptionByKeyboard(t *testing.T) {
	browserOrSkip(t)
	for language, english := range map[string]bool{"vi": false, "en": true} {
		t.Run(language, func(t *testing.T) { exceptByKeyboard(t, english) })
	}
}

func exceptByKeyboard(t *testing.T, english bool) {
	d := &fakeDesk{pace: 20 * time.Millisecond}
	s := serveDesk(t, d, web.Info{Desk: "desk-099", Role: "commune_police", Officer: "officer-1"}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	plan := citizen
	plan.Except = &e2e.Exception{Position: eid.RightIndex, Reason: "bandaged", Wrong: "officer-1", Supervisor: "s-099", PINs: []string{"000001", "000002", supervisorPIN}, No: true}
	plan.Sign, plan.Axe, plan.English = true, axe(t), english
	r, err := e2e.Drive(ctx, s.URL(), shots(t), plan)
	if err != nil {
		t.Fatalf("drive: %v (screenshots %v)", err, r.Shots)
	}
	t.Logf("%d keys, %v, %d screenshots", r.Keys, r.Took.Round(time.Millisecond), len(r.Shots))
	want := []string{"start", "chip", "face", "exception refused", "exception", "exception", "exception", "exception", "finger", "finger", "details", "consent", "send"}
	if r.Step != "done" || !slices.Equal(d.actions, want) {
		t.Errorf("ended %s after %v, want %v", r.Step, d.actions, want)
	}
	v := d.View()
	if v.Fingers[0].Exception != "bandaged" || v.Fingers[1].Exception != "" || v.Fingers[1].Impressions != 2 {
		t.Errorf("fingers %+v", v.Fingers)
	}
	if c := v.Consent; c == nil || c.Method != "signature_pad" || !strings.HasPrefix(string(c.Signature), "\x89PNG") || len(c.Signature) > 64<<10 {
		t.Error("the signature did not arrive as a PNG of the size that a request takes")
	} else {
		t.Logf("signature of %d bytes", len(c.Signature))
	}
}

// everyState is a queue with each state that a request may have.
func everyState() []web.QueueRow {
	day := eid.Date(time.Now().In(time.FixedZone("", 7*3600)).Format(time.DateOnly))
	rows := []web.QueueRow{
		{State: "sealed", DueAt: day},
		{State: "announced", DueAt: "2020-01-01"},
		{State: "uploading", Offset: 131_072, DueAt: "2099-01-01"},
		{State: "received"},
		{State: "accepted"},
		{State: "needs_correction", Reason: "record_needs_correction"},
		{State: "granted", DueAt: "2020-01-01"},
		{State: "rejected", Reason: "face_no_match", Code: eid.CodeRejected},
		{State: "activated"},
		{State: "activation_expired"},
		{State: "refused", Reason: "signature_invalid", Code: eid.CodeSyncRefused},
		{State: "sealed", Damaged: true, Code: eid.CodeQueueDamaged},
	}
	for i := range rows {
		rows[i].Seq, rows[i].ID = int64(i+1), "01980000-0000-7000-8000-00000000000"+string(rune('a'+i))
		rows[i].QueuedAt, rows[i].SealedBytes = time.Now().Add(-time.Hour), 262_144
	}
	return rows
}

func TestQueuePage(t *testing.T) {
	browserOrSkip(t)
	for _, language := range []string{"vi", "en"} {
		t.Run(language, func(t *testing.T) {
			d := &fakeDesk{queue: everyState()}
			s := serve(t, web.Options{Desk: d, Queue: d, Devices: d, Info: web.Info{Role: "commune_police"}, Overview: troubled()}, listener(t, "127.0.0.1:0"))
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			page, err := e2e.Queue(ctx, s.URL(), shots(t), axe(t), language == "en")
			if err != nil {
				t.Fatal(err)
			}
			words := texts(t, language)
			for i, want := range d.queue {
				if i >= len(page.Rows) {
					t.Fatalf("%d rows are shown", len(page.Rows))
				}
				got := page.Rows[i]
				if got.State != want.State || got.Words != words["state."+want.State] {
					t.Errorf("row %d: %+v, want %q", i+1, got, words["state."+want.State])
				}
				if reason := words["reason."+want.Reason]; want.Reason != "" && !strings.Contains(got.Text, reason) {
					t.Errorf("row %d says %q, want %q", i+1, got.Text, reason)
				}
			}
			late := map[int]string{0: "today", 1: "passed"}
			for i, r := range page.Rows {
				if r.Late != late[i] {
					t.Errorf("row %d is late %q, want %q", i+1, r.Late, late[i])
				}
			}
			if up := page.Rows[2]; up.Offset != 131_072 || !strings.Contains(up.Text, "50 %") {
				t.Errorf("the upload says %+v", up)
			}
			damage := eid.Explain(eid.CodeQueueDamaged)
			if said := map[string]string{"vi": damage.MessageVI, "en": damage.MessageEN}[language]; !strings.Contains(page.Rows[11].Text, said) {
				t.Errorf("a damaged row says %q", page.Rows[11].Text)
			}
			var codes []string
			for i, a := range page.Alarms {
				codes = append(codes, a.Code)
				f := eid.Explain(eid.Code(a.Code))
				if said := map[string]string{"vi": f.MessageVI, "en": f.MessageEN}[language]; !strings.Contains(a.Text, said) || a.Count != troubled().says.Alarms[i].Count {
					t.Errorf("alarm %+v, want %q", a, said)
				}
			}
			if want := "E-QUEUE-LOG E-QUEUE-DAMAGED E-DUE-PASSED N-DUE-SOON N-QUEUE-AGE E-SYNC-REFUSED W-EXCEPTION-RATE W-SEAL-KEYS"; strings.Join(codes, " ") != want {
				t.Errorf("alarms %v", codes)
			}
			keys := strings.Join(page.Keys, "\n")
			for _, want := range []string{"device tpm2 ", "officer pkcs11 ", "drafts keyring ", "seal W-SEAL-KEYS ", words["place.tpm2"], words["place.pkcs11"]} {
				if !strings.Contains(keys, want) {
					t.Errorf("keys %q lack %q", keys, want)
				}
			}
			if page.Link != "refused" || page.Badge != strings.ReplaceAll(words["nav.alarms"], "{n}", "8") {
				t.Errorf("link %q, badge %q", page.Link, page.Badge)
			}
		})
	}
}

func listener(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve serves o on l until the test ends.
func serve(t *testing.T, o web.Options, l net.Listener) *web.Server {
	t.Helper()
	s, stop := begin(t, o, l)
	t.Cleanup(stop)
	return s
}

func begin(t *testing.T, o web.Options, l net.Listener) (*web.Server, func()) {
	t.Helper()
	o.Listen = l.Addr().String()
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Handler()}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return s, func() {
		s.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

// TestScreenOutlivesARestart: the daemon dies under an open page and comes back
// with another token; the page says so, and then a key works again.
func TestScreenOutlivesARestart(t *testing.T) {
	browserOrSkip(t)
	d := &fakeDesk{}
	o := web.Options{Desk: d, Queue: d, Devices: d, Info: web.Info{Role: "commune_police", Version: "1"}, Sessions: filepath.Join(t.TempDir(), "sessions")}
	l := listener(t, "127.0.0.1:0")
	address := l.Addr().String()
	s, stop := begin(t, o, l)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err := e2e.Outlive(ctx, s.URL(), shots(t),
		func() error { stop(); return nil },
		func() error {
			after := serve(t, o, listener(t, address))
			if after.Token() == s.Token() {
				return errors.New("the token is the same")
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if v := d.View(); v == nil || v.Step != "abandoned" {
		t.Errorf("the last key did nothing: %+v", v)
	}
}
