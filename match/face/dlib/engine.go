// Package dlib is the face engine over dlib: its HOG detector through a small
// shim, and github.com/Kagami/go-face for the 128 number descriptor.
//
// go-face takes JPEG bytes only, refuses gray ones and treats every libjpeg
// warning as an error, so this package always hands it a clean RGB JPEG that it
// encoded itself; bytes from outside never reach the C code. dlib may abort the
// process all the same: run it in a worker or in a process of its own.
package dlib

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"sync"

	recognizer "github.com/Kagami/go-face"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Threshold is dlib's customary Euclidean limit. Measured on the photographs of
// Debian's libdlib19.1 genuine pairs lie at 0.32 to 0.57 and impostors from
// 0.66; but on East Asian faces 96 of 100 impostor pairs lie under 0.6. This
// engine must therefore not decide alone at a Vietnamese desk: another model
// takes its place behind [face.Engine], and the centre decides.
const Threshold = 0.6

const (
	detectSide = 640 // longer side of the copy that is searched
	chipFace   = 160 // width of the face in the image given to go-face: its network sees 150 pixels
	chipMargin = 0.5 // of the face's width on each side; the detector needs some surrounding
	chipJPEG   = 95
)

// Engine describes faces. Safe for concurrent use; dlib works on one image at a time.
type Engine struct {
	detector *Detector
	rec      *recognizer.Recognizer
}

var _ face.Engine = (*Engine)(nil)

// Open checks and loads the models in dir (0.3 to 1 s). Missing or damaged
// models are eid.CodeModels. Close the engine.
func Open(dir string) (*Engine, error) {
	oneBLASThread()
	// The detector's weights unpack for 200 ms, beside the rest.
	var detector *Detector
	var detectorErr error
	var making sync.WaitGroup
	making.Go(func() { detector, detectorErr = NewDetector() })
	rec, err := openRecognizer(dir)
	making.Wait()
	if err == nil && detectorErr == nil {
		return &Engine{detector: detector, rec: rec}, nil
	}
	if detector != nil {
		detector.Close()
	}
	if rec != nil {
		rec.Close()
	}
	if err == nil {
		err = eid.Fail(eid.CodeModels, "load models", detectorErr)
	}
	return nil, err
}

func openRecognizer(dir string) (*recognizer.Recognizer, error) {
	if err := CheckModels(dir); err != nil {
		return nil, err
	}
	rec, err := recognizer.NewRecognizer(dir)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load models", err)
	}
	return rec, nil
}

// Close frees the models. No call may be under way.
func (e *Engine) Close() {
	e.detector.Close()
	e.rec.Close()
}

// Model implements [face.Engine].
func (e *Engine) Model() face.Model {
	return face.Model{
		Engine: "dlib", ID: "dlib-resnet-v1-55533b28", Metric: face.Euclidean,
		Threshold: Threshold, Dimension: len(recognizer.Descriptor{}),
	}
}

// Detector returns the engine's detector, for callers that need no template.
func (e *Engine) Detector() *Detector { return e.detector }

// Describe implements [face.Engine]. Faces under 80 pixels, counted on a copy
// at most 640 pixels long, are not seen. A frame with one face takes about 50 ms.
func (e *Engine) Describe(img image.Image) ([]face.Face, error) {
	if err := face.CheckSize(img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, eid.Fail(eid.CodeInput, "describe face", err)
	}
	rgba := face.RGBA(img)
	found, err := e.find(rgba)
	if err != nil {
		return nil, err
	}
	faces := make([]face.Face, 0, len(found))
	for _, box := range found {
		values, err := e.describeChip(rgba, box)
		if err != nil {
			return nil, err
		}
		if values != nil {
			faces = append(faces, face.Face{Box: box, Template: face.Template{Model: e.Model().ID, Values: values}})
		}
	}
	return faces, nil
}

// find returns the boxes of the faces in img, the largest first.
func (e *Engine) find(img *image.RGBA) ([]image.Rectangle, error) {
	scale := math.Min(1, detectSide/float64(max(img.Rect.Dx(), img.Rect.Dy())))
	small := resample(img, img.Rect, scale)
	found, err := e.detector.Detect(luma(small), small.Rect.Dx(), small.Rect.Dy())
	if err != nil {
		return nil, err
	}
	boxes := make([]image.Rectangle, 0, len(found))
	for _, d := range found {
		boxes = append(boxes, scaleRect(d.Box, 1/scale).Intersect(img.Rect))
	}
	return boxes, nil
}

// describeChip crops the face with a margin and has go-face describe it. nil
// means that go-face, which detects once more, did not find the face again.
func (e *Engine) describeChip(img *image.RGBA, box image.Rectangle) ([]float32, error) {
	crop := box.Inset(-int(chipMargin * float64(box.Dx()))).Intersect(img.Rect)
	scale := math.Min(1, chipFace/float64(box.Dx()))
	chip := resample(img, crop, scale)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, chip, &jpeg.Options{Quality: chipJPEG}); err != nil {
		return nil, fmt.Errorf("encode face: %w", err)
	}
	faces, err := e.rec.Recognize(buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("describe face: %w", err)
	}
	// A neighbour may look over the crop's edge: take the face that covers the box.
	want := scaleRect(box.Sub(crop.Min), scale)
	best, area := -1, 0
	for i, f := range faces {
		in := f.Rectangle.Intersect(want).Size()
		if a := in.X * in.Y; a > area {
			best, area = i, a
		}
	}
	if best < 0 {
		return nil, nil
	}
	return append([]float32(nil), faces[best].Descriptor[:]...), nil
}

func scaleRect(r image.Rectangle, by float64) image.Rectangle {
	s := func(v int) int { return int(math.Round(float64(v) * by)) }
	return image.Rect(s(r.Min.X), s(r.Min.Y), s(r.Max.X), s(r.Max.Y))
}
