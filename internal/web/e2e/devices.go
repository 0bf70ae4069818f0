package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/enrold/enrold/internal/eid"
)

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
	number := p.Number
	if p.Mistyped != "" {
		number = p.Mistyped
	}
	if err := errors.Join(s.press(number), s.fill("birth", typed(p.Birth))); err != nil {
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
	if p.Mistyped != "" {
		if err := s.retype(p.Number); err != nil {
			return err
		}
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

func (s *screen) face(p Plan) error {
	if _, err := s.wait("focus on the camera's button", quick, func(n seen) bool { return n.Action == "capture-face" && n.Busy == "" }); err != nil {
		return err
	}
	before, err := s.wait("a picture", long, func(n seen) bool { return n.Guidance != "" })
	if err != nil {
		return err
	}
	if before.Foreign {
		return errors.New("the reason of a chip check is not in Vietnamese")
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
	if err != nil || now.Step != "face" {
		return err
	}
	if err := s.shot("face-" + now.Failure); err != nil {
		return err
	}
	if now.Doubt {
		return s.review(p.Review)
	}
	return nil
}

func (s *screen) finger(ctx context.Context, p Plan) error {
	now, err := s.wait("focus on the scanner's button", quick, func(n seen) bool { return n.Action == "capture-finger" && n.Busy == "" && n.Position != 0 })
	if err != nil {
		return err
	}
	position := eid.FingerPosition(now.Position)
	if p.Except != nil && p.Except.Position == position {
		return s.except(*p.Except)
	}
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
