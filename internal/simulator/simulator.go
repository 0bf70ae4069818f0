package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

// Reasons that the simulated databases give when chance decides.
const (
	ReasonCorrection wire.Reason = "record_needs_correction"
	ReasonRejected   wire.Reason = "record_refused"
)

// ErrDown says that the database is in a simulated outage.
var ErrDown = errors.New("deciding database is down")

// never is when to ask again for an activation that will not come.
const never = 24 * time.Hour

// Simulator implements intake.Decider, intake.Resumer and intake.Activator.
type Simulator struct {
	c     Config
	base  intake.Decider
	start time.Time
}

// New puts the simulated databases in front of base, which decides what they
// let pass; nil grants it.
func New(c Config, base intake.Decider) (*Simulator, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Simulator{c: c, base: base, start: time.Now()}, nil
}

// fate is what will become of one request.
type fate struct {
	database Database
	delay    time.Duration
	state    wire.State
	reason   wire.Reason
	activate time.Duration // negative: never
}

func (s *Simulator) fate(id request.Ident, d Database) fate {
	for _, r := range s.c.Script {
		if r.Request == id.Request || r.Desk == id.Desk && r.Seq == id.Seq {
			f := fate{database: d, delay: time.Duration(r.Delay), state: r.State, reason: r.Reason, activate: -1}
			if r.Activate != nil {
				f.activate = time.Duration(*r.Activate)
			}
			return f
		}
	}
	sum := sha256.Sum256([]byte(id.Request))
	chance := rand.New(rand.NewPCG(s.c.Seed, binary.BigEndian.Uint64(sum[:])))
	// All are drawn, whatever they decide: a changed share moves nothing else.
	f := fate{database: d, state: wire.StateGranted, delay: d.Delay.draw(chance), activate: -1}
	verdict, activated, after := chance.Float64(), chance.Float64(), d.Activation.draw(chance)
	switch {
	case verdict < d.NeedsCorrection:
		f.state, f.reason = wire.StateNeedsCorrection, ReasonCorrection
	case verdict < d.NeedsCorrection+d.Rejected:
		f.state, f.reason = wire.StateRejected, ReasonRejected
	}
	if activated < d.Activated {
		f.activate = after
	}
	return f
}

func (r Range) draw(chance *rand.Rand) time.Duration {
	return time.Duration(r[0]) + time.Duration(chance.Float64()*float64(r[1]-r[0]))
}

// of returns the database that decides on a request: foreigners are in that of
// immigration (requirements BIO-1, BIO-2).
func (s *Simulator) of(b request.Body) Database {
	if b.Request.Procedure == eid.ForeignerLevel2 {
		return s.c.Immigration
	}
	return s.c.IDCards
}

func ident(b request.Body) request.Ident {
	return request.Ident{Desk: b.DeskID, Request: b.Request.ID, Seq: b.Seq}
}

// Decide implements intake.Decider: a database that takes its time accepts first.
func (s *Simulator) Decide(ctx context.Context, b request.Body) (intake.Verdict, error) {
	f := s.fate(ident(b), s.of(b))
	if f.delay > 0 {
		return intake.Verdict{State: wire.StateAccepted, After: f.delay}, s.up(f.database)
	}
	return s.decide(ctx, b, f)
}

// Resume implements intake.Resumer.
func (s *Simulator) Resume(ctx context.Context, b request.Body, accepted time.Time) (intake.Verdict, error) {
	f := s.fate(ident(b), s.of(b))
	if left := time.Until(accepted.Add(f.delay)); left > 0 {
		return intake.Verdict{State: wire.StateAccepted, After: left}, nil
	}
	return s.decide(ctx, b, f)
}

func (s *Simulator) decide(ctx context.Context, b request.Body, f fate) (intake.Verdict, error) {
	if err := s.up(f.database); err != nil {
		return intake.Verdict{}, err
	}
	if f.state != wire.StateGranted || s.base == nil {
		return intake.Verdict{State: f.state, Reason: f.reason}, nil
	}
	return s.base.Decide(ctx, b)
}

func (s *Simulator) up(d Database) error {
	if d.Outage.Lasts > 0 && time.Since(s.start)%time.Duration(d.Outage.Every) < time.Duration(d.Outage.Lasts) {
		return ErrDown
	}
	return nil
}

// Activated implements intake.Activator. Which database granted it is not known
// any more: a holder of either behaves as those of ID cards do.
func (s *Simulator) Activated(_ context.Context, id request.Ident, granted time.Time) (done bool, after time.Duration, err error) {
	f := s.fate(id, s.c.IDCards)
	if f.activate < 0 {
		return false, never, nil
	}
	left := time.Until(granted.Add(f.activate))
	return left <= 0, max(left, 0), nil
}
