package video

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"github.com/enrold/enrold/internal/eid"
)

func run(t *testing.T, name string) *Source {
	t.Helper()
	s := New(name, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return s
}

// serve sends jpeg as multipart MJPEG at 50 frames a second; each client ends
// after limit frames and hangs for hang before that.
func serve(t *testing.T, limit int, hang time.Duration) (source string) {
	t.Helper()
	jpeg, err := gradient(t, 320, 240).JPEG(0, 90)
	if err != nil {
		t.Fatal(err)
	}
	part := append([]byte("--ffserver\r\nContent-Type: image/jpeg\r\nContent-Length: "+strconv.Itoa(len(jpeg))+"\r\n\r\n"), jpeg...)
	part = append(part, "\r\n"...)
	path := filepath.Join(t.TempDir(), "cam")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				for i := 0; limit == 0 || i < limit; i++ {
					if _, err := c.Write(part); err != nil {
						return
					}
					select {
					case <-ended:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
				select {
				case <-ended:
				case <-time.After(hang):
				}
			})
		}
	})
	t.Cleanup(func() { close(ended); l.Close(); serving.Wait() })
	return "unix:" + path
}

func TestFramesAreFreshAndInOrder(t *testing.T) {
	s := run(t, serve(t, 0, 0))
	var after uint64
	for range 10 {
		f, err := s.Next(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		if f.Seq <= after || f.Width != 320 || f.Height != 240 || time.Since(f.Taken) > time.Second {
			t.Fatalf("frame %d of %dx%d after %d, %v old", f.Seq, f.Width, f.Height, after, time.Since(f.Taken))
		}
		after = f.Seq
	}
	time.Sleep(300 * time.Millisecond) // a slow consumer
	f, err := s.Next(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	if f.Seq < after+5 || time.Since(f.Taken) > 200*time.Millisecond {
		t.Errorf("after a pause: frame %d, %v old; want the newest", f.Seq-after, time.Since(f.Taken))
	}
}

func TestStreamThatEndsIsOpenedAgain(t *testing.T) {
	s := run(t, serve(t, 8, 0))
	var after uint64
	for range 12 {
		f, err := s.Next(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		after = f.Seq
	}
	if after < 9 {
		t.Errorf("last frame is %d: the stream was not opened again", after)
	}
}

func TestStalledStream(t *testing.T) {
	if err := LimitReads(StallLimit); err != nil {
		t.Fatal(err)
	}
	s := run(t, serve(t, 12, time.Hour))
	var after uint64
	var err error
	begin := time.Now()
	for err == nil {
		var f *Frame
		begin = time.Now()
		if f, err = s.Next(t.Context(), after); err == nil {
			after = f.Seq
		}
	}
	if eid.CodeOf(err) != eid.CodeCameraStalled || after == 0 {
		t.Errorf("after frame %d: %v, want %s", after, err, eid.CodeCameraStalled)
	}
	if d := time.Since(begin); d > StallLimit+time.Second {
		t.Errorf("reported after %v", d)
	}
	// The read comes back, the stream is opened again and gives new frames.
	for end := time.Now().Add(8 * time.Second); ; {
		if _, err := s.Next(t.Context(), after); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the stalled stream is never opened again")
		}
	}
}

func TestCameraThatIsNotThere(t *testing.T) {
	for _, name := range []string{"/dev/video77", "unix:/nonexistent", filepath.Join(t.TempDir(), "none.avi")} {
		s := run(t, name)
		if _, err := s.Next(t.Context(), 0); eid.CodeOf(err) != eid.CodeNoCamera {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeNoCamera)
		}
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	s := New("never run", slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Next(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestVideoFile: a file plays at its own pace and begins again at its end.
func TestVideoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.avi")
	w, err := gocv.VideoWriterFile(path, "MJPG", 50, 320, 240, true)
	if err != nil {
		t.Fatal(err)
	}
	f := gradient(t, 320, 240)
	m, err := gocv.NewMatFromBytes(240, 320, gocv.MatTypeCV8UC3, f.bgr)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := run(t, path)
	begin := time.Now()
	var after uint64
	for after < 15 {
		f, err := s.Next(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		after = f.Seq
	}
	if d := time.Since(begin); d < 200*time.Millisecond {
		t.Errorf("15 frames at 50 a second took %v", d)
	}
}
