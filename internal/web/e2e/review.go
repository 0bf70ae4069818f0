package e2e

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// review is the officer's decision where the machine is in doubt: F6, reads model
// and reason, chooses why, enters the PIN; or ends the visit, since it is
// somebody else.
func (s *screen) review(r *Review) error {
	if r == nil {
		return errors.New("the machine leaves the face to the officer")
	}
	if err := s.press(kb.F6); err != nil {
		return err
	}
	if _, err := s.wait("the question about the face", quick, func(n seen) bool { return n.Asking && strings.HasPrefix(n.Focus, "review-") }); err != nil {
		return err
	}
	said, err := chromedp.Run(s.tab, chromedp.Evaluate[string](`document.querySelector('dialog[data-review]').innerText`))
	if err != nil {
		return fmt.Errorf("read the question about the face: %w", err)
	}
	for _, want := range r.Words {
		if !strings.Contains(said, want) {
			return fmt.Errorf("the question about the face does not say %q: %q", want, said)
		}
	}
	if err := s.shot("review"); err != nil {
		return err
	}
	// Enter without a reason accepts nothing.
	if err := s.press(kb.Enter); err != nil {
		return err
	}
	if now, err := s.see(); err != nil {
		return err
	} else if !now.Asking || now.Step != "face" {
		return errors.New("a face was accepted without a reason")
	}
	if r.Other {
		return s.refuseFace()
	}
	if err := s.choose("review-"+r.Reason, 8); err != nil {
		return err
	}
	if len(r.PINs) == 0 {
		if err := s.press(kb.Enter); err != nil {
			return err
		}
	}
	for i, pin := range r.PINs {
		now, err := s.enterPIN("review-pin", pin)
		if err != nil {
			return err
		}
		if last := i == len(r.PINs)-1; last == now.Asking {
			return fmt.Errorf("PIN %d of %d: dialog open %t, %s", i+1, len(r.PINs), now.Asking, now.PINFailure)
		}
		if now.Asking {
			if err := s.shot("review-" + now.PINFailure); err != nil {
				return err
			}
		}
	}
	_, err = s.wait("the fingers", quick, func(n seen) bool { return !n.Asking && n.Step == "finger" })
	return err
}

// refuseFace closes the question and ends the visit (F8): it is another person.
func (s *screen) refuseFace() error {
	if err := s.press(kb.Escape); err != nil {
		return err
	}
	if _, err := s.wait("the face's page", quick, func(n seen) bool { return !n.Asking }); err != nil {
		return err
	}
	if err := s.press(kb.F8); err != nil {
		return err
	}
	if _, err := s.wait("the question", quick, func(n seen) bool { return n.Focus == "stay" }); err != nil {
		return err
	}
	err := errors.Join(s.tabTo("refuse", 4, func(n seen) bool { return n.Action == "refuse" }), s.press(kb.Enter))
	if err != nil {
		return err
	}
	_, err = s.wait("the end", quick, func(n seen) bool { return n.Step == "refused" })
	return err
}
