package uplink

import (
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/queue"
)

// Alarm is what the officer must know of the queue as a whole.
type Alarm struct {
	Code    eid.Code `json:"code"`
	Count   int      `json:"count"`   // of requests
	Nearest eid.Date `json:"nearest"` // legal deadline among them
}

// Alarms looks at all rows of a queue (requirements §1.7):
//
//	N-QUEUE-AGE   not at the central more than one working day after the
//	              reception: a third of the shortest limit is gone
//	N-DUE-SOON    not decided, and the limit ends today or on the next working day
//	E-DUE-PASSED  not decided, and the limit is over
//
// A request counts in each that fits it. Alarms are in this order; none is an
// empty list.
func Alarms(rows []queue.Row, now time.Time, c Calendar) ([]Alarm, error) {
	today := procedure.Day(now)
	tomorrow, _, err := c.AddWorkingDays(today, 1)
	if err != nil {
		return nil, fmt.Errorf("work out alarms: %w", err)
	}
	aged, soon, passed := Alarm{Code: eid.CodeQueueAge}, Alarm{Code: eid.CodeDueSoon}, Alarm{Code: eid.CodeDuePassed}
	for _, r := range rows {
		unsent, undecided := pending(r.State)
		if unsent {
			limit, _, err := c.AddWorkingDays(procedure.Day(r.QueuedAt), 1)
			if err != nil {
				return nil, fmt.Errorf("work out alarms: %w", err)
			}
			if today > limit {
				aged.add(r)
			}
		}
		switch {
		case !undecided || r.DueAt == "":
		case r.DueAt < today:
			passed.add(r)
		case r.DueAt <= tomorrow:
			soon.add(r)
		}
	}
	out := []Alarm{}
	for _, a := range []Alarm{aged, soon, passed} {
		if a.Count > 0 {
			out = append(out, a)
		}
	}
	return out, nil
}

func (a *Alarm) add(r queue.Row) {
	a.Count++
	if a.Nearest == "" || r.DueAt != "" && r.DueAt < a.Nearest {
		a.Nearest = r.DueAt
	}
}

// pending says whether a request is not at the central, and whether its decision
// is still to come. One that the central refused is both: nobody works on it.
func pending(s queue.State) (unsent, undecided bool) {
	switch s {
	case queue.Sealed, queue.Announced, queue.Uploading, queue.Refused:
		return true, true
	case queue.Received, queue.Accepted, queue.NeedsCorrection:
		return false, true
	}
	return false, false
}
