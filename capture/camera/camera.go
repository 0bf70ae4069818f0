// Package camera turns a stream of frames into portrait samples: it finds the
// face, tells the person what to do, measures quality and keeps the best frames.
package camera

import (
	"context"
	"fmt"
	"image"
	"sync"

	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/dlib"
)

// detectWidth is the width of the copy that is searched: a face must be 80
// pixels wide on it, and the search takes about 30 ms.
const detectWidth = 640

// Frames gives camera frames, newest first; *video.Source is one.
type Frames interface {
	Next(ctx context.Context, after uint64) (*video.Frame, error)
}

// Detector finds faces, the largest first; *dlib.Detector is one.
type Detector interface {
	Detect(pixels []byte, width, height int) ([]dlib.Detection, error)
}

// Observation is what one frame shows. It is never changed after it was made.
type Observation struct {
	Frame    *video.Frame
	Box      image.Rectangle // of the largest face, in the frame's pixels; empty without a face
	Guidance Guidance
	Measures []eid.Measure // without a face none
	Quality  int           // 0..100
}

// Camera looks at each frame once, however many consumers ask for it.
type Camera struct {
	frames   Frames
	detector Detector
	device   string
	origin   eid.Origin

	mu   sync.Mutex // one search at a time: it is what costs
	last *Observation
}

// New makes a camera; device and origin go into its samples.
func New(frames Frames, detector Detector, device string, origin eid.Origin) *Camera {
	return &Camera{frames: frames, detector: detector, device: device, origin: origin}
}

// Observe waits for a frame newer than number after (0 for any) and looks at it.
func (c *Camera) Observe(ctx context.Context, after uint64) (*Observation, error) {
	frame, err := c.frames.Next(ctx, after)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.Frame.Seq >= frame.Seq {
		return c.last, nil // another consumer was first
	}
	o, err := c.look(frame)
	if err != nil {
		return nil, err
	}
	c.last = o
	return o, nil
}

func (c *Camera) look(frame *video.Frame) (*Observation, error) {
	gray, err := frame.Gray(detectWidth)
	if err != nil {
		return nil, err
	}
	found, err := c.detector.Detect(gray.Pix, gray.Rect.Dx(), gray.Rect.Dy())
	if err != nil {
		return nil, fmt.Errorf("look at frame: %w", err)
	}
	o := &Observation{Frame: frame, Guidance: NoFace}
	if len(found) == 0 {
		return o, nil
	}
	scale := float64(frame.Width) / float64(gray.Rect.Dx())
	o.Box = enlarge(found[0].Box, scale).Intersect(frame.Bounds())
	o.Measures = quality.Face(gray, found[0].Box, scale)
	o.Quality = quality.Overall(o.Measures)
	if len(found) > 1 && face.Crowded(found[0].Box, found[1].Box) {
		o.Guidance = ManyFaces
		return o, nil
	}
	o.Guidance = guide(o, c.last)
	return o, nil
}

func enlarge(r image.Rectangle, by float64) image.Rectangle {
	return image.Rect(int(by*float64(r.Min.X)), int(by*float64(r.Min.Y)), int(by*float64(r.Max.X)), int(by*float64(r.Max.Y)))
}
