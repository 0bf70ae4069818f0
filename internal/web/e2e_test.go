package web_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/web/e2e"
	"github.com/enrold/enrold/internal/web/ui"
)

// serveDesk listens on loopback and returns the screen's address with its token.
func serveDesk(t *testing.T, d *fakeDesk, info web.Info, officer web.Officer) *web.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := web.New(web.Options{
		Listen: l.Addr().String(), Info: info,
		Desk: d, Preview: d, Queue: d, Devices: d, Consents: d, Officer: officer, Heartbeat: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Handler()}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("requests are still open after Close: %v", err)
		}
		<-done
	})
	return s
}

// browserOrSkip skips where there is no browser or no built screen.
func browserOrSkip(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	skip := t.Skip
	if os.Getenv("ENROLD_REQUIRE_E2E") != "" {
		skip = t.Fatal
	}
	if _, err := e2e.Available(); err != nil {
		skip(err)
	}
	if _, err := fs.Stat(ui.Files(), "index.html"); err != nil {
		skip("the screen is not built: make ui")
	}
}

// shots is where screenshots go: ENROLD_SHOTS to look at them afterwards.
func shots(t *testing.T) string {
	dir := os.Getenv("ENROLD_SHOTS")
	if dir == "" {
		return t.TempDir()
	}
	dir = filepath.Join(dir, filepath.Base(t.Name()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

var citizen = e2e.Plan{
	Procedure: eid.CitizenLevel2, Number: "099064000101", Birth: "1964-05-16", Phone: "0900000100", Email: "person0@example.invalid",
}

func TestScreenByKeyboard(t *testing.T) {
	browserOrSkip(t)
	foreigner := e2e.Plan{
		Procedure: eid.ForeignerLevel2, Number: "X00000101", Birth: "1964-05-16", Expiry: "2033-03-01", Phone: "0900000100",
		Residence: &eid.ResidenceCard{Type: "TRC", Number: "TT099000", Expiry: "2029-12-31"},
		English:   true, Width: 1024, Height: 768,
	}
	mistaken := citizen
	mistaken.Mistyped, mistaken.StopAt = "099000000000", "face"
	inEnglish := citizen
	inEnglish.English = true
	tests := []struct {
		name  string
		plan  e2e.Plan
		role  string
		wrong bool
		state string // what the centre decides
		step  string
		code  eid.Code
		acts  []string
	}{
		{
			"citizen", citizen, "commune_police", false, "granted", "done", "",
			[]string{"start", "chip", "face", "finger", "finger", "finger", "finger", "details", "consent", "send"},
		},
		{
			"foreigner_english_1024", foreigner, "immigration", false, "rejected", "done", "",
			[]string{"start", "chip", "face", "finger", "finger", "finger", "finger", "details", "consent", "send"},
		},
		{
			"impostor", citizen, "commune_police", true, "", "refused", eid.CodeFaceMismatch,
			[]string{"start", "chip", "face", "face", "face"},
		},
		{
			"impostor_english", inEnglish, "commune_police", true, "", "refused", eid.CodeFaceMismatch,
			[]string{"start", "chip", "face", "face", "face"},
		},
		{
			"mistyped_then_stopped", mistaken, "commune_police", false, "", "abandoned", "",
			[]string{"start", "chip", "chip", "abandoned"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &fakeDesk{pace: 60 * time.Millisecond, wrong: test.wrong, place: make(chan struct{}, 1)}
			s := serveDesk(t, d, web.Info{Desk: "desk-099", Role: test.role, Officer: "officer-1", Emulated: true}, nil)
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			plan := test.plan
			plan.Settle = 10 * time.Second
			if test.step == "refused" || plan.English { // the citizen's steps in Vietnamese: TestExceptionByKeyboard
				plan.Axe = axe(t)
			}
			var acts []string
			plan.Act = func(_ context.Context, prompt string, position eid.FingerPosition, nth int) error {
				acts = append(acts, prompt)
				if prompt == "place" {
					d.place <- struct{}{}
				}
				return nil
			}
			if test.state != "" {
				settled := make(chan struct{})
				go func() { // the centre decides a while after the request is queued
					defer close(settled)
					for ctx.Err() == nil {
						if rows, _ := d.List(ctx, 1); len(rows) == 1 {
							time.Sleep(400 * time.Millisecond)
							d.settle(test.state)
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
				defer func() { cancel(); <-settled }()
			}
			r, err := e2e.Drive(ctx, s.URL(), shots(t), plan)
			if err != nil {
				t.Fatalf("drive: %v (screenshots %v)", err, r.Shots)
			}
			t.Logf("%d keys, %v, %d screenshots", r.Keys, r.Took.Round(time.Millisecond), len(r.Shots))
			if r.Step != test.step || r.Code != test.code || test.state != "" && r.Outcome != test.state {
				t.Errorf("ended %+v, want step %s, outcome %s, code %s", r, test.step, test.state, test.code)
			}
			if !slices.Equal(d.actions, test.acts) {
				t.Errorf("actions %v, want %v", d.actions, test.acts)
			}
			if test.state != "" {
				want := []string{"place", "lift", "place", "lift", "place", "lift", "place", "lift"}
				if !slices.Equal(acts, want) {
					t.Errorf("the person was prompted %v, want %v", acts, want)
				}
				v := d.View()
				if v.Consent == nil || v.Consent.Method != "verbal_witness" || v.Contacts.Phone.Reveal() != plan.Phone {
					t.Error("details or consent did not arrive as typed")
				}
			}
		})
	}
}
