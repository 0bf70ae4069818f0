package e2e

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/enrold/enrold/internal/eid"
)

func (s *screen) consent(p Plan) error {
	if _, err := s.wait("focus on the telephone", quick, func(n seen) bool { return n.Focus == "phone" }); err != nil {
		return err
	}
	err := s.press(p.Phone)
	if p.Email != "" {
		err = errors.Join(err, s.fill("email", p.Email))
	}
	if c := p.Residence; c != nil {
		err = errors.Join(err, s.tabToID("residence-type"), s.press(residenceKey(c.Type, p.English)),
			s.fill("residence-number", c.Number.Reveal()), s.fill("residence-expiry", typed(c.Expiry)))
	}
	if err := errors.Join(err, s.shot("details"), s.press(kb.Enter)); err != nil {
		return err
	}
	now, err := s.wait("the consent text", quick, func(n seen) bool { return n.Focus == "text" || n.Failure != "" })
	if err != nil {
		return err
	}
	if now.Failure != "" {
		return fmt.Errorf("details were refused: %s", now.Failure)
	}
	time.Sleep(200 * time.Millisecond) // the text itself
	err = errors.Join(s.shot("consent"), s.tabToID("method-verbal_witness"))
	if p.Sign {
		err = errors.Join(err, s.press(kb.ArrowDown), s.sign())
	} else {
		err = errors.Join(err, s.press(" "))
	}
	if err := errors.Join(err, s.tabToID("given"), s.press(" "), s.shot("consent-given")); err != nil {
		return err
	}
	if err := errors.Join(s.tabTo("give-consent", 3, func(n seen) bool { return n.Action == "give-consent" }), s.press(kb.Enter)); err != nil {
		return err
	}
	_, err = s.wait("the last step", quick, func(n seen) bool { return n.Step != "consent" || n.Failure != "" })
	if err == nil && s.lately.Failure != "" {
		err = fmt.Errorf("consent was refused: %s", s.lately.Failure)
	}
	return err
}

// residenceKey is the key that chooses the card's kind in the list by typing
// the beginning of its name.
func residenceKey(kind string, english bool) string {
	switch {
	case kind == "PRC" && english:
		return "P"
	case kind == "PRC":
		return kb.ArrowDown + kb.ArrowDown
	case english:
		return "T"
	}
	return kb.ArrowDown
}

func (s *screen) send() error {
	if _, err := s.wait("focus on send", quick, func(n seen) bool { return n.Action == "send" && n.Busy == "" }); err != nil {
		return err
	}
	if err := errors.Join(s.shot("send"), s.press(kb.Enter)); err != nil {
		return err
	}
	now, err := s.wait("the queue", long, func(n seen) bool { return n.Step != "send" || n.Failure != "" })
	if err == nil && now.Step == "send" {
		err = fmt.Errorf("not queued: %s", now.Failure)
	}
	return err
}

// outcome waits for the centre's decision and looks at the queue (F4, F2).
func (s *screen) outcome(now seen, p Plan) (Result, error) {
	r := Result{Step: now.Step, Outcome: now.Outcome, Code: eid.Code(now.Code)}
	if now.Step == "done" {
		if err := s.shot("saved"); err != nil {
			return r, err
		}
		end := time.Now().Add(p.Settle)
		for slices.Contains([]string{"sealed", "announced", "uploading", "received", "accepted"}, r.Outcome) {
			if time.Now().After(end) {
				break
			}
			time.Sleep(50 * time.Millisecond)
			now, err := s.see()
			if err != nil {
				return r, err
			}
			r.Outcome = now.Outcome
		}
	}
	if err := s.shot("outcome"); err != nil {
		return r, err
	}
	if err := s.press(kb.F4); err != nil {
		return r, err
	}
	if _, err := s.wait("the queue's page", quick, func(n seen) bool { return n.Step == "" }); err != nil {
		return r, err
	}
	if err := errors.Join(s.shot("queue"), s.press(kb.F2)); err != nil {
		return r, err
	}
	_, err := s.wait("focus on the next visit", quick, func(n seen) bool { return n.Action == "next-visit" })
	return r, err
}
