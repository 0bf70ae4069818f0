package vision

import (
	"image"

	"github.com/enrold/enrold/capture/camera"
	"github.com/enrold/enrold/capture/pad"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/dlib"
	"github.com/enrold/enrold/match/face/engines"
)

// openCamera makes the camera over the decider's models.
func (s *service) openCamera() error {
	sight, free, err := openSight(s.cfg.Face.Models, s.face.Engines)
	if err != nil {
		return err
	}
	s.unsight = free
	asked := pad.Asked{Count: s.cfg.Camera.Checks, Kinds: pad.Kinds(sight.Marks != nil)}
	encoding := camera.Encoding{JPEG2000: s.cfg.Camera.PortraitFormat == config.PortraitJPEG2000, MostBytes: s.cfg.Camera.PortraitBytes}
	device := camera.Device{Name: s.name, Origin: s.cfg.Camera.Origin}
	if s.camera, err = camera.New(s.source, sight, device, camera.Options{Encoding: encoding, Challenges: asked}); err != nil {
		return err
	}
	return s.camera.Use(s.cfg.Camera.Profile)
}

// openSight makes what looks at preview frames of the models that are
// installed: the small YuNet where there is one, else the engine's own detector,
// else dlib's. closeSight frees what is not e's.
func openSight(dir string, e *engines.Engines) (sight camera.Sight, closeSight func() error, err error) {
	sight = camera.Sight{Detector: e.Detector, Live: pad.Models(e.PAD)}
	if e.Marks != nil {
		sight.Marks = e.Marks
	}
	none := func() error { return nil }
	if camera.QuickInstalled(dir) {
		quick, err := camera.OpenQuick(dir)
		if err != nil {
			return camera.Sight{}, nil, err
		}
		sight.Detector = quick
		return sight, quick.Close, nil
	}
	sight.Every = followed
	if e.Dlib != nil {
		sight.Detector, sight.Width, sight.Estimated = hog{e.Dlib.Detector()}, hogWidth, true
	}
	return sight, none, nil
}

// followed: the registry's detector takes five looks for its points, so that
// only every fourth frame is searched where YuNet is missing. A capture takes
// searched frames only.
const followed = 4

// hogWidth is the width of the copy that dlib searches: a face must be 80 pixels
// wide on it.
const hogWidth = 640

// hog is dlib's detector, which knows no points: they are put where they lie in
// its boxes on average.
type hog struct{ *dlib.Detector }

// hogPoints in shares of the box, of 55 frontal photographs.
var hogPoints = face.Points{{X: 0.29, Y: 0.32}, {X: 0.71, Y: 0.32}, {X: 0.5, Y: 0.57}, {X: 0.33, Y: 0.8}, {X: 0.67, Y: 0.8}}

// Detect implements camera.Detector.
func (h hog) Detect(img *image.RGBA) ([]face.Found, error) {
	w, ht := img.Rect.Dx(), img.Rect.Dy()
	gray := make([]byte, w*ht)
	for y := range ht {
		for x := range w {
			p := img.Pix[y*img.Stride+4*x:][:3:3]
			gray[y*w+x] = uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
		}
	}
	boxes, err := h.Detector.Detect(gray, w, ht)
	if err != nil {
		return nil, err
	}
	found := make([]face.Found, len(boxes))
	for i, b := range boxes {
		found[i] = face.Found{Box: b.Box, Score: b.Score}
		for k, p := range hogPoints {
			found[i].Points[k] = face.Point{
				X: float64(b.Box.Min.X) + p.X*float64(b.Box.Dx()),
				Y: float64(b.Box.Min.Y) + p.Y*float64(b.Box.Dy()),
			}
		}
	}
	return found, nil
}
