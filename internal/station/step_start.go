package station

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// startedRecord opens a visit under the rules in force on that day.
type startedRecord struct {
	Kind    eid.ProcedureKind `cbor:"kind"`
	RuleSet string            `cbor:"rule_set"`
	Officer string            `cbor:"officer"`
	At      time.Time         `cbor:"at"`
}

func (*startedRecord) name() recordName { return recordStarted }

func (r *startedRecord) apply(v *visit) {
	v.officer, v.started, v.step = r.Officer, r.At, StepDocument
}

// Start opens a visit. It is refused with eid.CodeState while one is open,
// eid.CodeWrongDesk where this desk may not run the procedure, eid.CodeInput for
// an unknown one, and eid.CodeDiskFull before a person sits down whose request
// would find no room.
func (d *Desk) Start(ctx context.Context, kind eid.ProcedureKind) error {
	const op = "start visit"
	ctx, err := d.begin(ctx, op, "")
	if err != nil {
		return err
	}
	defer d.end()
	if d.visit != nil && d.visit.open() {
		return eid.Fail(eid.CodeState, op, nil)
	}
	now := d.now()
	rules, err := d.rules.Active(kind, procedure.Day(now))
	if err != nil {
		return err
	}
	if err := rules.CheckDesk(d.role); err != nil {
		return err
	}
	if err := d.ports.Queue.Room(ctx); err != nil {
		return err
	}
	if err := d.clearRest(ctx); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	v := newVisit(id.String(), rules)
	first := &startedRecord{Kind: kind, RuleSet: rules.ID, Officer: d.officer, At: now}
	if err := d.append(ctx, v, first); err != nil {
		// Nothing has begun; what the journal may hold of it must not come back.
		d.uncut = v.id
		return err
	}
	v.take(first)
	d.show(func() { d.visit, d.unknown = v, false })
	d.log.Info("visit started", "visit", v.id, "procedure", kind, "rule_set", rules.ID)
	return nil
}
