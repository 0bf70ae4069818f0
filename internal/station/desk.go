// Package station is the visit of one person at the desk: a state machine over
// the devices, the matchers and the queue, which it knows as the interfaces of
// ports.go. Each step's rules are in its step_….go; a step is journalled before
// anybody sees it done, so that a killed daemon finds the visit again.
//
// A visit is the fold of its journal records (record.go): what changes a visit
// is a record's apply and nothing else, so a resumed visit stands exactly where
// the records left it.
package station

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// Ports are the parts that a visit needs; none may be nil.
type Ports struct {
	Chip    ChipReader
	Camera  Camera
	Face    FaceMatcher
	Scanner FingerScanner
	Finger  FingerMatcher
	Queue   Queue
	Journal Journal
}

// Options make a Desk.
type Options struct {
	Ports   Ports
	Rules   *procedure.Registry
	Role    string // desk.role of the configuration
	Officer string // who serves, for the request
	// Supervisors may allow an exception that an officer asks for.
	Supervisors []string
	// Approver has them sign it; nil where nothing can be left out.
	Approver Approver
	// Portrait puts a live frame into a face record of ISO/IEC 19794-5:2005.
	Portrait func(eid.FaceSample) (eid.Blob, error)
	// Setting is optional: more about the devices that served the visit, of which
	// only name and origin are known, and digests of what the desk runs. What
	// could not be asked is an error beside the rest.
	Setting func(ctx context.Context, used []eid.Device) (Setting, error)
	// Seen is optional; see SeenBefore.
	Seen  SeenBefore
	Now   func() time.Time
	Log   *slog.Logger
	Last  LastQueued    // optional; see LastQueued
	Ended func(Outcome) // optional; called when a visit ends (again if the desk is killed just then), must not call the Desk
}

// LastQueued returns the newest request in the queue. The queue clears a visit's
// journal in the transaction that takes its request, so a daemon killed between
// that commit and the answer comes back to an empty journal: only with this can
// Resume still say that the visit is done.
type LastQueued func(ctx context.Context) (id string, queued Queued, found bool, err error)

// Outcome is all that is kept of a visit that has ended: nothing of the person.
type Outcome struct {
	VisitID   string
	Procedure eid.ProcedureKind
	End       Step     // StepDone, StepRefused, StepAbandon
	Code      eid.Code // why it was refused or abandoned; empty otherwise
	Reached   Step     // the step at which it ended
	// Exceptions are the fingers left out, for the rate of them at this desk.
	Exceptions int
	At         time.Time
}

// Desk runs one visit at a time. All methods may be called at any time from any
// goroutine: what is not possible now is refused with eid.CodeState or, while
// another operation runs, eid.CodeDeviceBusy.
type Desk struct {
	ports   Ports
	rules   *procedure.Registry
	role    string
	officer string
	now     func() time.Time
	log     *slog.Logger
	last    LastQueued
	ended   func(Outcome)

	supervisors []string
	approver    Approver
	portrait    func(eid.FaceSample) (eid.Blob, error)
	setting     func(ctx context.Context, used []eid.Device) (Setting, error)
	seen        SeenBefore

	events events

	mu      sync.Mutex
	visit   *visit     // open or last visit; only the running operation changes it
	op      *operation // the running operation
	uncut   string     // id of an ended visit whose journal could not be cleared yet
	unknown bool       // the queue may hold the visit: it must be asked before the visit ends
}

// New returns a desk without a visit; call Resume before the first Start.
func New(o Options) (*Desk, error) {
	p := o.Ports
	if p.Chip == nil || p.Camera == nil || p.Face == nil || p.Scanner == nil || p.Finger == nil || p.Queue == nil || p.Journal == nil {
		return nil, errors.New("make desk: a port is missing")
	}
	if o.Rules == nil || o.Portrait == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("make desk: rules, portrait format, clock and logger are required")
	}
	if o.Ended == nil {
		o.Ended = func(Outcome) {}
	}
	return &Desk{
		ports: p, rules: o.Rules, role: o.Role, officer: o.Officer,
		supervisors: o.Supervisors, approver: o.Approver, portrait: o.Portrait, setting: o.Setting, seen: o.Seen,
		now: o.Now, log: o.Log, last: o.Last, ended: o.Ended,
	}, nil
}

// View returns the open or last visit as the screen shows it, nil before the
// first. The caller must not change it.
func (d *Desk) View() *View {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.viewLocked()
}

func (d *Desk) viewLocked() *View {
	if d.visit == nil {
		return nil
	}
	v := d.visit.view()
	if d.op != nil {
		v.Busy = d.op.busy
	}
	return v
}

// Subscribe returns events, beginning with the visit as it stands, until the
// returned function is called; then the channel is closed. A slow subscriber
// loses progress, never state: the newest view always reaches it.
func (d *Desk) Subscribe() (<-chan Event, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.events.subscribe(Event{Kind: "visit", Visit: d.viewLocked()})
}

// publishLocked shows the visit to all subscribers.
func (d *Desk) publishLocked() { d.events.state(Event{Kind: "visit", Visit: d.viewLocked()}) }

// accept journals a record, then applies it and shows the result. The journal
// comes first: a step that the journal refused did not happen. Once the step
// was done it is kept even if the caller has gone away meanwhile.
func (d *Desk) accept(ctx context.Context, v *visit, r record) error {
	if err := d.append(ctx, v, r); err != nil {
		return err
	}
	d.show(func() { v.take(r) })
	return nil
}

func (d *Desk) append(ctx context.Context, v *visit, r record) error {
	data, err := encodeRecord(v.records, r)
	if err != nil {
		return err
	}
	return d.ports.Journal.Append(context.WithoutCancel(ctx), v.id, string(r.name()), data)
}

// show changes what is only shown and not journalled.
func (d *Desk) show(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.publishLocked()
}
