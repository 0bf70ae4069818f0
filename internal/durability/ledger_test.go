package durability

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/enrold/enrold/internal/eid"
)

// ledger is what the desk has said, kept where no kill and no power cut of its
// disk reaches: the acknowledgements are promises.
type ledger struct {
	words   atomic.Int64 // lines heard
	mu      sync.Mutex
	acked   map[string]int64 // id: desk number
	order   []string         // ids as they were acknowledged
	begun   map[string]bool  // asked and not answered
	steps   map[string]int   // visit: steps that are in the journal
	refused map[string]int   // code: how often
	late    map[string]bool  // begun after the first refusal
	after   int              // of those, acknowledged
	stopped bool
	broken  []string // what can never be right
}

func newLedger() *ledger {
	return &ledger{acked: map[string]int64{}, begun: map[string]bool{}, steps: map[string]int{}, refused: map[string]int{}, late: map[string]bool{}}
}

func (l *ledger) hear(line string) {
	defer l.words.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := strings.Fields(line)
	number := func(i int) int64 { n, _ := strconv.ParseInt(f[i], 10, 64); return n }
	switch {
	case len(f) == 2 && f[0] == "begin":
		if _, known := l.acked[f[1]]; !known {
			l.begun[f[1]] = true
			if len(l.refused) > 0 {
				l.late[f[1]] = true
			}
		}
	case len(f) == 3 && f[0] == "ack":
		seq, known := l.acked[f[1]]
		if known && seq != number(2) {
			l.broken = append(l.broken, "two numbers: "+line)
		}
		if !known {
			l.order = append(l.order, f[1])
		}
		if l.late[f[1]] {
			l.after++
		}
		l.acked[f[1]] = number(2)
		delete(l.begun, f[1])
		delete(l.steps, f[1])
	case len(f) == 3 && f[0] == "step":
		l.steps[f[1]] = int(number(2))
	case len(f) == 3 && f[0] == "open":
		l.reopened(strings.TrimSuffix(f[1], "."), int(number(2)))
	case len(f) == 3 && f[0] == "refused":
		l.refused[f[2]]++
	case line == "stopped":
		l.stopped = true
	default:
		l.broken = append(l.broken, "unknown word: "+line)
	}
}

// reopened compares the visit that the journal brought back with the steps that
// it had promised. A visit that was being sent may be there or not.
func (l *ledger) reopened(visit string, steps int) {
	for id, n := range l.steps {
		if l.begun[id] {
			continue
		}
		if id != visit || steps < n {
			l.broken = append(l.broken, "journal of "+id+" had "+strconv.Itoa(n)+" steps, came back as \""+visit+"\" with "+strconv.Itoa(steps))
		}
	}
	clear(l.steps)
}

// promises are the ids acknowledged so far.
func (l *ledger) promises() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.order)
}

// unanswered are the ids that a desk sends again after a crash.
func (l *ledger) unanswered() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for id := range l.begun {
		lines = append(lines, "again "+id)
	}
	return append(lines, "go")
}

func (l *ledger) seq(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked[id]
}

// count says how often something was refused with code.
func (l *ledger) count(code eid.Code) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused[string(code)]
}

// goneOn counts the acknowledgements of what was begun after a refusal.
func (l *ledger) goneOn() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.after
}

func (l *ledger) hasStopped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}
