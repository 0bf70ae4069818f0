package e2e

import (
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/enrold/enrold/internal/eid"
)

// except leaves the finger out that the screen asks for: F6, the reason, the
// supervisor and his PIN. A supervisor, or PINs, that must be refused come first.
func (s *screen) except(x Exception) error {
	if err := s.askException(); err != nil {
		return err
	}
	if x.No {
		if err := s.supervisorSaysNo(); err != nil {
			return err
		}
		if err := s.askException(); err != nil {
			return err
		}
	}
	// Enter without a reason allows nothing.
	if err := s.press(kb.Enter); err != nil {
		return err
	}
	if now, err := s.see(); err != nil {
		return err
	} else if !now.Asking {
		return errors.New("an exception was made without a reason")
	}
	if err := errors.Join(s.choose("reason-"+x.Reason, 4), s.shot("exception")); err != nil {
		return err
	}
	type proof struct{ name, pin string }
	var tries []proof
	if x.Wrong != "" {
		tries = append(tries, proof{x.Wrong, x.PINs[len(x.PINs)-1]})
	}
	for _, pin := range x.PINs {
		tries = append(tries, proof{x.Supervisor, pin})
	}
	for i, try := range tries {
		if err := s.fillFrom("supervisor", try.name); err != nil {
			return err
		}
		now, err := s.enterPIN("supervisor-pin", try.pin)
		if err != nil {
			return err
		}
		if last := i == len(tries)-1; last == now.Asking {
			return fmt.Errorf("supervisor %d of %d: dialog open %t, %s", i+1, len(tries), now.Asking, now.PINFailure)
		}
		if now.Asking {
			if err := s.shot("exception-" + now.PINFailure); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *screen) askException() error {
	if _, err := s.wait("focus on the scanner's button", quick, func(n seen) bool { return !n.Asking && n.Action != "" }); err != nil {
		return err
	}
	if err := s.press(kb.F6); err != nil {
		return err
	}
	_, err := s.wait("the exception's question", quick, func(n seen) bool { return n.Asking })
	return err
}

// supervisorSaysNo closes the dialog with a refusal that the page then shows.
func (s *screen) supervisorSaysNo() error {
	err := errors.Join(s.tabTo("refuse-exception", 12, func(n seen) bool { return n.Action == "refuse-exception" }), s.press(kb.Enter))
	if err != nil {
		return err
	}
	if _, err := s.wait("the refusal", quick, func(n seen) bool { return !n.Asking && n.Failure == "E-EXCEPTION-REFUSED" }); err != nil {
		return err
	}
	return s.shot("exception-refused")
}

// choose moves to one of a group's radio buttons by the arrows and chooses it.
func (s *screen) choose(id string, most int) error {
	for range most {
		if now, err := s.see(); err != nil {
			return err
		} else if now.Focus == id {
			break
		}
		if err := s.press(kb.ArrowDown); err != nil {
			return err
		}
	}
	if now, err := s.see(); err != nil {
		return err
	} else if now.Focus != id {
		return fmt.Errorf("choose %s: focus is on %q", id, now.Focus)
	}
	return s.press(" ")
}

// fillFrom is fill where the focus may have passed the field already.
func (s *screen) fillFrom(id, text string) error {
	for range 4 {
		if now, err := s.see(); err != nil {
			return err
		} else if now.Focus == id {
			break
		}
		if err := s.pressShift(kb.Tab); err != nil {
			return err
		}
	}
	return s.fill(id, text)
}

// enterPIN types a PIN into a dialog that asks for it besides other things and
// waits for the answer. Where one try is left, Enter alone must do nothing.
func (s *screen) enterPIN(id, pin string) (seen, error) {
	before, err := s.see()
	if err != nil {
		return before, err
	}
	if err := s.fill(id, pin); err != nil {
		return before, err
	}
	if before.PINFailure == string(eid.CodePINFinal) {
		if err := errors.Join(s.tabToID(id+"-last-try"), s.press(" ")); err != nil {
			return before, err
		}
	}
	if err := s.press(kb.Enter); err != nil {
		return before, err
	}
	if _, err := s.wait("the PIN to go", quick, func(n seen) bool { return n.Asked == "" }); err != nil {
		return before, err
	}
	return s.wait("the answer to the PIN", long, func(n seen) bool {
		return n.Busy == "" && (!n.Asking || n.PINFailure != "")
	})
}

// sign draws a line into the field as a pen would: the one thing that keys cannot do.
func (s *screen) sign() error {
	box, err := chromedp.Run(s.tab, chromedp.Evaluate[[]float64](
		`(() => { const c = document.getElementById('signature'); c.scrollIntoView({block: 'nearest'}); const b = c.getBoundingClientRect(); return [b.x, b.y, b.width, b.height] })()`))
	if err != nil || len(box) != 4 {
		return fmt.Errorf("find the field for the signature: %w", err)
	}
	at := func(kind input.DispatchMouseEventType, x, y float64) error {
		return chromedp.Do(s.tab, chromedp.MouseEvent(kind, box[0]+x*box[2], box[1]+y*box[3], chromedp.ButtonLeft))
	}
	stroke := []struct{ x, y float64 }{{0.1, 0.7}, {0.2, 0.2}, {0.3, 0.75}, {0.42, 0.3}, {0.5, 0.7}, {0.62, 0.25}, {0.75, 0.65}, {0.9, 0.5}}
	if err := at(input.DispatchMouseEventTypeMousePressed, stroke[0].x, stroke[0].y); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	for _, p := range stroke[1:] {
		if err := at(input.DispatchMouseEventTypeMouseMoved, p.x, p.y); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	if err := at(input.DispatchMouseEventTypeMouseReleased, 0.9, 0.5); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	signed, err := chromedp.Run(s.tab, chromedp.Evaluate[bool](`!!document.querySelector('.pad.signed')`))
	if err == nil && !signed {
		err = errors.New("the field took no signature")
	}
	return err
}
