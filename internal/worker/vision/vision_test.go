package vision

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/worker"
)

var (
	_ station.Camera      = (*Client)(nil)
	_ station.FaceMatcher = (*Client)(nil)
	_ Caller              = (*worker.Handle)(nil)
)

const (
	models    = "../../../build/models"
	photos    = "../../../build/photos"
	sourceEnv = "ENROLD_TEST_VISION_SOURCE"
	modelsEnv = "ENROLD_TEST_VISION_MODELS"
	formatEnv = "ENROLD_TEST_VISION_FORMAT" // of portraits
)

// TestMain runs this binary as the worker when the supervisor starts it.
func TestMain(m *testing.M) {
	if os.Getenv(sourceEnv) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child() error {
	if err := worker.Harden(false); err != nil {
		return err
	}
	var cfg config.Config
	cfg.Camera.Source, cfg.Camera.Origin = os.Getenv(sourceEnv), eid.OriginEmulated
	cfg.Face.Models = os.Getenv(modelsEnv)
	cfg.Camera.PortraitFormat = config.PortraitFormat(os.Getenv(formatEnv))
	handlers, stop, err := Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := worker.Child(context.Background(), handlers); err != nil {
		return err
	}
	return stop()
}

// desk is a running worker with its emulated camera.
type desk struct {
	*Client
	handle *worker.Handle
	dir    string
	camera int // the emulator's process
}

func (d desk) sit(t *testing.T, person int) {
	t.Helper()
	d.tell(t, control.Command{Do: "sit", Person: person})
}

func (d desk) tell(t *testing.T, cmd control.Command) {
	t.Helper()
	if err := control.Send(filepath.Join(d.dir, "camera.sock"), cmd); err != nil {
		t.Fatal(err)
	}
}

func startWorker(t *testing.T, source, modelDir string) *worker.Handle {
	t.Helper()
	t.Setenv(sourceEnv, source)
	t.Setenv(modelsEnv, modelDir)
	h := worker.NewHandle("vision", []string{os.Args[0]}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return h
}

func startDesk(t *testing.T, camera ...string) desk {
	t.Helper()
	for _, dir := range []string{models, photos} {
		if _, err := os.Stat(dir); err != nil {
			t.Skip("no models or photographs in build/: run make setup")
		}
	}
	dir := t.TempDir()
	pid := startEmulator(t, dir, camera...)
	h := startWorker(t, "unix:"+filepath.Join(dir, "camera.mjpeg"), models)
	return desk{Client: NewClient(h), handle: h, dir: dir, camera: pid}
}

func startEmulator(t *testing.T, dir string, flags ...string) (pid int) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "emu-camera")
	if out, err := exec.Command("go", "build", "-o", program, "../../../hw/emu/emu-camera").CombinedOutput(); err != nil {
		t.Fatalf("build emulator: %v\n%s", err, out)
	}
	cmd := exec.Command(program, append(flags, "--run-dir", dir, "--photos", photos, "--exit-on-eof")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGCONT) // a test may have stopped it
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("emulator: %v", err)
		}
	})
	ready := make([]byte, 6)
	if _, err := io.ReadFull(stdout, ready); err != nil || string(ready) != "ready\n" {
		t.Fatalf("emulator says %q: %v", ready, err)
	}
	return cmd.Process.Pid
}

func portrait(t *testing.T, person int) eid.Blob {
	t.Helper()
	p, err := persons.Get(person)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := p.Photos(photos)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEveryPerson: who sits before the camera passes with their own portrait
// and with nobody else's.
func TestEveryPerson(t *testing.T) {
	d := startDesk(t)
	ctx := t.Context()
	begin := time.Now()
	info, err := d.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v, models in %d ms, %d MB resident", time.Since(begin).Round(time.Millisecond), info.LoadTime, resident(t, d.handle))
	for i := range persons.Count {
		d.sit(t, i)
		time.Sleep(250 * time.Millisecond) // a person takes longer to sit down
		var said []string
		begin := time.Now()
		live, err := d.CaptureFace(ctx, 3, func(code string) { said = append(said, code) })
		if err != nil {
			t.Fatalf("person %d: %v (guidance %v)", i, err, said)
		}
		captured := time.Since(begin)
		if len(live) != 3 || len(said) == 0 || said[len(said)-1] != "ok" {
			t.Fatalf("person %d: %d samples, guidance %v", i, len(live), said)
		}
		checkSamples(t, live)
		for j := range persons.Count {
			begin = time.Now()
			decision, err := d.CompareFace(ctx, portrait(t, j), live)
			if err != nil {
				t.Fatalf("person %d, portrait %d: %v", i, j, err)
			}
			if decision.Pass != (i == j) {
				t.Errorf("person %d, portrait %d: %+v", i, j, decision)
			}
			if i == j {
				t.Logf("person %d: captured in %v, compared in %v, score %.3f, quality %d %v, guidance %v", i,
					captured.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), decision.Score, live[0].Quality, live[0].Measures, said)
			}
		}
	}
	t.Logf("%d MB resident at the end", resident(t, d.handle))
}

func checkSamples(t *testing.T, live []eid.FaceSample) {
	t.Helper()
	for i, s := range live {
		head, err := jpeg.DecodeConfig(bytes.NewReader(s.JPEG))
		if err != nil || head.Width != s.Width || head.Height != s.Height || s.Width < 360 || 3*s.Height != 4*s.Width {
			t.Errorf("sample %d: %dx%d, %v", i, s.Width, s.Height, err)
		}
		if s.Origin != eid.OriginEmulated || s.Device == "" || len(s.Measures) == 0 || s.Taken.IsZero() {
			t.Errorf("sample %d lacks its origin, device, measures or time", i)
		}
		if i > 0 && (s.Quality > live[i-1].Quality || bytes.Equal(s.JPEG, live[i-1].JPEG)) {
			t.Errorf("sample %d is better than or the same as the one before", i)
		}
	}
}

func TestEmptyChair(t *testing.T) {
	d := startDesk(t)
	var said []string
	_, err := d.CaptureFace(t.Context(), 3, func(code string) { said = append(said, code) })
	if eid.CodeOf(err) != eid.CodeNoFace || strings.Join(said, " ") != "no_face" {
		t.Errorf("%v, guidance %v", err, said)
	}
	if _, err := d.CompareFace(t.Context(), portrait(t, 0), nil); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("no live images: %v", err)
	}
	bad := []eid.FaceSample{{JPEG: eid.Blob("not a picture")}}
	if _, err := d.CompareFace(t.Context(), portrait(t, 0), bad); eid.CodeOf(err) != eid.CodeInput {
		t.Errorf("damaged live image: %v", err)
	}
}

// TestPreviewBesideCapture: both run at once over the one camera.
func TestPreviewBesideCapture(t *testing.T) {
	d := startDesk(t, "--fps", "40") // more than a preview shows
	d.sit(t, 1)
	if _, err := d.Info(t.Context()); err != nil { // the models are loaded
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var frames int
	enough := make(chan struct{})
	var first, last time.Time
	var showing sync.WaitGroup
	var previewErr error
	showing.Go(func() {
		previewErr = d.Preview(ctx, func(f Frame) error {
			if head, err := jpeg.DecodeConfig(bytes.NewReader(f.JPEG)); err != nil || head.Width != 640 || head.Height != f.Height {
				return fmt.Errorf("preview of %dx%d: %w", head.Width, head.Height, err)
			}
			if f.Guidance == "ok" && f.Box == nil {
				return fmt.Errorf("a good frame without a face")
			}
			if last = time.Now(); frames == 0 {
				first = last
			}
			if frames++; frames == 30 {
				close(enough)
			}
			return nil
		})
	})
	select {
	case <-enough:
	case <-time.After(20 * time.Second):
		t.Error("the preview gives too few frames")
	}
	begin := time.Now()
	if _, err := d.CaptureFace(t.Context(), 3, nil); err != nil {
		t.Error(err)
	}
	t.Logf("captured in %v beside the preview", time.Since(begin).Round(time.Millisecond))
	cancel()
	showing.Wait()
	if ctx.Err() == nil || previewErr == nil || eid.CodeOf(previewErr) != eid.CodeInternal {
		t.Errorf("preview ended with %v", previewErr)
	}
	t.Logf("%.1f frames a second", float64(frames-1)/last.Sub(first).Seconds())
}

// TestStalledCamera: a camera that hangs in the middle of the stream is
// reported within its limit, and works again when it goes on.
func TestStalledCamera(t *testing.T) {
	d := startDesk(t)
	d.sit(t, 0)
	if _, err := d.CaptureFace(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(d.camera, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	err := d.Preview(t.Context(), func(Frame) error { return nil })
	took := time.Since(begin)
	if code := eid.CodeOf(err); code != eid.CodeCameraStalled && code != eid.CodeNoCamera {
		t.Errorf("stopped camera: %v", err)
	}
	if took > 4*time.Second {
		t.Errorf("reported after %v", took)
	}
	t.Logf("reported after %v: %v", took.Round(time.Millisecond), err)
	if err := syscall.Kill(d.camera, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	for {
		if _, err = d.CaptureFace(t.Context(), 1, nil); err == nil {
			break
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("camera goes on, capture does not: %v", err)
		}
	}
	t.Logf("works again after %v", time.Since(begin).Round(time.Millisecond))
}

func TestNoCamera(t *testing.T) {
	if _, err := os.Stat(models); err != nil {
		t.Skip("no models in build/: run make setup")
	}
	h := startWorker(t, "unix:"+filepath.Join(t.TempDir(), "nobody"), models)
	begin := time.Now()
	_, err := NewClient(h).CaptureFace(t.Context(), 1, nil)
	if eid.CodeOf(err) != eid.CodeNoCamera {
		t.Errorf("no camera: %v", err)
	}
	t.Logf("reported after %v", time.Since(begin).Round(time.Millisecond))
}

func TestNoModels(t *testing.T) {
	h := startWorker(t, "unix:/nonexistent", t.TempDir())
	for range 2 {
		if _, err := NewClient(h).Info(t.Context()); eid.CodeOf(err) != eid.CodeModels {
			t.Errorf("no models: %v", err)
		}
	}
}

// resident is the worker's resident memory in megabytes.
func resident(t *testing.T, h *worker.Handle) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.State().PID))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}
