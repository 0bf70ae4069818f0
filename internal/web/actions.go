package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// act runs one action and answers with the visit as it then stands. The action
// does not end with the connection: a reloaded page must not cut a send in two.
// Abandon ends a running action, and so does Close.
func (s *Server) act(w http.ResponseWriter, op string, do func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.OperationLimit)
	defer cancel()
	started := time.Now()
	err := do(ctx)
	took := time.Since(started).Milliseconds()
	if err != nil {
		s.opts.Log.Warn("action failed", "action", op, "code", eid.CodeOf(err), "error", err, "ms", took)
		answerError(w, err, s.opts.Desk.View())
		return
	}
	s.opts.Log.Info("action done", "action", op, "ms", took)
	answerJSON(w, http.StatusOK, done{Visit: s.opts.Desk.View()})
}

// nothing is the body of an action without fields: {} exactly.
type nothing struct{}

// take decodes the body into in and runs the action, or answers what is wrong.
func take[T any](s *Server, w http.ResponseWriter, r *http.Request, op string, do func(ctx context.Context, in T) error) {
	takeUpTo(s, w, r, op, maxBody, do)
}

func takeUpTo[T any](s *Server, w http.ResponseWriter, r *http.Request, op string, limit int64, do func(ctx context.Context, in T) error) {
	var in T
	if err := decodeUpTo(w, r, &in, limit); err != nil {
		answerError(w, err, nil)
		return
	}
	s.act(w, op, func(ctx context.Context) error { return do(ctx, in) })
}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Procedure eid.ProcedureKind `json:"procedure"`
	}
	take(s, w, r, "start", func(ctx context.Context, in body) error { return s.opts.Desk.Start(ctx, in.Procedure) })
}

func (s *Server) readChip(w http.ResponseWriter, r *http.Request) {
	take(s, w, r, "chip", func(ctx context.Context, key eid.AccessKey) error {
		if !dayOrEmpty(key.Birth) || !dayOrEmpty(key.Expiry) {
			return eid.Fail(eid.CodeInput, "read access key", errors.New("a date is not YYYY-MM-DD"))
		}
		return s.opts.Desk.ReadChip(ctx, key)
	})
}

func (s *Server) captureFace(w http.ResponseWriter, r *http.Request) {
	take(s, w, r, "face", func(ctx context.Context, _ nothing) error { return s.opts.Desk.CaptureFace(ctx) })
}

// attestPresence is the officer's explicit word, never a default: "present" must be true.
func (s *Server) attestPresence(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Present bool `json:"present"`
	}
	take(s, w, r, "presence", func(ctx context.Context, in body) error {
		if !in.Present {
			return eid.Fail(eid.CodeInput, "attest presence", errors.New("not said"))
		}
		return s.opts.Desk.AttestPresence(ctx)
	})
}

func (s *Server) captureFinger(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Position eid.FingerPosition `json:"position"`
	}
	take(s, w, r, "finger", func(ctx context.Context, in body) error {
		if err := checkPosition("capture finger", in.Position); err != nil {
			return err
		}
		return s.opts.Desk.CaptureFinger(ctx, in.Position)
	})
}

// maxName bounds a supervisor's identifier, as the configuration bounds an officer's.
const maxName = 64

// exceptFinger goes on without a finger that the person cannot give. The
// supervisor's PIN goes the same way as the officer's: to his key and nowhere else.
func (s *Server) exceptFinger(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Position   eid.FingerPosition `json:"position"`
		Reason     string             `json:"reason"`
		Supervisor string             `json:"supervisor"`
		PIN        eid.Private        `json:"pin"`
		LastTry    bool               `json:"last_try"`
	}
	take(s, w, r, "exception", func(ctx context.Context, in body) error {
		const op = "except finger"
		if err := checkPosition(op, in.Position); err != nil {
			return err
		}
		name := strings.TrimSpace(in.Supervisor)
		if name == "" || len(name) > maxName {
			return eid.Fail(eid.CodeSupervisor, op, errors.New("no supervisor"))
		}
		if err := checkPIN(op, in.PIN); err != nil {
			return err
		}
		return s.opts.Desk.ExceptFinger(ctx, in.Position, in.Reason, station.Supervisor{ID: name, PIN: in.PIN, LastTry: in.LastTry})
	})
}

// refuseException is the supervisor's no.
func (s *Server) refuseException(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Position eid.FingerPosition `json:"position"`
	}
	take(s, w, r, "refuse exception", func(ctx context.Context, in body) error {
		const op = "refuse exception"
		if err := checkPosition(op, in.Position); err != nil {
			return err
		}
		return s.opts.Desk.RefuseException(ctx, in.Position)
	})
}

func checkPosition(op string, p eid.FingerPosition) error {
	if p < eid.RightThumb || p > eid.LeftLittle {
		return eid.Fail(eid.CodeInput, op, errors.New("position is not 1 to 10"))
	}
	return nil
}

func checkPIN(op string, pin eid.Private) error {
	if n := len(pin); n == 0 || n > maxPIN {
		return eid.Fail(eid.CodePINWrong, op, nil)
	}
	return nil
}

func (s *Server) setDetails(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Contacts  eid.Contacts       `json:"contacts"`
		Guardian  *eid.Guardian      `json:"guardian"`
		Residence *eid.ResidenceCard `json:"residence"`
	}
	take(s, w, r, "details", func(ctx context.Context, in body) error {
		if in.Residence != nil && !dayOrEmpty(in.Residence.Expiry) {
			return eid.Fail(eid.CodeInput, "set details", errors.New("the card's expiry is not YYYY-MM-DD"))
		}
		return s.opts.Desk.SetDetails(ctx, station.Details{Contacts: in.Contacts, Guardian: in.Guardian, Residence: in.Residence})
	})
}

// methodSignature is the consent that consists of a drawn signature.
const methodSignature = "signature_pad"

// giveConsent takes an explicit "given": true; its time is the desk's clock. A
// signature is a PNG in base64: the method "signature_pad" has one, others none.
func (s *Server) giveConsent(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Given       bool   `json:"given"`
		TextVersion string `json:"text_version"`
		Language    string `json:"language"`
		Method      string `json:"method"`

		Signature eid.Blob `json:"signature"`
	}
	takeUpTo(s, w, r, "consent", maxSignature, func(ctx context.Context, in body) error {
		if !in.Given {
			return eid.Fail(eid.CodeConsentMissing, "give consent", nil)
		}
		if drawn := len(in.Signature) > 0; drawn != (in.Method == methodSignature) {
			return eid.Fail(eid.CodeConsentMissing, "give consent", errors.New("method and signature do not belong together"))
		}
		return s.opts.Desk.GiveConsent(ctx, eid.Consent{
			TextVersion: in.TextVersion, Language: in.Language, Method: in.Method, Given: time.Now(), Signature: in.Signature,
		})
	})
}

func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	take(s, w, r, "send", func(ctx context.Context, _ nothing) error { return s.opts.Desk.Send(ctx) })
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	take(s, w, r, "refuse", func(ctx context.Context, _ nothing) error { return s.opts.Desk.Refuse(ctx) })
}

func (s *Server) abandon(w http.ResponseWriter, r *http.Request) {
	take(s, w, r, "abandon", func(ctx context.Context, _ nothing) error { return s.opts.Desk.Abandon(ctx) })
}

// dayOrEmpty reports "" or YYYY-MM-DD with "00" for unknown parts (Doc 9303-3 §4.8).
func dayOrEmpty(d eid.Date) bool {
	if d == "" {
		return true
	}
	if len(d) != len("2006-01-02") {
		return false
	}
	for i := range len(d) {
		if i == 4 || i == 7 {
			if d[i] != '-' {
				return false
			}
		} else if d[i] < '0' || d[i] > '9' {
			return false
		}
	}
	return d[5:7] <= "12" && d[8:10] <= "31"
}
