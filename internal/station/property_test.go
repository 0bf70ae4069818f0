package station

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/enrold/enrold/internal/eid"
)

// killed is the panic that stands for kill -9 inside a port call.
type killed struct{}

// model drives desks through calls in any order, with a fault or a kill at any
// port call, and checks what must never happen.
type model struct {
	t     *rapid.T
	tb    testing.TB
	w     *world
	d     *Desk
	ctx   context.Context
	open  string          // id of the visit that stood open before the call
	ended map[string]Step // how each visit was seen to end
	calls int             // port calls since the fault was drawn
}

var faults = []string{
	"ReadChip", "CaptureFace", "CompareFace", "CaptureFinger", "CompareFinger",
	"Enqueue", "Enqueue!", "Find", "Append", "Append!", "Clear", "Room",
}

// call runs one call of the desk under a drawn fault, then checks.
func (m *model) call(name string, do func() error) {
	m.w.fail = map[string]error{}
	for _, method := range rapid.SliceOfNDistinct(rapid.SampledFrom(faults), 0, 3, rapid.ID).Draw(m.t, "faults") {
		m.w.fail[method] = eid.Fail(eid.CodeDeviceRestarted, "port", errors.New("drawn"))
	}
	kill := rapid.IntRange(0, 20).Draw(m.t, "killed at port call") // mostly beyond the last
	m.open = ""
	if v := m.d.visit; v != nil && v.open() {
		m.open = v.id
	}
	died := m.run(kill, do)
	m.w.fail, m.w.at = map[string]error{}, nil
	if died {
		m.restart(false)
	}
	m.check(name)
}

func (m *model) run(kill int, do func() error) (died bool) {
	m.calls = 0
	m.w.at = func(string) {
		if m.calls++; m.calls == kill {
			panic(killed{})
		}
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			died = true
		}
	}()
	_ = do() // any error is right; what it leaves behind is checked
	return false
}

// restart starts a new daemon; no visit may get lost without a notice.
func (m *model) restart(keyLost bool) {
	id := m.open
	if v := m.d.visit; v != nil && v.open() {
		id = v.id
	}
	if m.w.visit != "" {
		id = m.w.visit // a visit whose first record was written just before the kill
	}
	if m.d.uncut != "" {
		// Neither the end nor the clearing could be written: the visit may come back.
		delete(m.ended, m.d.uncut)
	}
	m.w.at, m.w.keyLost = nil, keyLost
	m.d = m.w.desk(m.tb, "commune_police")
	if err := m.d.Resume(m.ctx); err != nil {
		m.t.Fatalf("resume: %v", err)
	}
	m.w.keyLost = false
	if id == "" || m.ended[id] != "" {
		return
	}
	v := m.d.View()
	if v == nil || v.ID != id {
		// It may have ended just before the kill, with the journal cleared.
		for _, o := range m.w.outcomes {
			if o.VisitID == id {
				return
			}
		}
		if _, sent := m.w.rows[id]; !sent && m.w.cleared[id] == 0 {
			m.t.Fatalf("visit %s is lost without a notice", id)
		}
		return
	}
	if keyLost && v.Step != StepAbandon && v.Step != StepDone {
		m.t.Fatalf("without its key the visit stands at %s", v.Step)
	}
}

func (m *model) check(after string) {
	v := m.d.View()
	if v == nil {
		if len(m.w.journal) > 0 && m.d.uncut == "" {
			m.t.Fatalf("after %s: the journal holds a visit that nobody sees", after)
		}
		return
	}
	_, queued := m.w.rows[v.ID]
	switch v.Step {
	case StepDone:
		if !queued {
			m.t.Fatalf("after %s: done without a row in the queue", after)
		}
	case StepRefused, StepAbandon:
		if queued {
			m.t.Fatalf("after %s: %s, yet queued", after, v.Step)
		}
		if m.w.visit == v.ID && m.d.uncut == "" {
			m.t.Fatalf("after %s: an ended visit is still in the journal", after)
		}
	case StepSend:
		if queued && !m.d.unknown {
			m.t.Fatalf("after %s: queued, but the visit is open and does not know", after)
		}
	default:
		if queued {
			m.t.Fatalf("after %s: queued at step %s", after, v.Step)
		}
	}
	if v.Busy != "" {
		m.t.Fatalf("after %s: busy with %s", after, v.Busy)
	}
	for key, left := range v.AttemptsLeft {
		undecided := key == keyFace && v.Face != nil && v.Face.Outcome == eid.FaceReview // the officer's word is left
		if left < 0 || left == 0 && v.Step != StepRefused && v.Procedure != "" && !undecided && v.Step != StepAbandon {
			m.t.Fatalf("after %s: %d attempts left of %s at step %s", after, left, key, v.Step)
		}
	}
	if end := m.ended[v.ID]; end != "" && end != v.Step {
		m.t.Fatalf("after %s: visit ended as %s and is now %s", after, end, v.Step)
	}
	if !m.d.visit.open() {
		m.ended[v.ID] = v.Step
	}
}

// resumesAlike compares the visit with what a second daemon makes of the journal.
func (m *model) resumesAlike() {
	v := m.d.visit
	if v == nil || !v.open() || m.w.visit != v.id {
		return
	}
	folded, err := m.d.fold(v.id, m.w.journal)
	if err != nil {
		m.t.Fatalf("fold: %v", err)
	}
	// A record whose append reported an error may be one step ahead; a failed
	// attempt that could not be written may be behind. Never more.
	ahead, behind := folded.records-v.records, v.records-folded.records
	if ahead > 1 || behind > 1+v.failed[keyFace]+v.failed["finger-2"]+v.failed["finger-7"]+v.attempts[keyChip] {
		m.t.Fatalf("journal has %d records, the visit took %d", folded.records, v.records)
	}
}

func TestVisitNeverHalfQueuedNorLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		m := &model{t: rt, tb: t, w: w, d: w.desk(t, "commune_police"), ctx: context.Background(), ended: map[string]Step{}}
		step := func(name string, do func(d *Desk) error) func(*rapid.T) {
			return func(rt *rapid.T) {
				m.t = rt
				m.call(name, func() error { return do(m.d) })
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			// The right call where the visit stands, under faults.
			"go on": func(rt *rapid.T) {
				m.t = rt
				w.honest()
				m.call("go on", func() error { return goOn(m.ctx, m.d) })
			},
			// The same without faults, several times, so that most runs get far.
			"go on undisturbed": func(rt *rapid.T) {
				m.t = rt
				w.honest()
				for range rapid.IntRange(1, 8).Draw(rt, "calls") {
					if m.d.View() != nil && m.d.View().Step == StepSend {
						break
					}
					_ = goOn(m.ctx, m.d)
				}
				m.check("go on undisturbed")
			},
			"send": func(rt *rapid.T) {
				m.t = rt
				m.call("send", func() error { return m.d.Send(m.ctx) })
			},
			// The answer of the queue is lost; what the officer does then is drawn.
			"send unanswered": func(rt *rapid.T) {
				m.t = rt
				lost := eid.Fail(eid.CodeQueue, "port", errors.New("drawn"))
				w.fail = map[string]error{"Enqueue!": lost, "Find": lost}
				_ = m.d.Send(m.ctx)
				w.fail = map[string]error{}
				m.check("send unanswered")
			},
			"any": func(rt *rapid.T) {
				m.t = rt
				s := rapid.SampledFrom(stages).Draw(rt, "stage")
				m.call(s.name, func() error { return s.do(m.ctx, m.d) })
			},
			"chip": func(rt *rapid.T) {
				m.t = rt
				w.document = rapid.SampledFrom([]eid.ChipDocument{citizenCard(), passport(), forgedCard()}).Draw(rt, "document")
				m.call("chip", func() error { return m.d.ReadChip(m.ctx, eid.AccessKey{}) })
			},
			"face": func(rt *rapid.T) {
				m.t = rt
				w.stranger = rapid.IntRange(0, 2).Draw(rt, "stranger") > 0
				w.unsure = rapid.Bool().Draw(rt, "unsure")
				m.call("face", func() error { return m.d.CaptureFace(m.ctx) })
			},
			"accept face": step("accept face", func(d *Desk) error { return d.AcceptFace(m.ctx, eid.ReviewAge, "") }),
			"finger": func(rt *rapid.T) {
				m.t = rt
				real := rapid.SampledFrom([]byte{2, 7, 9}).Draw(rt, "real finger")
				w.finger = func(int) byte { return real }
				p := rapid.SampledFrom([]eid.FingerPosition{2, 7, 3}).Draw(rt, "position")
				m.call(fmt.Sprintf("finger %d", p), func() error { return m.d.CaptureFinger(m.ctx, p) })
			},
			"refuse":  step("refuse", func(d *Desk) error { return d.Refuse(m.ctx) }),
			"abandon": step("abandon", func(d *Desk) error { return d.Abandon(m.ctx) }),
			"kill":    func(rt *rapid.T) { m.t = rt; m.open = ""; m.restart(false); m.check("kill") },
			"power cut": func(rt *rapid.T) {
				m.t = rt
				m.open = ""
				m.restart(true)
				m.check("power cut")
			},
			"": func(rt *rapid.T) { m.t = rt; m.resumesAlike() },
		})
	})
}

func forgedCard() eid.ChipDocument {
	d := citizenCard()
	d.PA.State = eid.CheckFailed
	return d
}

// goOn does what the visit waits for.
func goOn(ctx context.Context, d *Desk) error {
	v := d.View()
	if v == nil {
		return d.Start(ctx, eid.CitizenLevel2)
	}
	switch v.Step {
	case StepDocument:
		return d.ReadChip(ctx, eid.AccessKey{})
	case StepFace:
		if v.Face != nil && v.Face.Outcome == eid.FaceReview {
			return d.AcceptFace(ctx, eid.ReviewAppearance, "")
		}
		return d.CaptureFace(ctx)
	case StepFinger:
		for _, f := range v.Fingers {
			if f.Decision == nil || !f.Decision.Pass {
				return d.CaptureFinger(ctx, f.Position)
			}
		}
		return errors.New("no finger is wanted at the step of fingers")
	case StepConsent:
		if v.Contacts.Phone == "" {
			return d.SetDetails(ctx, details)
		}
		return d.GiveConsent(ctx, consent)
	case StepSend:
		return d.Send(ctx)
	}
	return d.Start(ctx, eid.CitizenLevel2)
}
