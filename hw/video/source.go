// Package video reads a camera through OpenCV's VideoCapture: a V4L2 node, a
// number, a file, a URL or a unix socket that carries multipart MJPEG.
//
// One goroutine, [Source.Run], owns the device and reads all that it sends, so
// a frame handed out is never older than the camera is slow. The device is open
// only while somebody asks for frames.
package video

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"github.com/enrold/enrold/internal/eid"
)

const (
	// StallLimit is how long a frame may take before the camera counts as stalled.
	StallLimit = 2 * time.Second
	// OpenLimit is how long a camera may take to open; some set up their sensor for seconds.
	OpenLimit = 5 * time.Second

	freshness  = 500 * time.Millisecond // an older frame is of no use to anybody
	idleLimit  = 10 * time.Second       // without demand the camera is closed, and its lamp goes out
	retryFirst = 100 * time.Millisecond
	retryLast  = 2 * time.Second
)

// Source is one camera. Start Run once; Next may be called by many.
type Source struct {
	name string
	log  *slog.Logger

	mu      sync.Mutex
	latest  *Frame
	failed  error         // why the camera is not open
	opening time.Time     // since when it is being opened; zero when it is not
	changed chan struct{} // closed and replaced at every frame and failure
	wanted  time.Time     // last call of Next
	demand  chan struct{} // wakes Run, capacity 1
}

// New makes a source; name is what OpenCV opens. It opens nothing yet.
func New(name string, log *slog.Logger) *Source {
	return &Source{name: name, log: log, changed: make(chan struct{}), demand: make(chan struct{}, 1)}
}

// LimitReads makes OpenCV's blocking reads come back after limit. OpenCV takes
// this from the environment only, so it holds for the whole process; call it
// once, before the first source is opened.
func LimitReads(limit time.Duration) error {
	return errors.Join(
		os.Setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", strconv.Itoa(max(1, int(limit.Seconds())))),
		os.Setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rw_timeout;"+strconv.FormatInt(limit.Microseconds(), 10)),
	)
}

// Next returns the newest frame, as soon as there is one after number after
// (0 for any) that is fresh. It returns eid.CodeNoCamera when the camera cannot
// be opened and eid.CodeCameraStalled when no frame came for StallLimit.
func (s *Source) Next(ctx context.Context, after uint64) (*Frame, error) {
	stall := time.NewTimer(StallLimit)
	defer stall.Stop()
	for {
		s.mu.Lock()
		frame, changed := s.latest, s.changed
		s.wanted = time.Now()
		s.mu.Unlock()
		if frame != nil && frame.Seq > after && time.Since(frame.Taken) < freshness {
			return frame, nil
		}
		select {
		case s.demand <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-stall.C:
			if wait := s.openingFor(); wait > 0 {
				stall.Reset(wait)
				continue
			}
			return nil, s.failure()
		}
	}
}

// openingFor is how much longer a camera that is being opened may take.
func (s *Source) openingFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opening.IsZero() || s.failed != nil {
		return 0
	}
	return OpenLimit - time.Since(s.opening)
}

func (s *Source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil || !s.opening.IsZero() {
		return eid.Fail(eid.CodeNoCamera, "read camera", s.failed)
	}
	return eid.Fail(eid.CodeCameraStalled, "read camera", nil)
}

// Run owns the camera until ctx ends: it opens it on demand, publishes frames,
// closes it when nobody asks, and opens it again with growing pauses when it
// fails. A read that hangs in the driver delays the return by what LimitReads allows.
func (s *Source) Run(ctx context.Context) error {
	pause := retryFirst
	for {
		if s.awaitDemand(ctx) != nil {
			return nil //nolint:nilerr // ctx ended
		}
		frames, err := s.session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // whatever the last session met, it ended by our will
		}
		if err == nil {
			continue // idle
		}
		if frames > 0 {
			pause = retryFirst
		}
		s.setFailure(err)
		s.log.Warn("camera failed", "error", err, "frames", frames, "retry_in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, retryLast)
	}
}

func (s *Source) awaitDemand(ctx context.Context) error {
	for s.idle() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.demand:
		}
	}
	return ctx.Err()
}

func (s *Source) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.wanted) > idleLimit
}

var (
	errOpen = errors.New("source cannot be opened")
	errRead = errors.New("source gives no more frames")
)

// session opens the camera and publishes its frames; nil means that it was closed for want of demand.
func (s *Source) session(ctx context.Context) (frames int, err error) {
	s.setOpening(time.Now())
	capture, err := open(s.name)
	s.setOpening(time.Time{})
	if err != nil {
		return 0, err
	}
	defer capture.Close()
	pace := filePace(s.name, capture)
	m := gocv.NewMat()
	defer m.Close()
	for ctx.Err() == nil && !s.idle() {
		start := time.Now()
		if !capture.Read(&m) || m.Empty() {
			return frames, errRead
		}
		if err := s.publish(&m); err != nil {
			return frames, err
		}
		frames++
		if pace > 0 {
			time.Sleep(pace - time.Since(start))
		}
	}
	return frames, nil
}

func open(name string) (*gocv.VideoCapture, error) {
	// The back end is named: OpenCV would otherwise try each in turn, and some
	// of them throw or wait.
	var capture *gocv.VideoCapture
	var err error
	n, isNode := nodeNumber(name)
	if isNode {
		capture, err = gocv.VideoCaptureDeviceWithAPI(n, gocv.VideoCaptureV4L2)
	} else {
		capture, err = gocv.VideoCaptureFileWithAPI(name, gocv.VideoCaptureFFmpeg)
	}
	if err != nil || !capture.IsOpened() {
		capture.Close() // there is one to free even after an error
		return nil, errOpen
	}
	if isNode {
		configure(capture)
	}
	return capture, nil
}

// configure asks a V4L2 camera for portrait quality; a driver that cannot takes
// what is nearest. MJPG, because USB 2 carries raw 720p at 10 frames a second only.
func configure(capture *gocv.VideoCapture) {
	capture.Set(gocv.VideoCaptureFOURCC, capture.ToCodec("MJPG"))
	capture.Set(gocv.VideoCaptureFrameWidth, 1280)
	capture.Set(gocv.VideoCaptureFrameHeight, 720)
	capture.Set(gocv.VideoCaptureBufferSize, 1)
}

// nodeNumber reads "0", "/dev/video0" and names that udev keeps stable, such as
// /dev/v4l/by-id/….
func nodeNumber(name string) (int, bool) {
	if strings.HasPrefix(name, "/dev/") {
		if node, err := filepath.EvalSymlinks(name); err == nil {
			name = node
		}
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, "/dev/video"))
	return n, err == nil && n >= 0
}

// filePace is the time a frame of a video file lasts: a file comes as fast as
// it can be read, unlike a camera.
func filePace(name string, capture *gocv.VideoCapture) time.Duration {
	info, err := os.Stat(name)
	fps := capture.Get(gocv.VideoCaptureFPS)
	if err != nil || !info.Mode().IsRegular() || fps < 1 || fps > 240 {
		return 0
	}
	return time.Duration(float64(time.Second) / fps)
}

func (s *Source) publish(m *gocv.Mat) error {
	if m.Type() != gocv.MatTypeCV8UC3 {
		return errors.New("source gives frames of an unknown pixel format")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var seq uint64 = 1
	if s.latest != nil {
		seq = s.latest.Seq + 1
	}
	frame, err := NewFrame(seq, time.Now(), m.Cols(), m.Rows(), m.ToBytes())
	if err != nil {
		return err
	}
	s.latest, s.failed = frame, nil
	s.wake()
	return nil
}

func (s *Source) setOpening(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening = since
}

func (s *Source) setFailure(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	s.wake()
}

// wake tells every waiting Next; the lock is held.
func (s *Source) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
