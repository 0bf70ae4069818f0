package web

import (
	"net/http"

	"github.com/enrold/enrold/internal/eid"
)

// queueShown is how many requests the screen lists.
const queueShown = 100

func (s *Server) getDesk(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, s.opts.Info)
}

func (s *Server) getVisit(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, done{Visit: s.opts.Desk.View()})
}

// shownRow adds the words for the row's last failure.
type shownRow struct {
	QueueRow
	Failure *eid.Failure `json:"failure,omitempty"`
}

func (s *Server) getQueue(w http.ResponseWriter, r *http.Request) {
	if s.opts.Queue == nil {
		http.Error(w, "no queue", http.StatusServiceUnavailable)
		return
	}
	rows, err := s.opts.Queue.List(r.Context(), queueShown)
	if err != nil {
		s.opts.Log.Warn("queue cannot be listed", "error", err)
		answerError(w, err, nil)
		return
	}
	out := make([]shownRow, 0, len(rows))
	for _, row := range rows {
		out = append(out, shownRow{row, row.Code.Failure()})
	}
	answerJSON(w, http.StatusOK, map[string]any{"rows": out})
}

func (s *Server) getDevices(w http.ResponseWriter, r *http.Request) {
	if s.opts.Devices == nil {
		http.Error(w, "no devices", http.StatusServiceUnavailable)
		return
	}
	devices, err := s.opts.Devices.Devices(r.Context())
	if err != nil {
		s.opts.Log.Warn("devices cannot be listed", "error", err)
		answerError(w, err, nil)
		return
	}
	type shownDevice struct {
		Device
		Failure *eid.Failure `json:"failure,omitempty"`
	}
	out := make([]shownDevice, 0, len(devices))
	for _, d := range devices {
		out = append(out, shownDevice{d, d.Code.Failure()})
	}
	answerJSON(w, http.StatusOK, map[string]any{"devices": out})
}

// getConsentText answers the text of the open visit's procedure, or of
// ?procedure= when none is open, in ?language=vi|en.
func (s *Server) getConsentText(w http.ResponseWriter, r *http.Request) {
	if s.opts.Consents == nil {
		http.Error(w, "no consent texts", http.StatusServiceUnavailable)
		return
	}
	kind := eid.ProcedureKind(r.URL.Query().Get("procedure"))
	if v := s.opts.Desk.View(); v != nil && kind == "" {
		kind = v.Procedure
	}
	text, err := s.opts.Consents.ConsentText(kind, r.URL.Query().Get("language"))
	if err != nil {
		answerError(w, err, nil)
		return
	}
	answerJSON(w, http.StatusOK, text)
}
