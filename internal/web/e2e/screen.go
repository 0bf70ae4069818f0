package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/enrold/enrold/internal/eid"
)

// seen is what the screen shows, read from its data attributes.
type seen struct {
	Step       string `json:"step"` // data-step: none, document, … ; "" while the page loads
	Busy       string `json:"busy"`
	Action     string `json:"action"` // data-action of the focused element
	Focus      string `json:"focus"`  // id or tag of the focused element
	Asking     bool   `json:"asking"` // a dialog is in the page
	Failure    string `json:"failure"`
	PIN        string `json:"pin"` // how the token's PIN stands, while its dialog is open
	PINFailure string `json:"pinFailure"`
	Prompt     string `json:"prompt"`
	Position   int    `json:"position"` // of the finger card asked for
	Guidance   string `json:"guidance"`
	Outcome    string `json:"outcome"`
	Code       string `json:"code"`
	Foreign    bool   `json:"foreign"` // a chip check's reason is English on the Vietnamese screen
	Asked      string `json:"asked"`   // "typed" while a PIN stands in its field
	Doubt      bool   `json:"doubt"`   // the officer may decide on the face
	Lost       bool   `json:"lost"`    // the screen says that the daemon is away
	Missing    bool   `json:"missing"` // the screen says that its session is over
	Wide       int    `json:"wide"`    // CSS pixels by which the page is too wide
	Faults     string `json:"fault"`   // script errors and policy violations
}

const look = `(() => {
  const q = (s) => document.querySelector(s);
  const a = document.activeElement;
  const visit = q('[data-step]');
  return {
    step: visit?.dataset.step ?? '', busy: visit?.dataset.busy ?? '',
    action: a?.dataset?.action ?? '', focus: a ? a.id || a.className || a.tagName : '',
    pin: q('dialog')?.dataset.pin ?? '', pinFailure: q('.pin-failure')?.dataset.code ?? '',
    asking: !!q('dialog'), failure: q('.failure')?.dataset.code ?? '', prompt: q('[data-prompt]')?.dataset.prompt ?? '',
    position: +(q('.finger.now')?.dataset.position ?? 0), guidance: q('[data-guidance]')?.dataset.guidance ?? '',
    outcome: q('[data-outcome]')?.dataset.outcome ?? '', code: q('[data-outcome]')?.dataset.code ?? '',
    foreign: document.documentElement.lang === 'vi' && !!q('.checks [lang="en"]'),
    asked: [...document.querySelectorAll('dialog input[type="password"]')].some((i) => i.value) ? 'typed' : '', doubt: !!q('[data-action="review-face"]'), lost: !!q('.lost'), missing: !!q('[data-action="retry"]'),
    wide: Math.max(0, document.documentElement.scrollWidth - window.innerWidth),
    fault: (window.__faults ?? []).join('; '),
  };
})()`

// watchFaults runs before the page's own script.
const watchFaults = `window.__faults = [];
addEventListener('error', (e) => __faults.push(String(e.message || e.target?.src || e.type)), true);
addEventListener('unhandledrejection', (e) => __faults.push(String(e.reason)));
addEventListener('securitypolicyviolation', (e) => __faults.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI));`

// screen is the keyboard and the eyes of the one who drives.
type screen struct {
	tab    context.Context
	dir    string // of screenshots; "" for none
	shots  []string
	keys   int
	lately seen

	axe     string                     // script that checks accessibility; "" for none
	checked map[string]bool            // pages that it has seen
	scanned map[eid.FingerPosition]int // scans of each position so far
}

func (s *screen) scans(position eid.FingerPosition) int {
	if s.scanned == nil {
		s.scanned = map[eid.FingerPosition]int{}
	}
	s.scanned[position]++
	return s.scanned[position]
}

func (s *screen) see() (seen, error) {
	now, err := chromedp.Run(s.tab, chromedp.Evaluate[seen](look))
	if err != nil {
		return now, fmt.Errorf("look at the screen: %w", err)
	}
	if now.Faults != "" {
		return now, fmt.Errorf("the page reports: %s", now.Faults)
	}
	s.lately = now
	return now, nil
}

// wait looks until ok holds, or reports what was seen last.
func (s *screen) wait(what string, limit time.Duration, ok func(seen) bool) (seen, error) {
	end := time.Now().Add(limit)
	for {
		now, err := s.see()
		if err != nil {
			return now, err
		}
		if ok(now) {
			return now, nil
		}
		if time.Now().After(end) {
			_ = s.shot("stuck") // for who looks into it; the error below tells of the failure
			return now, fmt.Errorf("wait for %s: still %+v after %v", what, now, limit)
		}
		select {
		case <-s.tab.Done():
			return now, s.tab.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// press sends keys to whatever has the focus.
func (s *screen) press(keys string) error {
	s.keys += len([]rune(keys))
	if err := chromedp.Do(s.tab, chromedp.KeyEvent(keys)); err != nil {
		return fmt.Errorf("press keys: %w", err)
	}
	return nil
}

// pressShift sends keys with Shift held.
func (s *screen) pressShift(keys string) error {
	s.keys++
	if err := chromedp.Do(s.tab, chromedp.KeyEvent(keys, chromedp.KeyModifiers(chromedp.ModifierShift))); err != nil {
		return fmt.Errorf("press shift and keys: %w", err)
	}
	return nil
}

// tabTo presses Tab until the focused element fits, at most n times.
func (s *screen) tabTo(what string, n int, ok func(seen) bool) error {
	for range n {
		now, err := s.see()
		if err != nil {
			return err
		}
		if ok(now) {
			return nil
		}
		if err := s.press(kb.Tab); err != nil {
			return err
		}
	}
	return fmt.Errorf("tab to %s: not reached in %d, focus is on %q", what, n, s.lately.Focus)
}

func (s *screen) tabToID(id string) error {
	return s.tabTo(id, 12, func(now seen) bool { return now.Focus == id })
}

// fill moves to the field and types text over what it holds.
func (s *screen) fill(id, text string) error {
	if err := s.tabToID(id); err != nil {
		return err
	}
	return s.press(text)
}

// shot takes a screenshot of the window and checks that nothing sticks out of it.
func (s *screen) shot(name string) error {
	if s.dir == "" {
		return nil
	}
	png, err := chromedp.Run(s.tab, chromedp.CaptureScreenshot())
	if err != nil {
		return fmt.Errorf("take screenshot %s: %w", name, err)
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%02d-%s.png", len(s.shots)+1, name))
	if err := os.WriteFile(path, png, 0o600); err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	s.shots = append(s.shots, path)
	if now, err := s.see(); err != nil {
		return err
	} else if now.Wide > 0 {
		return fmt.Errorf("screenshot %s: the page is %d pixels too wide", name, now.Wide)
	}
	return s.checkAccess(name)
}
