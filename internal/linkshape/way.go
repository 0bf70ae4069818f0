package linkshape

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// way is one direction of a link: read gives each packet its fate and the time
// at which it comes out; write waits for that time.
type way struct {
	link     *Link
	from, to *os.File
	pipe     chan timed
	random   *rand.Rand // owned by read

	free time.Duration // when the line has sent what it has; owned by read

	mu sync.Mutex
	n  Count
}

type timed struct {
	at   time.Duration // since the link's start
	data packet
}

// maxInFlight bounds the packets on their way: more than rate times delay holds.
const maxInFlight = 1 << 14

func newWay(l *Link, from, to *os.File, number uint64) *way {
	return &way{link: l, from: from, to: to, pipe: make(chan timed, maxInFlight), random: rand.New(rand.NewPCG(l.shape.Seed, 2+number))}
}

func (w *way) count() Count {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

func (w *way) add(f func(*Count)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.n)
}

func (w *way) read(ctx context.Context) error {
	defer close(w.pipe)
	buffer := make([]byte, mtu+64)
	for ctx.Err() == nil {
		n, err := w.from.Read(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read link: %w", err)
		}
		if p, ok := parse(buffer[:n]); ok {
			w.enter(append(packet(nil), p...))
		}
	}
	return nil
}

// enter queues a packet, or drops it.
func (w *way) enter(p packet) {
	s, now := w.link.shape, time.Since(w.link.start)
	size := int64(len(p))
	w.add(func(c *Count) { c.Offered += size })
	cuts, down := w.link.state(now)
	if down {
		w.add(func(c *Count) { c.Cut += size })
		return
	}
	if s.Forget && w.link.flows.stale(p, cuts) {
		w.add(func(c *Count) { c.Forgotten += size })
		if r := p.reset(); r != nil {
			_, _ = w.from.Write(r) // as a gateway that knows no such connection
		}
		return
	}
	w.free = max(w.free, now)
	line := time.Duration(0)
	if s.BitsPerSecond > 0 {
		line = time.Duration(float64(len(p)) * 8 / float64(s.BitsPerSecond) * float64(time.Second))
		waiting := int64(float64(w.free-now) / float64(time.Second) * float64(s.BitsPerSecond) / 8)
		if s.QueueBytes > 0 && waiting+size > int64(s.QueueBytes) {
			w.add(func(c *Count) { c.Overflow += size })
			return
		}
	}
	w.free += line
	if w.random.Float64() < s.Loss { // lost on the line: its time is spent
		w.add(func(c *Count) { c.Lost += size })
		return
	}
	select {
	case w.pipe <- timed{w.free + s.Delay, p}:
	default:
		w.add(func(c *Count) { c.Overflow += size })
	}
}

func (w *way) write(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for t := range w.pipe {
		timer.Reset(t.at - time.Since(w.link.start))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		size := int64(len(t.data))
		sent := t.at - w.link.shape.Delay
		before, _ := w.link.state(sent)
		if after, down := w.link.state(t.at); down || after != before {
			w.add(func(c *Count) { c.Cut += size }) // it was in the air
			continue
		}
		if _, err := w.to.Write(t.data); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("write link: %w", err)
		}
		w.add(func(c *Count) { c.Carried += size })
	}
	return nil
}
