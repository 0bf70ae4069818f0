package web

import (
	"context"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
)

// acceptFace is the officer's word for a face that the comparison left to him.
func (s *Server) acceptFace(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Reason string      `json:"reason"`
		Note   eid.Private `json:"note"`
	}
	take(s, w, r, "accept face", func(ctx context.Context, in body) error {
		return s.opts.Desk.AcceptFace(ctx, in.Reason, in.Note)
	})
}
