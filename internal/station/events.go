package station

import "sync"

// eventBuffer holds what a screen may lag behind: progress beyond it is lost.
const eventBuffer = 32

// events fans out to subscribers without ever waiting for one.
type events struct {
	mu   sync.Mutex
	subs map[chan Event]struct{}
}

func (e *events) subscribe(first Event) (<-chan Event, func()) {
	ch := make(chan Event, eventBuffer)
	ch <- first
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subs == nil {
		e.subs = map[chan Event]struct{}{}
	}
	e.subs[ch] = struct{}{}
	return ch, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if _, ok := e.subs[ch]; ok {
			delete(e.subs, ch)
			close(ch)
		}
	}
}

// state delivers a view to everybody. Where the buffer is full the oldest event
// goes: progress, or a view that this one replaces.
func (e *events) state(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ch := range e.subs {
		for sent := false; !sent; {
			select {
			case ch <- ev:
				sent = true
			default:
				select {
				case <-ch:
				default: // the subscriber took one meanwhile
				}
			}
		}
	}
}

// passing delivers progress and prompts to whoever has room.
func (e *events) passing(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ch := range e.subs {
		select {
		case ch <- ev:
		default:
		}
	}
}
