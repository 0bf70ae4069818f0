package web

import (
	"context"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
)

// Profiler is what a [Previewer] may also be: a camera whose captures ask for
// other things of a person with glasses, a headscarf, of a child, or in a
// darker room.
type Profiler interface {
	Profiles() []CaptureProfile
	// UseProfile makes one the profile from now on; "" changes nothing. It returns
	// the one in use.
	UseProfile(ctx context.Context, id string) (string, error)
}

// CaptureProfile is one profile with the words for its choice.
type CaptureProfile struct {
	ID      string `json:"id"`
	LabelVI string `json:"label_vi"`
	LabelEN string `json:"label_en"`
	WhyVI   string `json:"why_vi,omitempty"`
	WhyEN   string `json:"why_en,omitempty"`
}

type cameraAnswer struct {
	Profile  string           `json:"profile"`
	Profiles []CaptureProfile `json:"profiles"`
}

func (s *Server) getCamera(w http.ResponseWriter, r *http.Request) { s.useProfile(w, r, "") }

func (s *Server) setCamera(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Profile string `json:"profile"`
	}
	if err := decode(w, r, &in); err != nil {
		answerError(w, err, nil)
		return
	}
	s.useProfile(w, r, in.Profile)
}

func (s *Server) useProfile(w http.ResponseWriter, r *http.Request, id string) {
	p, ok := s.opts.Preview.(Profiler)
	if !ok {
		answerError(w, eid.Fail(eid.CodeNoCamera, "choose capture profile", nil), nil)
		return
	}
	used, err := p.UseProfile(r.Context(), id)
	if err != nil {
		answerError(w, err, nil)
		return
	}
	answerJSON(w, http.StatusOK, cameraAnswer{Profile: used, Profiles: p.Profiles()})
}
