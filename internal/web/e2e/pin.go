package e2e

import (
	"errors"
	"fmt"

	"github.com/chromedp/chromedp/kb"
)

// unlock types the PINs into the dialog that begins a shift; the last one must
// open the token, each before it must be refused. Where the screen says that
// one try is left, it must take nothing before that is confirmed.
func (s *screen) unlock(pins []string) error {
	for i, pin := range pins {
		now, err := s.wait("the PIN's field", quick, func(n seen) bool { return n.Asking && n.Focus == "pin" })
		if err != nil {
			return err
		}
		if err := s.shot("pin-" + now.PIN); err != nil {
			return err
		}
		if err := s.press(pin); err != nil {
			return err
		}
		if now.PIN == "final" {
			if err := s.confirm(); err != nil {
				return err
			}
		}
		if err := s.press(kb.Enter); err != nil {
			return err
		}
		last := i == len(pins)-1
		now, err = s.wait("the token's answer", long, func(n seen) bool { return !n.Asking || n.PINFailure != "" && n.PINFailure != now.PINFailure })
		if err != nil {
			return err
		}
		if last == now.Asking {
			return fmt.Errorf("PIN %d of %d: dialog open %t, %s", i+1, len(pins), now.Asking, now.PINFailure)
		}
		if now.Asking {
			if err := s.pressShift(kb.Tab); err != nil { // to the field again, from wherever a key put the focus
				return err
			}
			if err := s.tabToID("pin"); err != nil {
				return err
			}
		}
	}
	return nil
}

// confirm shows that Enter alone does nothing now, and ticks the box.
func (s *screen) confirm() error {
	if err := s.press(kb.Enter); err != nil {
		return err
	}
	if now, err := s.see(); err != nil {
		return err
	} else if !now.Asking || now.PIN != "final" {
		return errors.New("the last try was made without a question")
	}
	if err := s.tabToID("last-try"); err != nil {
		return err
	}
	return s.press(" ")
}
