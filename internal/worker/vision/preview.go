package vision

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/capture/camera"
	"github.com/enrold/enrold/hw/video/v4l2"
)

const (
	previewWidth    = 640
	previewJPEG     = 80
	previewInterval = 30 * time.Millisecond // at most; a camera gives 25 or 30 frames a second
)

// preview sends frames until the caller cancels (no error) or the camera fails.
// A daemon that is slow to read gets fewer frames.
func (s *service) preview(ctx context.Context, _ cbor.RawMessage, emit func(any) error) (any, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var after uint64
	for {
		start := time.Now()
		o, err := s.camera.Observe(ctx, after)
		if ctx.Err() != nil {
			return nil, nil //nolint:nilerr // the page went away: that is how a preview ends
		}
		if err != nil {
			return nil, err
		}
		after = o.Frame.Seq
		f, err := previewFrame(o)
		if err != nil {
			return nil, err
		}
		if err := emit(f); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(previewInterval - time.Since(start)):
		}
	}
}

func previewFrame(o *camera.Observation) (Frame, error) {
	width := min(previewWidth, o.Frame.Width)
	data, err := o.Frame.JPEG(width, previewJPEG)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{
		JPEG: data, Width: width, Height: o.Frame.Height * width / o.Frame.Width,
		Guidance: string(o.Guidance), Quality: o.Quality, Taken: o.Frame.Taken,
	}
	if box := o.Face.Box.Intersect(o.Frame.Bounds()); !box.Empty() {
		scale := func(v int) int { return v * width / o.Frame.Width }
		f.Box = &Box{X: scale(box.Min.X), Y: scale(box.Min.Y), Width: scale(box.Dx()), Height: scale(box.Dy())}
		for _, p := range o.Face.Points {
			f.Points = append(f.Points, [2]int{scale(int(p.X)), scale(int(p.Y))})
		}
	}
	return f, nil
}

// cameraName is what samples say of the device: the driver's name for a V4L2
// node, the kind of transport for everything else, never a path or an address.
func cameraName(source string) string {
	number := strings.TrimPrefix(source, "/dev/video")
	if n, err := strconv.Atoi(number); err == nil {
		devices, _ := v4l2.List("/sys")
		for _, d := range devices {
			if d.Number == n && d.Name != "" {
				return d.Name
			}
		}
		return "video" + number
	}
	if scheme, _, found := strings.Cut(source, ":"); found {
		return scheme + " stream"
	}
	return "video file"
}
