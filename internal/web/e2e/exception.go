package e2e

import (
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// except leaves the finger out that the screen asks for: F6, the reason, the
// supervisor. One that must be refused comes first.
func (s *screen) except(x Exception) error {
	if err := s.press(kb.F6); err != nil {
		return err
	}
	if _, err := s.wait("the exception's question", quick, func(n seen) bool { return n.Asking }); err != nil {
		return err
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
	for range 4 { // radio buttons: the arrows choose
		if s.lately.Focus == "reason-"+x.Reason {
			break
		}
		if err := s.press(kb.ArrowDown); err != nil {
			return err
		}
		if _, err := s.see(); err != nil {
			return err
		}
	}
	if s.lately.Focus != "reason-"+x.Reason {
		return fmt.Errorf("choose the reason %s: focus is on %q", x.Reason, s.lately.Focus)
	}
	if err := errors.Join(s.press(" "), s.shot("exception")); err != nil {
		return err
	}
	names := []string{x.Supervisor}
	if x.Wrong != "" {
		names = []string{x.Wrong, x.Supervisor}
	}
	for i, name := range names {
		if err := errors.Join(s.fill("supervisor", name), s.press(kb.Enter)); err != nil {
			return err
		}
		now, err := s.wait("the answer to the exception", quick, func(n seen) bool { return n.Busy == "" && (!n.Asking || n.PINFailure != "") })
		if err != nil {
			return err
		}
		if last := i == len(names)-1; last == now.Asking {
			return fmt.Errorf("supervisor %d of %d: dialog open %t, %s", i+1, len(names), now.Asking, now.PINFailure)
		}
		if now.Asking {
			if err := s.shot("exception-" + now.PINFailure); err != nil {
				return err
			}
		}
	}
	return nil
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
