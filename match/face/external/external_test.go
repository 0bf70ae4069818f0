package external_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/external"
)

var quiet = slog.New(slog.DiscardHandler)

// TestMain is also an engine that errs in the way that its argument says.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && len(os.Args[1]) > 6 && os.Args[1][:6] == "fault=" {
		if err := faulty(os.Args[1][6:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var hello = external.Hello{ID: "m-1", Name: "n", Origin: "o", Licence: "l", Dimension: 2, Metric: face.Cosine, Detects: true}

type fault string

func (f fault) Describe(img *image.RGBA, points *face.Points) ([]face.Face, error) {
	values, box := []float32{1, 0}, image.Rect(0, 0, 10, 10)
	switch f {
	case "die", "die-once":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Minute)
	case "short":
		values = values[:1]
	case "zero":
		values = []float32{0, 0}
	case "outside":
		box = image.Rect(5000, 5000, 5010, 5010)
	case "no-face":
		return nil, eid.Fail(eid.CodeNoFace, "t", nil)
	case "internal":
		return nil, io.ErrNoProgress
	}
	return []face.Face{{Box: box, Template: face.Template{Values: values}}}, nil
}

func faulty(name string) error {
	h, conn := hello, struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}
	switch name {
	case "garbage":
		_, err := os.Stdout.Write([]byte("\x00\x00\x00\x05hello"))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return err
	case "huge":
		_, err := os.Stdout.Write(binary.BigEndian.AppendUint32(nil, 1<<31))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return err
	case "gone":
		return nil
	case "changes": // another model after each start
		h.ID = fmt.Sprint("m-", os.Getpid())
		return external.Serve(conn, h, fault("die"))
	}
	return external.Serve(conn, h, fault(name))
}

func place(name string) string { return "exec:" + os.Args[0] + " fault=" + name }

func picture() *image.RGBA { return image.NewRGBA(image.Rect(0, 0, 64, 64)) }

func TestEnginesThatErr(t *testing.T) {
	for name, code := range map[string]eid.Code{"garbage": eid.CodeFaceEngine, "huge": eid.CodeFaceEngine, "gone": eid.CodeFaceEngine} {
		if e, err := external.Open(t.Context(), place(name), 0.001, quiet); eid.CodeOf(err) != code {
			t.Errorf("%s: opened %v, %v", name, e, err)
		}
	}
	for name, code := range map[string]eid.Code{
		"fine": "", "die": eid.CodeDeviceRestarted, "short": eid.CodeFaceEngine, "zero": eid.CodeFaceEngine,
		"outside": eid.CodeFaceEngine, "no-face": eid.CodeNoFace, "internal": eid.CodeFaceEngine,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := external.Open(t.Context(), place(name), 0.001, quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for range 2 { // the second finds a new program where the first one died
				faces, err := e.Describe(picture())
				if code == "" {
					if err != nil || len(faces) != 1 || faces[0].Template.Model != "m-1" {
						t.Errorf("%+v, %v", faces, err)
					}
				} else if eid.CodeOf(err) != code {
					t.Errorf("got %v, want %s", err, code)
				}
			}
		})
	}
}

// TestAnotherModelIsRefused: scores before and after would mean different things.
func TestAnotherModelIsRefused(t *testing.T) {
	e, err := external.Open(t.Context(), place("changes"), 0.001, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Describe(picture()); eid.CodeOf(err) != eid.CodeDeviceRestarted {
		t.Errorf("died: %v", err)
	}
	if _, err := e.Describe(picture()); eid.CodeOf(err) != eid.CodeFaceEngine {
		t.Errorf("came back as another model: %v", err)
	}
}

func TestSilentEngineIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time limit")
	}
	e, err := external.Open(t.Context(), place("hang"), 0.001, quiet)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_, err = e.Describe(picture())
	if took := time.Since(begin); eid.CodeOf(err) != eid.CodeDeviceRestarted || took > 12*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

// TestExampleConforms builds the example and holds it against the protocol, over
// its standard input and over a socket.
func TestExampleConforms(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "engine")
	if out, err := exec.Command("go", "build", "-o", program, "../../../internal/example/engine").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	img, at := drawn()
	conforms := func(place string) {
		t.Helper()
		findings := external.Conform(t.Context(), place, img, at, quiet)
		if len(findings) != 10 {
			t.Errorf("%d findings", len(findings))
		}
		for _, f := range findings {
			if f.Err != nil {
				t.Errorf("%s: %s: %v", place, f.Demand, f.Err)
			}
		}
	}
	conforms("exec:" + program)

	socket := filepath.Join(dir, "e.sock")
	cmd := exec.Command(program, "--socket", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for range 100 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	conforms("unix:" + socket)
}

// TestConformFindsFaults: the check is worth nothing if it passes everything.
func TestConformFindsFaults(t *testing.T) {
	img, at := drawn()
	for _, name := range []string{"garbage", "die", "short", "fine"} { // "fine" sees a face in a flat picture
		bad := 0
		for _, f := range external.Conform(t.Context(), place(name), img, at, quiet) {
			if f.Err != nil {
				bad++
			}
		}
		if bad == 0 {
			t.Errorf("%s conforms", name)
		}
	}
}

// drawn is something with edges, and five points on it.
func drawn() (*image.RGBA, face.Points) {
	img := image.NewRGBA(image.Rect(0, 0, 200, 200))
	for y := range 200 {
		for x := range 200 {
			img.SetRGBA(x, y, color.RGBA{uint8(x * y / 7), uint8(x ^ y), uint8(3 * x), 255})
		}
	}
	return img, face.Points{{X: 70, Y: 80}, {X: 130, Y: 80}, {X: 100, Y: 110}, {X: 75, Y: 145}, {X: 125, Y: 145}}
}

// FuzzServe: whatever a desk sends, an engine answers or ends.
func FuzzServe(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\xa0"))
	f.Add([]byte("\x00\x00\x00\x0b\xa2bid\x01bop\x65hello"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &stream{r: data}
		_ = external.Serve(in, hello, fault("fine"))
	})
}

type stream struct{ r []byte }

func (s *stream) Read(p []byte) (int, error) {
	if len(s.r) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.r)
	s.r = s.r[n:]
	return n, nil
}

func (s *stream) Write(p []byte) (int, error) { return bufio.NewWriter(io.Discard).Write(p) }
