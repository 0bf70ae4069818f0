package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/station"
)

// writeLimit is how long a screen may take to accept one event or frame before
// it counts as gone.
const writeLimit = 5 * time.Second

// hub passes short notices ("queue", "devices") to the open event streams. A
// notice is a hint to fetch again, so a full buffer may drop it.
type hub struct {
	mu   sync.Mutex
	open map[chan string]struct{}
}

func (h *hub) join() (<-chan string, func()) {
	ch := make(chan string, 4)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = map[chan string]struct{}{}
	}
	h.open[ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.open, ch)
	}
}

func (h *hub) notify(kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.open {
		select {
		case ch <- kind:
		default:
		}
	}
}

// events streams the desk's events, the visit as it stands first (server-sent events,
// one JSON object each), and a comment as a sign of life.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	fromDesk, leave := s.opts.Desk.Subscribe()
	defer leave()
	notices, leaveHub := s.hub.join()
	defer leaveHub()

	w.Header().Set("Content-Type", "text/event-stream")
	out := eventWriter{w: w, rc: http.NewResponseController(w)}
	beat := time.NewTicker(s.opts.Heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		case e, ok := <-fromDesk:
			if !ok {
				return
			}
			err = out.event(e)
		case kind := <-notices:
			err = out.event(station.Event{Kind: kind})
		case <-beat.C:
			err = out.write([]byte(": alive\n\n"))
		}
		if err != nil {
			return // the screen is gone; it will ask again
		}
	}
}

type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (o eventWriter) event(e station.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return o.write(b.Bytes())
}

func (o eventWriter) write(b []byte) error {
	if err := o.rc.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.rc.Flush()
}
