package linkshape

import (
	"math/rand/v2"
	"time"
)

// Shape is what a link does to packets; each direction has its own rate, queue
// and loss.
type Shape struct {
	BitsPerSecond int           // of IP packets; 0 for no limit
	Delay         time.Duration // one way: half of the round trip
	Loss          float64       // share of packets lost, 0 to 1, each way
	QueueBytes    int           // what waits for the line; more is dropped
	Up            time.Duration // mean time between cuts (exponential); 0 for none
	Down          time.Duration // mean length of a cut (uniform from half to one and a half)
	// Forget says that a cut ends the connections, as a modem's new address
	// does: packets of TCP connections that began before it get a reset.
	Forget bool
	Seed   uint64
}

// cut is one outage, in time since the link's start.
type cut struct{ from, to time.Duration }

// cuts plans the outages of a link for a long time.
func (s Shape) cuts(until time.Duration) (plan []cut) {
	if s.Up <= 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(s.Seed, 1))
	for at := time.Duration(0); ; {
		at += time.Duration(r.ExpFloat64() * float64(s.Up))
		down := time.Duration((0.5 + r.Float64()) * float64(s.Down))
		if at > until {
			return plan
		}
		plan = append(plan, cut{at, at + down})
		at += down
	}
}

// upTime is how long a link was up in [0, until].
func upTime(plan []cut, until time.Duration) time.Duration {
	up := until
	for _, c := range plan {
		if c.from >= until {
			break
		}
		up -= min(c.to, until) - c.from
	}
	return up
}
