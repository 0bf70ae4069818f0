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

	Width, Height int // CSS pixels; 0 for 1280 x 800

	// Act is what the person does when the screen prompts for a finger: prompt
	// is "place" or "lift", nth counts the scans of that position from 1. It may
	// be nil where the scanner needs nobody. It runs between two looks at the
	// screen and must not wait for it.
	Act func(ctx context.Context, prompt string, position eid.FingerPosition, nth int) error

	// Settle is how long to wait on the last page for the centre's decision.
	Settle time.Duration
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
	tab, closeBrowser, err := browse(ctx, p.Width, p.Height)
	if err != nil {
		return Result{}, err
	}
	defer closeBrowser()
	s := &screen{tab: tab, dir: shotsDir}
	err = chromedp.Do(tab,
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchFaults})
			return err
		}),
		chromedp.Navigate(url),
	)
	if err != nil {
		return Result{}, fmt.Errorf("open screen: %w", err)
	}
	started := time.Now()
	r, err := s.visit(ctx, p)
	r.Shots, r.Keys, r.Took = s.shots, s.keys, time.Since(started)
	return r, err
}

// visit does the step that the screen shows, until the visit has ended.
func (s *screen) visit(ctx context.Context, p Plan) (Result, error) {
	if _, err := s.wait("the first page", quick, func(n seen) bool { return n.Step != "" }); err != nil {
		return Result{}, err
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
		switch now.Step {
		case "none":
			err = s.start(p)
		case "document":
			err = s.document(p)
		case "face":
			err = s.face()
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

func (s *screen) start(p Plan) error {
	// The focus must be on an action without a key pressed.
	if _, err := s.wait("focus on start", quick, func(n seen) bool { return n.Action != "" }); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond) // let the queue and the devices come, for the picture
	if err := s.shot("start"); err != nil {
		return err
	}
	action := "start-" + string(p.Procedure)
	if err := s.tabTo(action, 4, func(n seen) bool { return n.Action == action }); err != nil {
		return err
	}
	if err := s.press(kb.Enter); err != nil {
		return err
	}
	_, err := s.wait("the document step", quick, func(n seen) bool { return n.Step != "none" || n.Failure != "" })
	if err == nil && s.lately.Failure != "" {
		err = fmt.Errorf("refused with %s", s.lately.Failure)
	}
	return err
}

func (s *screen) document(p Plan) error {
	if _, err := s.wait("focus on the number", quick, func(n seen) bool { return n.Focus == "number" }); err != nil {
		return err
	}
	if err := errors.Join(s.press(p.Number), s.fill("birth", typed(p.Birth))); err != nil {
		return err
	}
	var err error
	if p.Expiry == "" {
		err = errors.Join(s.tabToID("unlimited"), s.press(" "))
	} else {
		err = s.fill("expiry", typed(p.Expiry))
	}
	if err := errors.Join(err, s.shot("document"), s.press(kb.Enter)); err != nil {
		return err
	}
	for pictured := false; ; {
		now, err := s.wait("the chip", long, func(n seen) bool {
			return n.Busy == "chip" && !pictured || n.Busy == "" && (n.Step != "document" || n.Failure != "")
		})
		if err != nil {
			return err
		}
		if now.Busy == "chip" {
			pictured = true
			if err := s.shot("document-reading"); err != nil {
				return err
			}
			continue
		}
		if now.Step == "document" {
			return fmt.Errorf("the chip was not read: %s", now.Failure)
		}
		return nil
	}
}

// typed is a day as an officer types it: 16051964.
func typed(d eid.Date) string {
	if len(d) != len("2006-01-02") {
		return ""
	}
	return string(d[8:10] + d[5:7] + d[0:4])
}

func (s *screen) face() error {
	if _, err := s.wait("focus on the camera's button", quick, func(n seen) bool { return n.Action == "capture-face" && n.Busy == "" }); err != nil {
		return err
	}
	before, err := s.wait("a picture", long, func(n seen) bool { return n.Guidance != "" })
	if err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	if err := errors.Join(s.shot("face"), s.press(kb.Enter)); err != nil {
		return err
	}
	_, err = s.wait("the comparison", quick, func(n seen) bool { return n.Busy == "face" || n.Step != "face" || n.Failure != before.Failure })
	if err != nil {
		return err
	}
	now, err := s.wait("the comparison's end", long, func(n seen) bool { return n.Busy == "" })
	if err == nil && now.Step == "face" {
		err = s.shot("face-" + now.Failure)
	}
	return err
}

func (s *screen) finger(ctx context.Context, p Plan) error {
	now, err := s.wait("focus on the scanner's button", quick, func(n seen) bool { return n.Action == "capture-finger" && n.Busy == "" && n.Position != 0 })
	if err != nil {
		return err
	}
	position := eid.FingerPosition(now.Position)
	nth := s.scans(position)
	if err := errors.Join(s.shot(fmt.Sprintf("finger-%d-%d", position, nth)), s.press(kb.Enter)); err != nil {
		return err
	}
	if _, err := s.wait("the scan", quick, func(n seen) bool { return n.Busy == "finger" || n.Step != "finger" || n.Position != now.Position }); err != nil {
		return err
	}
	last := ""
	for {
		now, err := s.wait("the scanner", long, func(n seen) bool { return n.Busy != "finger" || n.Prompt != "" && n.Prompt != last })
		if err != nil {
			return err
		}
		prompt := now.Prompt
		if now.Busy != "finger" {
			if last != "place" { // the screen was quicker than the eye
				return nil
			}
			prompt = "lift"
		}
		if p.Act != nil {
			if err := p.Act(ctx, prompt, position, nth); err != nil {
				return fmt.Errorf("person's %s: %w", prompt, err)
			}
		}
		if last == "" {
			if err := s.shot("finger-" + prompt); err != nil {
				return err
			}
		}
		if now.Busy != "finger" {
			return nil
		}
		last = prompt
	}
}

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
	err = errors.Join(s.shot("consent"), s.tabToID("method-verbal_witness"), s.press(" "), s.tabToID("given"), s.press(" "), s.shot("consent-given"))
	if err != nil {
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
		for r.Outcome == "sealed" || r.Outcome == "received" {
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
