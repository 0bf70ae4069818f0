package web

import (
	"context"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
)

// acceptFace is the officer's word for a face that the comparison left to him. At
// a desk with a token he gives it by his PIN: a token that is open since the
// morning does not say who stands at the desk now.
func (s *Server) acceptFace(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Reason  string      `json:"reason"`
		Note    eid.Private `json:"note"`
		PIN     eid.Private `json:"pin"` // of the officer's token; "" at a desk without one
		LastTry bool        `json:"last_try"`
	}
	take(s, w, r, "accept face", func(ctx context.Context, in body) error {
		if s.opts.Officer != nil {
			if err := checkPIN("accept face", in.PIN); err != nil {
				return err
			}
			_, err := s.opts.Officer.Confirm(ctx, in.PIN, in.LastTry)
			s.Notify("officer") // a wrong PIN has locked it
			if err != nil {
				return err
			}
		}
		return s.opts.Desk.AcceptFace(ctx, in.Reason, in.Note)
	})
}
