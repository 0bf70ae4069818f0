package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

// errVisitOver ends the officer's part when the desk has ended the visit.
var errVisitOver = errors.New("visit is over")

const (
	attempts    = 4 // the officer tries a step as often as the desk lets
	settledLong = 60 * time.Second
)

// Visit runs one visit as an officer would: read the chip, take the portrait
// and the fingers, record contacts and consent, send; then wait for the
// central's answer. A refusal by the desk is an outcome, not an error.
func (d *Desk) Visit(ctx context.Context, p Persona) (Summary, error) {
	view, err := d.run(ctx, p)
	if err != nil && !errors.Is(err, errVisitOver) {
		return Summary{}, err
	}
	sum := summarise(view)
	if view.Step != station.StepDone {
		return sum, nil
	}
	if d.opts.Offline {
		if err := d.reconnect(ctx, view.ID); err != nil {
			return sum, err
		}
	}
	row, err := d.settled(ctx, view.ID)
	sum.settle(row)
	return sum, err
}

// run takes the visit to its end at the desk.
func (d *Desk) run(ctx context.Context, p Persona) (*station.View, error) {
	o := officer{desk: d, ctx: ctx}
	key, err := d.Key(p)
	if err != nil {
		return nil, err
	}
	person, err := persons.Get(p.Person)
	if err != nil {
		return nil, err
	}
	o.act("start", "visit", map[string]any{"procedure": d.opts.Procedure})
	o.until(station.StepDocument, "read chip", "chip", key)
	o.face(p)
	for _, f := range o.fingers() {
		o.finger(f)
	}
	details := map[string]any{"contacts": person.Contacts}
	if d.opts.Procedure == eid.ForeignerLevel2 {
		details["residence"] = person.Residence
	}
	o.act("contacts", "details", details)
	o.consent()
	o.until(station.StepSend, "sign, seal, queue", "send", struct{}{})
	if o.err == nil && !over(o.view.Step) {
		o.err = fmt.Errorf("the visit stands still at step %s", o.view.Step)
		if o.view.Error != nil {
			o.err = fmt.Errorf("%w: %s", o.err, o.view.Error.Code)
		}
	}
	return o.view, o.err
}

// officer drives the steps; the first error ends the rest.
type officer struct {
	desk *Desk
	ctx  context.Context
	view *station.View
	err  error
}

// act does one action once.
func (o *officer) act(label, action string, in any) {
	if o.err != nil {
		return
	}
	began := time.Now()
	view, err := o.desk.Screen.Act(o.ctx, action, in)
	if refused, ok := errors.AsType[*Refused](err); ok {
		// The step failed, not the desk: the view says whether the visit goes on.
		o.desk.opts.Progress(fmt.Sprintf("%-18s %s", label, refused.Error()))
		if view, err = o.desk.Screen.Visit(o.ctx); err == nil && (view == nil || view.Step == "") {
			err = refused
		}
	} else if err == nil {
		o.desk.opts.Progress(fmt.Sprintf("%-18s ok  %5d ms", label, time.Since(began).Milliseconds()))
	}
	if err != nil {
		o.err = err
		return
	}
	o.view = view
	if over(view.Step) && view.Step != station.StepDone {
		o.err = errVisitOver
	}
}

// until repeats an action while the visit stays at step.
func (o *officer) until(step station.Step, label, action string, in any) {
	for range attempts {
		if o.err != nil || o.view.Step != step {
			return
		}
		o.act(label, action, in)
	}
	if o.err == nil && o.view.Step == step {
		o.err = fmt.Errorf("%s: still at step %s after %d attempts", label, step, attempts)
		if o.view.Error != nil {
			o.err = fmt.Errorf("%w: %s", o.err, o.view.Error.Code)
		}
	}
}

// face takes the portrait. Where the machine is in doubt the officer looks
// himself; in this play he sees what the play is about.
func (o *officer) face(p Persona) {
	for range attempts {
		if o.err != nil || o.view.Step != station.StepFace {
			return
		}
		o.act("portrait", "face", struct{}{})
		if o.err != nil || o.view.Face == nil || o.view.Face.Outcome != eid.FaceReview || o.view.Step != station.StepFace {
			continue
		}
		if p.Impostor {
			o.act("officer refuses", "refuse", struct{}{})
			return
		}
		o.act("officer attests", "face/accept", map[string]any{"reason": eid.ReviewAppearance})
	}
	o.until(station.StepFace, "portrait", "face", struct{}{})
}

func (o *officer) fingers() []station.FingerView {
	if o.err != nil {
		return nil
	}
	return slices.Clone(o.view.Fingers)
}

// finger takes the wanted impressions of one position, again when they differ.
func (o *officer) finger(f station.FingerView) {
	for n := range attempts * f.Wanted {
		if o.err != nil || o.view.Step != station.StepFinger {
			return
		}
		i := slices.IndexFunc(o.view.Fingers, func(v station.FingerView) bool { return v.Position == f.Position })
		if i < 0 {
			o.err = fmt.Errorf("position %d is gone from the view", f.Position)
			return
		}
		if now := o.view.Fingers[i]; now.Decision != nil && now.Decision.Pass {
			return
		}
		o.act(fmt.Sprintf("finger %d scan %d", f.Position, n+1), "finger", map[string]any{"position": f.Position})
	}
}

func (o *officer) consent() {
	if o.err != nil {
		return
	}
	text, err := o.desk.Screen.ConsentText(o.ctx, "vi")
	if err != nil {
		o.err = err
		return
	}
	o.until(station.StepConsent, "consent", "consent", map[string]any{
		"given": true, "text_version": text.Version, "language": "vi", "method": "verbal_witness",
	})
}

// reconnect brings the central up once the desk has tried in vain.
func (d *Desk) reconnect(ctx context.Context, id string) error {
	_, err := d.waitRow(ctx, id, func(r web.QueueRow) bool { return r.Attempts >= 2 })
	if err != nil {
		return fmt.Errorf("wait for an attempt without the central: %w", err)
	}
	d.opts.Progress("central is down: the request waits, sealed; now the network comes back")
	return d.StartCentral(ctx)
}

// settled waits until the central has decided.
func (d *Desk) settled(ctx context.Context, id string) (web.QueueRow, error) {
	row, err := d.waitRow(ctx, id, func(r web.QueueRow) bool {
		return r.State == "granted" || r.State == "rejected" || r.State == "refused"
	})
	if err != nil {
		return row, fmt.Errorf("wait for the central's answer: %w", err)
	}
	return row, nil
}

func (d *Desk) waitRow(ctx context.Context, id string, done func(web.QueueRow) bool) (web.QueueRow, error) {
	ctx, cancel := context.WithTimeout(ctx, settledLong)
	defer cancel()
	var row web.QueueRow
	for {
		rows, err := d.Screen.Queue(ctx)
		if err != nil {
			return row, err
		}
		i := slices.IndexFunc(rows, func(r web.QueueRow) bool { return r.ID == id })
		if i < 0 {
			return row, errors.New("the request is not in the queue")
		}
		if row = rows[i]; done(row) {
			return row, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return row, fmt.Errorf("state %s after %d attempts: %w", row.State, row.Attempts, ctx.Err())
		}
	}
}
