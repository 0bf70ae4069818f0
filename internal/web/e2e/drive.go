package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/enrold/enrold/internal/eid"
)

// Plan is the visit to drive: what the officer types and how the person acts.
type Plan struct {
	Procedure eid.ProcedureKind
	Number    string // personal or passport number
	Birth     eid.Date
	Expiry    eid.Date // "" ticks "unlimited"
	Phone     string
	Email     string
	Residence *eid.ResidenceCard // foreigners
	English   bool               // switch the screen to English first (F9)
	PINs      []string           // of the officer's token, the last one right; none at a desk without one
	Mistyped  string             // a number to try first, which must not open the chip
	StopAt    string             // step at which the visit is stopped (F8); "" for none
	Except    *Exception         // a finger that the person cannot give
	Review    *Review            // how the officer decides where the machine is in doubt; nil where it must not be
	Sign      bool               // the person signs on the screen; otherwise agrees by word
	Axe       string             // axe-core's script: each picture is checked for accessibility; "" for none

	Width, Height int // CSS pixels; 0 for 1280 x 800

	// Act is what the person does when the screen prompts for a finger: prompt
	// is "place" or "lift", nth counts the scans of that position from 1. It may
	// be nil where the scanner needs nobody. It runs between two looks at the
	// screen and must not wait for it.
	Act func(ctx context.Context, prompt string, position eid.FingerPosition, nth int) error

	// Settle is how long to wait on the last page for the centre's decision.
	Settle time.Duration
}

// Exception is a finger that is left out, by keyboard.
type Exception struct {
	Position   eid.FingerPosition
	Reason     string
	Wrong      string // a supervisor to name first who must be refused; "" for none
	Supervisor string
	PINs       []string // of the supervisor, the last one right
	No         bool     // the supervisor refuses, and then allows it after all
}

// Review is the officer's decision on a face, by keyboard.
type Review struct {
	Reason string
	Words  []string // what the dialog must say: the model, why the machine doubts
	PINs   []string // of the officer's token, the last one right; none at a desk without one
	Other  bool     // it is somebody else: the officer ends the visit
}

// Result is how the visit ended, as the screen said it.
type Result struct {
	Step    string   // done, refused, abandoned
	Outcome string   // done: sealed, received, granted, rejected, refused
	Code    eid.Code // refused: why
	Shots   []string // screenshots, in order
	Keys    int      // keys pressed
	Took    time.Duration
}

// limits of waiting for the screen.
const (
	quick = 10 * time.Second // the screen itself
	long  = 60 * time.Second // devices
)

// Drive opens url and goes through one whole visit by keyboard only. It fails
// when the focus is not where the next key is meant, when the page reports a
// script error or a violation of its policy, or when it is wider than the
// window. Screenshots go to shotsDir ("" for none).
func Drive(ctx context.Context, url, shotsDir string, p Plan) (Result, error) {
	if p.Width == 0 {
		p.Width, p.Height = 1280, 800
	}
	s, closeBrowser, err := open(ctx, url, shotsDir, p.Axe, p.Width, p.Height)
	if err != nil {
		return Result{}, err
	}
	defer closeBrowser()
	started := time.Now()
	r, err := s.visit(ctx, p)
	r.Shots, r.Keys, r.Took = s.shots, s.keys, time.Since(started)
	return r, err
}

// open shows url in a browser of its own.
func open(ctx context.Context, url, shotsDir, axe string, width, height int) (*screen, func(), error) {
	tab, closeBrowser, err := browse(ctx, width, height)
	if err != nil {
		return nil, nil, err
	}
	s := &screen{tab: tab, dir: shotsDir}
	if axe != "" {
		if err := s.loadAxe(axe); err != nil {
			closeBrowser()
			return nil, nil, err
		}
	}
	err = chromedp.Do(tab,
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchFaults})
			return err
		}),
		chromedp.Navigate(url),
	)
	if err != nil {
		closeBrowser()
		return nil, nil, fmt.Errorf("open screen: %w", err)
	}
	return s, closeBrowser, nil
}

// visit does the step that the screen shows, until the visit has ended.
func (s *screen) visit(ctx context.Context, p Plan) (Result, error) {
	if _, err := s.wait("the first page", quick, func(n seen) bool { return n.Step != "" }); err != nil {
		return Result{}, err
	}
	if len(p.PINs) > 0 {
		if err := s.unlock(p.PINs); err != nil {
			return Result{}, fmt.Errorf("unlock token: %w", err)
		}
	}
	if p.English {
		if err := s.press(kb.F9); err != nil {
			return Result{}, err
		}
	}
	for range 30 {
		now, err := s.see()
		if err != nil {
			return Result{}, err
		}
		if now.Step == p.StopAt {
			if err := s.stop(); err != nil {
				return Result{}, fmt.Errorf("stop at %s: %w", now.Step, err)
			}
			continue
		}
		switch now.Step {
		case "none":
			err = s.start(p)
		case "document":
			err = s.document(p)
		case "face":
			err = s.face(p)
		case "finger":
			err = s.finger(ctx, p)
		case "consent":
			err = s.consent(p)
		case "send":
			err = s.send()
		case "done", "refused", "abandoned":
			return s.outcome(now, p)
		default:
			err = fmt.Errorf("unknown step %q", now.Step)
		}
		if err != nil {
			return Result{}, fmt.Errorf("drive step %s: %w", now.Step, err)
		}
	}
	return Result{}, errors.New("drive visit: it does not end")
}
