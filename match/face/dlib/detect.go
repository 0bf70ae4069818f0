package dlib

// #cgo CXXFLAGS: -std=c++17 -Wall -O3 -DNDEBUG
// #cgo amd64 CXXFLAGS: -march=x86-64-v3
// #cgo LDFLAGS: -ldlib
// #include <stdlib.h>
// #include "detect.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"unsafe"
)

const (
	// SmallestFace is the side in pixels under which the HOG detector sees nothing.
	SmallestFace = 80
	maxFaces     = 16
	maxSide      = 4096
)

// Detection is one face found, without its template.
type Detection struct {
	Box   image.Rectangle // clipped to the image
	Score float64         // HOG confidence; more is surer, 0 is the detector's own limit
}

// Detector finds frontal faces on gray images (dlib's HOG detector). go-face
// offers detection only together with the ten times slower description, which
// a live preview does not need. Safe for concurrent use.
type Detector struct {
	mu  sync.Mutex // dlib's detector keeps its pyramid inside
	ptr unsafe.Pointer
}

// NewDetector makes a detector; its weights are part of dlib. Close it.
func NewDetector() (*Detector, error) {
	var message *C.char
	p := C.enrold_detector_new(&message)
	if p == nil {
		return nil, fmt.Errorf("make face detector: %w", take(message))
	}
	return &Detector{ptr: p}, nil
}

// Close frees the detector; Detect fails afterwards.
func (d *Detector) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	C.enrold_detector_free(d.ptr)
	d.ptr = nil
}

// Detect returns the faces of a gray image of width*height bytes, row major,
// the largest first. 640x360 takes about 25 ms.
func (d *Detector) Detect(pixels []byte, width, height int) ([]Detection, error) {
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide || len(pixels) != width*height {
		return nil, fmt.Errorf("detect faces: %d bytes are no image of %dx%d", len(pixels), width, height)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ptr == nil {
		return nil, errors.New("detect faces: detector is closed")
	}
	var found [maxFaces]C.enrold_face
	var message *C.char
	n := C.enrold_detect(d.ptr, (*C.uint8_t)(&pixels[0]), C.long(width), C.long(height), 0, &found[0], maxFaces, &message)
	if n < 0 {
		return nil, fmt.Errorf("detect faces: %w", take(message))
	}
	out := make([]Detection, 0, int(n))
	for _, f := range found[:n] {
		box := image.Rect(int(f.left), int(f.top), int(f.right)+1, int(f.bottom)+1).Intersect(image.Rect(0, 0, width, height))
		if !box.Empty() {
			out = append(out, Detection{Box: box, Score: float64(f.score)})
		}
	}
	slices.SortStableFunc(out, func(a, b Detection) int { return cmp.Compare(b.Box.Dx(), a.Box.Dx()) })
	return out, nil
}

// oneBLASThread keeps OpenBLAS from splitting dlib's small products over threads
// that spin between them: a quarter of the time of a description, on two cores.
func oneBLASThread() { C.enrold_one_blas_thread() }

func take(message *C.char) error {
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}
