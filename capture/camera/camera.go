// Package camera turns a stream of frames into portrait samples: it finds the
// face in every frame, tells the person what to do, measures quality and keeps
// the best frames, cut to the geometry of a portrait.
package camera

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"sync"

	"github.com/enrold/enrold/capture/pad"
	"github.com/enrold/enrold/capture/quality"
	"github.com/enrold/enrold/hw/video"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Frames gives camera frames, newest first; *video.Source is one.
type Frames interface {
	Next(ctx context.Context, after uint64) (*video.Frame, error)
}

// Detector finds faces, the largest first, in an image that begins at (0,0).
type Detector interface {
	Detect(img *image.RGBA) ([]face.Found, error)
}

// Landmarker finds the 68 points of a face.
type Landmarker interface {
	Landmarks(img *image.RGBA, box image.Rectangle) ([]face.Point, error)
}

// Sight is what looks at frames.
type Sight struct {
	Detector Detector
	Width    int // of the copy that is searched; 0 for 320
	// Every so many frames the picture is searched; between, the face is followed
	// by its landmarks. 0 or 1 for every frame.
	Every int
	Marks Landmarker // nil: eyes and mouth are not measured
	// Estimated: the detector's points are guessed from its box, so that pose is not measured.
	Estimated bool
	Live      pad.Models // liveness models; none: not measured
}

// Device is what samples say of the camera.
type Device struct {
	Name   string
	Origin eid.Origin
}

// Observation is what one frame shows. It is never changed after it was made.
type Observation struct {
	Frame    *video.Frame
	Face     face.Found // the largest, in the frame's pixels; an empty box without a face
	Marks    []face.Point
	Track    uint64 // the same number as long as the same face is followed; 0 without a face
	Searched bool   // false: the face was only followed, nothing else was looked for
	Guidance Guidance
	Report   quality.Report // without a face none
	Quality  int            // 0..100
	Wishes   int            // measures that could be better
}

// Camera looks at each frame once, however many consumers ask for it.
type Camera struct {
	frames   Frames
	sight    Sight
	device   Device
	profiles []quality.Profile
	options  Options

	mu      sync.Mutex // one search at a time: it is what costs
	last    *Observation
	tracker tracker
	since   int // frames since the last search
	profile quality.Profile
}

// Options say what a portrait must be.
type Options struct {
	Encoding             // of portraits; 0 bytes are 100 kB
	Challenges pad.Asked // active checks before frames are taken; none by default
}

const (
	searchedWidth  = 320
	defaultBytes   = 100 << 10
	leastMostBytes = 12 << 10 // Doc 9303-9 §3: portraits of 12 kB still are portraits
	surroundings   = 0.3      // eye distances beyond a token image that are looked at, for tilted heads
	noEyes         = 4.0      // pixels: points nearer to each other are no face
)

// New makes a camera.
func New(frames Frames, sight Sight, device Device, options Options) (*Camera, error) {
	profiles, err := quality.Profiles()
	if err != nil {
		return nil, fmt.Errorf("make camera: %w", err)
	}
	if sight.Width == 0 {
		sight.Width = searchedWidth
	}
	if options.MostBytes == 0 {
		options.MostBytes = defaultBytes
	}
	options.MostBytes = max(options.MostBytes, leastMostBytes)
	return &Camera{frames: frames, sight: sight, device: device, profiles: profiles, options: options, profile: profiles[0]}, nil
}

// Use makes a profile of quality.Profiles the one for frames from now on; ""
// is the standard one. An unknown one is eid.CodeInput.
func (c *Camera) Use(id string) error {
	p, err := quality.Named(c.profiles, id)
	if err != nil {
		return eid.Fail(eid.CodeInput, "choose capture profile", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.profile = p
	return nil
}

// Profile is the one in use.
func (c *Camera) Profile() quality.Profile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.profile
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
	o := &Observation{Frame: frame, Guidance: NoFace}
	followed, err := c.follow(o)
	if err != nil {
		return nil, fmt.Errorf("follow face: %w", err)
	}
	var others []face.Found
	if !followed {
		if others, err = c.search(o); err != nil {
			return nil, fmt.Errorf("look at frame: %w", err)
		}
	}
	if o.Face.Box.Empty() {
		c.tracker.lost()
		return o, nil
	}
	var moved bool
	o.Face, o.Track, moved = c.tracker.follow(o.Face, frame.Taken, c.profile.Movement)
	part := frame.Part(around(o.Face))
	if c.sight.Marks != nil && !followed {
		if o.Marks, err = c.marks(part, o.Face.Box); err != nil {
			return nil, fmt.Errorf("look at frame: %w", err)
		}
	}
	o.Report = quality.Measure(quality.Scene{Image: part, Bounds: frame.Bounds(), Face: o.Face, Marks: o.Marks, Others: others})
	if c.sight.Estimated {
		o.Report = o.Report.Without(quality.Yaw, quality.Pitch, quality.Roll)
	}
	o.Quality = o.Report.Unified()
	o.Wishes = len(c.profile.Wishes(o.Report))
	o.Guidance = guide(c.profile, o.Report, moved)
	if len(others) > 0 && face.Crowded(o.Face.Box, others[0].Box) {
		o.Guidance = ManyFaces
	}
	return o, nil
}

// search finds the faces of the frame on a small copy and, where that shows
// none, once more on the middle of the frame, twice as fine: somebody who still
// stands far away. others are all but the largest.
func (c *Camera) search(o *Observation) (others []face.Found, err error) {
	o.Searched, c.since = true, 0
	fine, err := o.Frame.RGBA(2 * c.sight.Width)
	if err != nil {
		return nil, err
	}
	w, h := fine.Rect.Dx(), fine.Rect.Dy()
	small := halved(fine)
	found, err := c.sight.Detector.Detect(small)
	if err != nil {
		return nil, err
	}
	scale := float64(o.Frame.Width) / float64(small.Rect.Dx())
	at := image.Point{}
	if len(found) == 0 {
		at = image.Pt(w/4, h/4)
		if found, err = c.sight.Detector.Detect(cropped(fine, image.Rect(at.X, at.Y, at.X+w/2, at.Y+h/2))); err != nil {
			return nil, err
		}
		scale = float64(o.Frame.Width) / float64(w)
	}
	for i := range found {
		found[i] = scaled(found[i], at, scale)
	}
	if len(found) == 0 || quality.EyeDistance(found[0].Points) < noEyes {
		return nil, nil
	}
	o.Face = found[0]
	return found[1:], nil
}

// halved is img at half its size, each pixel the mean of four.
func halved(img *image.RGBA) *image.RGBA {
	w, h := img.Rect.Dx()/2, img.Rect.Dy()/2
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		a, b := img.Pix[2*y*img.Stride:], img.Pix[(2*y+1)*img.Stride:]
		for i := range 4 * w {
			j := 8*(i/4) + i%4
			out.Pix[y*out.Stride+i] = uint8((int(a[j]) + int(a[j+4]) + int(b[j]) + int(b[j+4]) + 2) / 4)
		}
	}
	return out
}

// cropped is the part r of img as an image of its own, from (0,0).
func cropped(img *image.RGBA, r image.Rectangle) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: r.Size()})
	draw.Draw(out, out.Rect, img, r.Min, draw.Src)
	return out
}

// marks are found on the part, whose corner is not (0,0).
func (c *Camera) marks(part *image.RGBA, box image.Rectangle) ([]face.Point, error) {
	at := part.Rect.Min
	moved := *part
	moved.Rect = part.Rect.Sub(at)
	if moved.Rect.Empty() {
		return nil, nil
	}
	marks, err := c.sight.Marks.Landmarks(&moved, box.Sub(at))
	if eid.CodeOf(err) == eid.CodeNoFace {
		return nil, nil
	}
	for i := range marks {
		marks[i].X += float64(at.X)
		marks[i].Y += float64(at.Y)
	}
	return marks, err
}

// around is the part of the picture that a portrait of f would show.
func around(f face.Found) image.Rectangle {
	eyes := quality.EyeDistance(f.Points)
	x := (f.Points[face.RightEye].X + f.Points[face.LeftEye].X) / 2
	y := (f.Points[face.RightEye].Y + f.Points[face.LeftEye].Y) / 2
	more := surroundings
	return image.Rect(
		int(x-eyes*(quality.TokenSide+more)), int(y-eyes*(quality.TokenAbove+more)),
		int(x+eyes*(quality.TokenSide+more)), int(y+eyes*(quality.TokenBelow+more)))
}

// scaled takes f from a copy, whose corner is at at, to the frame.
func scaled(f face.Found, at image.Point, by float64) face.Found {
	r := f.Box.Add(at)
	f.Box = image.Rect(int(by*float64(r.Min.X)), int(by*float64(r.Min.Y)), int(by*float64(r.Max.X)), int(by*float64(r.Max.Y)))
	for i, p := range f.Points {
		f.Points[i] = face.Point{X: by * (p.X + float64(at.X)), Y: by * (p.Y + float64(at.Y))}
	}
	return f
}
