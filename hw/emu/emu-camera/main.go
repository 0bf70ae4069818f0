// Command emu-camera is the emulated desk's camera: a multipart MJPEG stream on
// a unix socket (DIR/camera.mjpeg), which OpenCV opens like any network camera.
// Who sits before it is told on a second socket (DIR/camera.sock): sit, leave.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
)

type options struct {
	runDir, photos     string
	width, height, fps int
	exitOnEOF          bool
}

func main() {
	var o options
	flag.StringVar(&o.runDir, "run-dir", "", "folder of the sockets")
	flag.StringVar(&o.photos, "photos", "", "folder of the labelled photographs")
	flag.IntVar(&o.width, "width", 1280, "frame width in pixels")
	flag.IntVar(&o.height, "height", 720, "frame height in pixels")
	flag.IntVar(&o.fps, "fps", 25, "frames a second")
	flag.BoolVar(&o.exitOnEOF, "exit-on-eof", false, "end when standard input ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	if o.exitOnEOF {
		go func() { // ends with the process: a read of stdin cannot be interrupted
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "emu-camera:", err)
		os.Exit(1)
	}
}

// run serves both sockets until ctx ends and prints "ready" when both listen.
func run(ctx context.Context, o options, out io.Writer) error {
	if o.runDir == "" || o.photos == "" {
		return errors.New("--run-dir and --photos are required")
	}
	if o.width < 320 || o.height < 240 || o.width > 3840 || o.height > 2160 || o.fps < 1 || o.fps > 60 {
		return fmt.Errorf("%dx%d at %d frames a second is no camera", o.width, o.height, o.fps)
	}
	scene, err := newScene(image.Pt(o.width, o.height), o.photos)
	if err != nil {
		return err
	}
	defer scene.leave()
	video, err := listen(filepath.Join(o.runDir, "camera.mjpeg"))
	if err != nil {
		return err
	}
	defer video.Close()
	commands, err := listen(filepath.Join(o.runDir, "camera.sock"))
	if err != nil {
		return err
	}
	defer commands.Close()
	fmt.Fprintln(out, "ready")

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream := newStream()
	errs := make(chan error, 2)
	var serving sync.WaitGroup
	serving.Go(func() { defer stop(); errs <- stream.accept(ctx, video) })
	serving.Go(func() { defer stop(); errs <- control.Serve(commands, scene.obey) })
	tick := time.NewTicker(time.Second / time.Duration(o.fps))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			stream.publish(scene.frame())
		}
	}
	video.Close()
	commands.Close()
	serving.Wait()
	return errors.Join(<-errs, <-errs)
}

func (s *scene) obey(cmd control.Command) error {
	switch cmd.Do {
	case "sit":
		return s.sit(cmd.Person)
	case "leave":
		s.leave()
		return nil
	}
	return fmt.Errorf("the camera does not know %q: want sit or leave", cmd.Do)
}

// listen makes a socket for this user only, in place of one that a killed emulator left.
func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("restrict socket: %w", err)
	}
	return l, nil
}
