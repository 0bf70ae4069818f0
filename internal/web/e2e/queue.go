package e2e

import (
	"context"
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// QueuePage is what the queue's page says, read from its text and attributes.
type QueuePage struct {
	Rows   []QueueRow   `json:"rows"`
	Alarms []QueueAlarm `json:"alarms"`
	Link   string       `json:"link"`  // online, offline, refused
	Keys   []string     `json:"keys"`  // "device tpm2 <text>"
	Badge  string       `json:"badge"` // what the head says of alarms
	Shots  []string     `json:"-"`
}

// QueueRow is one request: its state's name and words, and what else is said.
type QueueRow struct {
	State  string `json:"state"`
	Words  string `json:"words"`
	Text   string `json:"text"`   // of the state's cell
	Offset int    `json:"offset"` // of an upload; -1 without a bar
	Late   string `json:"late"`   // passed, today
}

// QueueAlarm is one alarm with its words.
type QueueAlarm struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
	Text  string `json:"text"`
}

const lookAtQueue = `(() => {
  const all = (s, f) => [...document.querySelectorAll(s)].map(f);
  const text = (n) => (n?.innerText ?? '').replace(/\s+/g, ' ').trim();
  return {
    rows: all('.room table.queue tbody tr', (r) => ({
      state: r.dataset.state, words: text(r.querySelector('.state')), text: text(r.querySelector('.state').parentElement),
      offset: +(r.querySelector('[data-offset]')?.dataset.offset ?? -1), late: r.querySelector('[data-late]')?.dataset.late ?? '',
    })),
    alarms: all('.room [data-alarm]', (a) => ({ code: a.dataset.alarm, count: +a.dataset.count, text: text(a) })),
    link: document.querySelector('[data-link]')?.dataset.link ?? '',
    keys: all('[data-key]', (k) => k.dataset.key + ' ' + (k.dataset.place ?? k.dataset.code) + ' ' + text(k)),
    badge: document.querySelector('.top .count.bad')?.getAttribute('aria-label') ?? '',
  };
})()`

// Queue opens the queue's page by keyboard (F4) and reads it. Screenshots go to
// shotsDir ("" for none); axe is as in Plan.
func Queue(ctx context.Context, url, shotsDir, axe string, english bool) (QueuePage, error) {
	s, closeBrowser, err := open(ctx, url, shotsDir, axe, 1280, 800)
	if err != nil {
		return QueuePage{}, err
	}
	defer closeBrowser()
	if _, err := s.wait("the first page", quick, func(n seen) bool { return n.Step != "" && n.Action != "" }); err != nil {
		return QueuePage{}, err
	}
	if english {
		if err := s.press(kb.F9); err != nil {
			return QueuePage{}, err
		}
	}
	if err := s.shot("start"); err != nil {
		return QueuePage{}, err
	}
	if err := s.press(kb.F4); err != nil {
		return QueuePage{}, err
	}
	if _, err := s.wait("the queue's page", quick, func(n seen) bool { return n.Step == "" }); err != nil {
		return QueuePage{}, err
	}
	got, err := chromedp.Run(s.tab, chromedp.Evaluate[QueuePage](lookAtQueue))
	if err != nil {
		return got, fmt.Errorf("read the queue's page: %w", err)
	}
	err = s.shot("queue")
	got.Shots = s.shots
	return got, err
}

// Outlive begins a visit, lets the daemon go and come back, and goes on in the
// same page: a key must do its work again. stop and start are the daemon's.
func Outlive(ctx context.Context, url, shotsDir string, stop, start func() error) error {
	s, closeBrowser, err := open(ctx, url, shotsDir, "", 1280, 800)
	if err != nil {
		return err
	}
	defer closeBrowser()
	if err := s.start(Plan{Procedure: "citizen"}); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	if _, err := s.wait("word of the lost daemon", quick, func(n seen) bool { return n.Lost }); err != nil {
		return err
	}
	if err := s.shot("lost"); err != nil {
		return err
	}
	if err := start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	now, err := s.wait("the daemon's return", long, func(n seen) bool { return !n.Lost })
	if err != nil {
		return err
	}
	if now.Missing || now.Step != "document" {
		return fmt.Errorf("after the restart: %+v", now)
	}
	return s.stop()
}
