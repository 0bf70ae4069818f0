package e2e

import (
	"errors"
	"fmt"

	"github.com/chromedp/chromedp/kb"
)

// retype expects the failure that a mistyped number gives, goes back to the
// field and mends it.
func (s *screen) retype(number string) error {
	now, err := s.wait("the refused number", long, func(n seen) bool { return n.Busy == "" && (n.Step != "document" || n.Failure != "") })
	if err != nil {
		return err
	}
	if now.Step != "document" {
		return errors.New("a mistyped number opened the chip")
	}
	if err := s.shot("document-" + now.Failure); err != nil {
		return err
	}
	for range 6 {
		if now.Focus == "number" {
			return errors.Join(s.press(number), s.press(kb.Enter))
		}
		if err := s.pressShift(kb.Tab); err != nil {
			return err
		}
		if now, err = s.see(); err != nil {
			return err
		}
	}
	return fmt.Errorf("go back to the number: focus is on %q", now.Focus)
}

// stop asks to end the visit (F8), goes back by Escape once, then ends it.
func (s *screen) stop() error {
	before, err := s.wait("focus on the step", quick, func(n seen) bool { return n.Action != "" || n.Focus == "number" })
	if err != nil {
		return err
	}
	if err := s.press(kb.F8); err != nil {
		return err
	}
	if _, err := s.wait("the question", quick, func(n seen) bool { return n.Focus == "stay" }); err != nil {
		return err
	}
	if err := errors.Join(s.shot("stop"), s.press(kb.Escape)); err != nil {
		return err
	}
	// The browser gives the focus back before it tells the page that the dialog
	// closed: a key in between, too fast for a hand, would ask for nothing new.
	back := func(n seen) bool { return !n.Asking && n.Action == before.Action && n.Focus == before.Focus }
	if _, err := s.wait("focus back on the step", quick, back); err != nil {
		return err
	}
	if err := s.press(kb.F8); err != nil {
		return err
	}
	if _, err := s.wait("the question again", quick, func(n seen) bool { return n.Focus == "stay" }); err != nil {
		return err
	}
	err = errors.Join(s.tabTo("abandon", 4, func(n seen) bool { return n.Action == "abandon" }), s.press(kb.Enter))
	if err != nil {
		return err
	}
	_, err = s.wait("the end", quick, func(n seen) bool { return n.Step == "abandoned" })
	return err
}
