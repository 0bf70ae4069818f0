package web

import (
	"context"
	"net/http"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Overviewer says how the desk stands as a whole.
type Overviewer interface {
	Overview(ctx context.Context) (Overview, error)
}

// Overview is what the officer must know besides single requests and devices.
type Overview struct {
	Alarms   []Alarm   `json:"alarms"`              // the gravest first
	Link     *Link     `json:"link,omitempty"`      // nil where the way to the central does not tell
	SealKeys *SealKeys `json:"seal_keys,omitempty"` // nil where they are of the configuration and have no end
	Keys     []Key     `json:"keys"`
}

// Alarm is something that somebody must do something about.
type Alarm struct {
	Code    eid.Code  `json:"code"`
	Count   int       `json:"count,omitempty"`   // of requests
	Nearest eid.Date  `json:"nearest,omitempty"` // legal deadline among them
	Until   time.Time `json:"until,omitzero"`    // when it becomes graver
}

// Link is the connection to the central.
type Link struct {
	Online  bool      `json:"online"`  // the central answered the last time it was asked
	Refused bool      `json:"refused"` // it refuses this desk as such
	Probe   time.Time `json:"probe,omitzero"`
}

// SealKeys is the central's list of keys that requests are sealed to.
type SealKeys struct {
	Version int64     `json:"version"`
	Since   time.Time `json:"since"` // issued
	Until   time.Time `json:"until"` // no visit begins after
	Code    eid.Code  `json:"code,omitempty"`
}

// Key says where a private key of this desk lives.
type Key struct {
	Use      string `json:"use"`   // device, officer, drafts
	Place    string `json:"place"` // software, tpm2, pkcs11, keyring, none
	Emulated bool   `json:"emulated,omitempty"`
}

// getOverview answers with the words of each alarm.
func (s *Server) getOverview(w http.ResponseWriter, r *http.Request) {
	if s.opts.Overview == nil {
		http.Error(w, "no overview", http.StatusServiceUnavailable)
		return
	}
	o, err := s.opts.Overview.Overview(r.Context())
	if err != nil {
		s.opts.Log.Warn("desk has no overview", "error", err)
		answerError(w, err, nil)
		return
	}
	type shownAlarm struct {
		Alarm
		Failure *eid.Failure `json:"failure"`
	}
	shown := struct {
		Overview
		Alarms []shownAlarm `json:"alarms"` // hides the plain ones
	}{o, make([]shownAlarm, 0, len(o.Alarms))}
	for _, a := range o.Alarms {
		shown.Alarms = append(shown.Alarms, shownAlarm{a, a.Code.Failure()})
	}
	answerJSON(w, http.StatusOK, shown)
}
