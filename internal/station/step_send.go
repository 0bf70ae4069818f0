package station

import (
	"context"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// askLimit bounds the question to the queue after a failed Enqueue, when the
// caller's context may be gone already.
const askLimit = 5 * time.Second

// Send signs, seals and queues the request. The queue clears the journal in the
// same transaction. When it fails it may have succeeded all the same (the
// answer was lost), so the queue is asked before anything is said.
func (d *Desk) Send(ctx context.Context) error {
	const op = "send request"
	c := call{name: op, busy: "send", at: []Step{StepConsent, StepSend}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		if v.consent == nil {
			return eid.Fail(eid.CodeConsentMissing, op, nil)
		}
		if d.unknown {
			if done, err := d.askQueue(ctx, v); done || err != nil {
				return err
			}
		}
		start := d.now()
		due, err := v.rules.Deadline(start, v.cardExpired)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		r, err := v.request(start.Round(time.Millisecond).UTC(), due, d.settingNow(ctx, v.devices()), d.portrait)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		d.setUnknown(true)
		// From here there is no way back: a caller who goes away or abandons must
		// not leave a write in flight of which nobody knows.
		queued, err := d.ports.Queue.Enqueue(context.WithoutCancel(ctx), r)
		if err != nil {
			if done, ask := d.askQueue(ctx, v); done && ask == nil {
				return nil
			}
			return err
		}
		d.finishSent(v, queued, due, d.since(start, 0))
		return nil
	})
}

// settingNow asks what the desk is made of. A device that does not answer is no
// reason to send a person away: the request then names fewer.
func (d *Desk) settingNow(ctx context.Context, used []eid.Device) Setting {
	if d.setting == nil {
		return Setting{Devices: used}
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	s, err := d.setting(ctx, used)
	if err != nil {
		d.log.Warn("the request does not name all devices and digests", "error", err)
	}
	return s
}

// askQueue asks whether the visit's request is queued, and ends the visit if it
// is. An error means that this is still not known.
func (d *Desk) askQueue(ctx context.Context, v *visit) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLimit)
	defer cancel()
	queued, found, err := d.ports.Queue.Find(ctx, v.id)
	if err != nil {
		return false, err
	}
	if !found {
		d.setUnknown(false)
		return false, nil
	}
	due, err := v.rules.Deadline(queued.QueuedAt, v.cardExpired)
	if err != nil {
		due = procedure.Due{}
	}
	d.finishSent(v, queued, due, 0)
	return true, nil
}

func (d *Desk) setUnknown(yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unknown = yes
}

func (d *Desk) finishSent(v *visit, queued Queued, due procedure.Due, spent time.Duration) {
	d.setUnknown(false)
	d.show(func() {
		v.spent[keySend] += spent
		v.queued, v.due = &queued, due
		v.close(StepDone, "")
	})
	d.log.Info("request queued", "visit", v.id, "seq", queued.Seq, "sealed_bytes", queued.SealedBytes, "due_rule", due.Rule)
	d.ended(v.outcome(d.now()))
}
