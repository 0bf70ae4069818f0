package web

import (
	"context"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
)

// Officer is the officer's signature token, nil at a desk without one.
type Officer interface {
	// Token says how it stands; *eid.Error of eid.CodeTokenAbsent where there is none.
	Token(ctx context.Context) (Token, error)
	// Unlock opens it by its PIN until Lock. With an error the token says how
	// its PIN stands now. lastTry allows the try that may lock it for good.
	Unlock(ctx context.Context, pin eid.Private, lastTry bool) (Token, error)
	// Confirm has the officer prove by the PIN that he is there now; a wrong one
	// leaves the token locked.
	Confirm(ctx context.Context, pin eid.Private, lastTry bool) (Token, error)
	Lock(ctx context.Context) error
}

// Token is the token as the screen shows it. It holds nothing secret.
type Token struct {
	Present  bool   `json:"present"`
	Label    string `json:"label,omitempty"`
	Serial   string `json:"serial,omitempty"`
	PIN      string `json:"pin,omitempty"` // fine, low, final, locked, not_set
	Unlocked bool   `json:"unlocked"`
}

// tokenAnswer is the answer of every call about the token; no token means that
// this desk works without one.
type tokenAnswer struct {
	Token *Token       `json:"token"`
	Error *eid.Failure `json:"error,omitempty"`
}

// maxPIN bounds what is passed on to a token; PKCS#11 tokens take less.
const maxPIN = 64

func (s *Server) getOfficer(w http.ResponseWriter, r *http.Request) {
	if s.opts.Officer == nil {
		answerJSON(w, http.StatusOK, tokenAnswer{})
		return
	}
	t, err := s.opts.Officer.Token(r.Context())
	// A token that is not there is what the screen asks about, not a failure of asking.
	answerJSON(w, http.StatusOK, tokenAnswer{Token: &t, Error: failureOf(err)})
}

// unlock takes the PIN on its only way: from the screen to the token's worker.
// It is in no log, no view and no error.
func (s *Server) unlock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PIN     eid.Private `json:"pin"`
		LastTry bool        `json:"last_try"`
	}
	if err := decode(w, r, &in); err != nil {
		answerError(w, err, nil)
		return
	}
	if err := checkPIN("unlock token", in.PIN); err != nil {
		answerError(w, err, nil)
		return
	}
	s.token(w, "unlock", func(ctx context.Context, o Officer) (Token, error) { return o.Unlock(ctx, in.PIN, in.LastTry) })
}

// lock ends the officer's shift.
func (s *Server) lock(w http.ResponseWriter, r *http.Request) {
	var in nothing
	if err := decode(w, r, &in); err != nil {
		answerError(w, err, nil)
		return
	}
	s.token(w, "lock", func(ctx context.Context, o Officer) (Token, error) {
		if err := o.Lock(ctx); err != nil {
			return Token{}, err
		}
		return o.Token(ctx)
	})
}

func (s *Server) token(w http.ResponseWriter, op string, do func(context.Context, Officer) (Token, error)) {
	if s.opts.Officer == nil {
		http.Error(w, "this desk works without a token", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.OperationLimit)
	defer cancel()
	t, err := do(ctx, s.opts.Officer)
	s.Notify("officer") // other screens of this desk
	if err != nil {
		code := eid.CodeOf(err)
		s.opts.Log.Warn("officer's token", "action", op, "code", code)
		answerJSON(w, statusOf(code), tokenAnswer{Token: &t, Error: failureOf(err)})
		return
	}
	s.opts.Log.Info("officer's token", "action", op)
	answerJSON(w, http.StatusOK, tokenAnswer{Token: &t})
}

func failureOf(err error) *eid.Failure {
	if err == nil {
		return nil
	}
	return eid.CodeOf(err).Failure()
}
