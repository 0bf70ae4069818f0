package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

const frameBoundary = "frame"

type frame struct {
	jpeg     []byte
	guidance string
}

// preview streams the camera as multipart/x-mixed-replace (MJPEG). Each part
// carries its Guidance code as a header. The latest frame wins: a slow screen
// skips frames, it never delays the camera.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) {
	if s.opts.Preview == nil {
		answerError(w, eid.Fail(eid.CodeNoCamera, "preview", nil), nil)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer context.AfterFunc(s.ctx, cancel)()

	latest := make(chan frame, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- s.opts.Preview.Preview(ctx, func(jpeg []byte, guidance string) error {
			f := frame{jpeg: bytes.Clone(jpeg), guidance: guidance}
			for {
				select {
				case latest <- f:
					return ctx.Err()
				default:
				}
				select { // make room: drop the frame that nobody has taken
				case <-latest:
				default:
				}
			}
		})
	}()
	err := s.sendFrames(ctx, w, latest, ended)
	cancel()
	if errors.Is(err, errClientGone) {
		<-ended //nolint:errcheck // join the camera's goroutine; nobody is left to tell
	}
}

var errClientGone = errors.New("screen went away")

// sendFrames writes frames until the camera or the screen ends. Only when the
// screen ended, ended is still to be received.
func (s *Server) sendFrames(ctx context.Context, w http.ResponseWriter, latest <-chan frame, ended <-chan error) error {
	out := eventWriter{w: w, rc: http.NewResponseController(w)}
	begun := false
	for {
		select {
		case <-ctx.Done():
			return errClientGone
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("preview ended", "code", eid.CodeOf(err), "error", err)
			}
			if !begun {
				if err == nil {
					err = eid.Fail(eid.CodeCameraStalled, "preview", nil)
				}
				answerError(w, err, nil)
			}
			return nil
		case f := <-latest:
			if !begun {
				w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary="+frameBoundary)
				begun = true
			}
			var part bytes.Buffer
			fmt.Fprintf(&part, "--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\nGuidance: %s\r\nTaken: %d\r\n\r\n",
				frameBoundary, len(f.jpeg), headerWord(f.guidance), time.Now().UnixMilli())
			part.Write(f.jpeg)
			part.WriteString("\r\n")
			if out.write(part.Bytes()) != nil {
				return errClientGone
			}
		}
	}
}

// headerWord keeps a guidance code from breaking the part's header.
func headerWord(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return -1
	}, s)
}
