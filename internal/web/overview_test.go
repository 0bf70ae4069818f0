package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
)

// fakeOverview says what it is told to say.
type fakeOverview struct {
	says web.Overview
	err  error
}

func (f fakeOverview) Overview(context.Context) (web.Overview, error) { return f.says, f.err }

// troubled is a desk with every alarm.
func troubled() fakeOverview {
	day := time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)
	return fakeOverview{says: web.Overview{
		Alarms: []web.Alarm{
			{Code: eid.CodeQueueLog},
			{Code: eid.CodeQueueDamaged, Count: 1},
			{Code: eid.CodeDuePassed, Count: 2, Nearest: "2026-11-20"},
			{Code: eid.CodeDueSoon, Count: 3, Nearest: "2026-11-25"},
			{Code: eid.CodeQueueAge, Count: 4, Nearest: "2026-11-25"},
			{Code: eid.CodeSyncRefused, Count: 1},
			{Code: eid.CodeExceptionRate, Count: 3},
			{Code: eid.CodeSealKeysEnding, Until: day.AddDate(0, 0, 10)},
		},
		Link:     &web.Link{Refused: true, Probe: day},
		SealKeys: &web.SealKeys{Version: 7, Since: day.AddDate(0, -2, 0), Until: day.AddDate(0, 0, 10), Code: eid.CodeSealKeysEnding},
		Keys: []web.Key{
			{Use: "device", Place: "tpm2", Emulated: true}, {Use: "officer", Place: "pkcs11"}, {Use: "drafts", Place: "keyring"},
		},
	}}
}

func TestOverview(t *testing.T) {
	for name, test := range map[string]struct {
		source web.Overviewer
		status int
		alarms int
	}{
		"none":     {nil, http.StatusServiceUnavailable, 0},
		"quiet":    {fakeOverview{says: web.Overview{Keys: []web.Key{{Use: "device", Place: "software"}}}}, 200, 0},
		"troubled": {troubled(), 200, 8},
		"failing":  {fakeOverview{err: eid.Fail(eid.CodeQueueStopped, "list queue", errors.New("cause"))}, 422, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := web.New(web.Options{Listen: listen, Desk: &fakeDesk{}, Overview: test.source})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r := httptest.NewRequest("GET", "http://"+listen+"/api/overview", nil)
			r.Header.Set("Authorization", "Bearer "+s.Token())
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != test.status {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if w.Code != 200 {
				return
			}
			var got struct {
				Alarms []struct {
					Code    eid.Code
					Failure eid.Failure
				}
				Link     *web.Link
				SealKeys *web.SealKeys `json:"seal_keys"`
				Keys     []web.Key
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Alarms == nil || len(got.Alarms) != test.alarms || len(got.Keys) == 0 {
				t.Errorf("answer %s", w.Body)
			}
			for _, a := range got.Alarms {
				if a.Failure.Code != a.Code || a.Failure.MessageVI == "" || a.Failure.MessageVI == eid.Explain(eid.CodeInternal).MessageVI {
					t.Errorf("alarm %s has the words %+v", a.Code, a.Failure)
				}
			}
		})
	}
}
