// Package vision is the worker that holds OpenCV and dlib: camera, guided
// capture, preview and face comparison. Handlers is the child's side, Client
// the daemon's.
package vision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"gocv.io/x/gocv"

	"github.com/enrold/enrold/capture/camera"
	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
)

// service is the worker's state: one camera, one decider, many calls.
type service struct {
	cfg     config.Config
	log     *slog.Logger
	source  *video.Source
	name    string // of the camera, for samples and screens
	loaded  chan struct{}
	face    *decider       // after loaded
	unsight func() error   // after loaded: frees what the camera looks with
	camera  *camera.Camera // after loaded
	loadErr error          // after loaded
	took    time.Duration  // after loaded
}

// Handlers starts the camera's owner and the loading of the models, and returns
// the worker's methods; calls wait for the models. close ends both and frees
// the models; no call may be under way then.
func Handlers(cfg config.Config, log *slog.Logger) (handlers map[string]worker.Handler, closeAll func() error, err error) {
	if cfg.Camera.Source == "" {
		return nil, nil, errors.New("start vision worker: camera.source is not configured")
	}
	if err := video.LimitReads(video.StallLimit); err != nil {
		return nil, nil, fmt.Errorf("start vision worker: %w", err)
	}
	s := &service{
		cfg: cfg, log: log, source: video.New(cfg.Camera.Source, log),
		name: cameraName(cfg.Camera.Source), loaded: make(chan struct{}),
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var runErr error
	running.Go(func() { runErr = s.source.Run(ctx) })
	running.Go(s.load)
	closeAll = func() error {
		stop()
		running.Wait()
		if s.unsight != nil {
			runErr = errors.Join(runErr, s.unsight())
		}
		if s.face != nil {
			runErr = errors.Join(runErr, s.face.Close())
		}
		return runErr
	}
	return map[string]worker.Handler{
		methodCapture:  s.capture,
		methodCompare:  s.compare,
		methodDescribe: s.describe,
		methodPreview:  s.preview,
		methodInfo:     s.info,
		methodProfile:  s.profile,
	}, closeAll, nil
}

func (s *service) load() {
	defer close(s.loaded)
	start := time.Now()
	if s.face, s.loadErr = openDecider(s.cfg, s.log); s.loadErr == nil {
		s.loadErr = s.openCamera()
	}
	s.took = time.Since(start)
	if s.loadErr != nil {
		s.log.Error("face models not loaded", "error", s.loadErr)
		return
	}
	s.log.Info("face models loaded", "choice", s.face.Choice.Name, "model", s.face.manifest.ID, "warning", s.face.warning, "took_ms", s.took.Milliseconds())
}

// ready waits for the models.
func (s *service) ready(ctx context.Context) error {
	select {
	case <-s.loaded:
		return s.loadErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) capture(ctx context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
	var call captureCall
	if err := decode(in, &call); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	return s.camera.CaptureFace(ctx, call.Count, func(g camera.Guidance) {
		if err := emit(captureProgress{Guidance: string(g)}); err != nil {
			stop(err) // nobody listens any more
		}
	})
}

func (s *service) compare(ctx context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call compareCall
	if err := decode(in, &call); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return s.face.compare(call)
}

func (s *service) info(ctx context.Context, _ cbor.RawMessage, _ func(any) error) (any, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	m, l := s.face.manifest, s.face.policy.Limits(s.face.manifest)
	return Info{
		Camera: s.name, Origin: s.cfg.Camera.Origin,
		Engine: m.Engine, Model: m.ID, Metric: string(m.Metric), OpenCV: gocv.OpenCVVersion(), LoadTime: s.took.Milliseconds(),
		Accept: l.Accept, Review: l.Review, FMR: l.FMR, CalibrationSet: l.CalibrationSet,
		Warning: s.face.warning, Digests: s.face.digests,
	}, nil
}

func decode(in cbor.RawMessage, out any) error {
	if err := cbor.Unmarshal(in, out); err != nil {
		return eid.Fail(eid.CodeInternal, "read call", err)
	}
	return nil
}
