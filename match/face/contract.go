package face

import (
	"image"
)

// Point is a place in an image, in pixels; the middle of the upper left pixel is (0.5, 0.5).
type Point struct{ X, Y float64 }

// Points are the five points that alignment needs, the person's right side
// first: right eye, left eye, tip of the nose, right and left corner of the mouth.
type Points [5]Point

// Places in Points.
const (
	RightEye = iota
	LeftEye
	Nose
	RightMouth
	LeftMouth
)

// Found is one face of an image, without a template.
type Found struct {
	Box    image.Rectangle // in the image's pixels; may reach over its edge
	Score  float64         // the detector's confidence, 0..1
	Points Points
}

// Detector finds faces. It is safe for concurrent use.
type Detector interface {
	Manifest() Manifest
	// Detect returns the faces of img, whose upper left corner is (0,0), the
	// largest first; none is not an error.
	Detect(img *image.RGBA) ([]Found, error)
}

// Describer makes the template of a face whose points are known. It is safe for
// concurrent use.
type Describer interface {
	Manifest() Manifest
	Describe(img *image.RGBA, at Points) (Template, error)
}

// FrameDescriber is a [Describer] that spends less on one of several frames of a
// person that are averaged, whose errors the mean takes away, than on a single
// still, which is described once and compared with many. Its templates compare
// with those of Describe: they are of the same model.
type FrameDescriber interface {
	DescribeFrame(img *image.RGBA, at Points) (Template, error)
}

// Landmarker finds the 68 points of the face in box, in the order of the
// Multi-PIE mark-up (jaw 0..16, brows ..26, nose ..35, eyes ..47, mouth ..67).
type Landmarker interface {
	Manifest() Manifest
	Landmarks(img *image.RGBA, box image.Rectangle) ([]Point, error)
}

// LivenessModel tells a face before the camera from a picture of one: one signal
// of presentation attack detection (ISO/IEC 30107-1), never enough alone.
type LivenessModel interface {
	Manifest() Manifest
	// Live is the model's probability of a bona fide presentation, 0..1.
	Live(img *image.RGBA, box image.Rectangle) (float64, error)
}

// Kind is what a model does.
type Kind string

const (
	KindRuntime    Kind = "runtime" // the library that runs ONNX models
	KindDetector   Kind = "detector"
	KindLandmarks  Kind = "landmarks"
	KindRecogniser Kind = "recogniser"
	KindPAD        Kind = "pad"
	KindFusion     Kind = "fusion" // several recognisers as one; its scores are its own
)

// Manifest is what is known of a model: enough to fetch, check, run and judge
// it. Scores are only ever compared within one ID.
type Manifest struct {
	ID       string `toml:"id" json:"id"` // model and first bytes of its SHA-256
	Kind     Kind   `toml:"kind" json:"kind"`
	Engine   string `toml:"engine" json:"engine"` // what runs it: onnx, dlib, fusion, external
	Name     string `toml:"name" json:"name"`
	Platform string `toml:"platform" json:"platform,omitempty"` // of a library: linux/amd64
	Set      string `toml:"set" json:"set"`                     // recommended, registry, derived
	Files    []File `toml:"files" json:"files,omitempty"`

	Origin    string `toml:"origin" json:"origin"`
	Licence   string `toml:"licence" json:"licence"`
	PilotOnly bool   `toml:"pilot_only" json:"pilot_only"` // provenance or accuracy forbid decisions in production
	Decides   bool   `toml:"decides" json:"decides"`       // may decide at a desk without being asked for by name

	Width     int     `toml:"width" json:"width,omitempty"` // of the network's input, pixels
	Height    int     `toml:"height" json:"height,omitempty"`
	Colour    string  `toml:"colour" json:"colour,omitempty"`       // order of the planes: bgr, rgb
	Mean      float64 `toml:"mean" json:"mean"`                     // input = (pixel - Mean) / Scale
	Scale     float64 `toml:"scale" json:"scale,omitempty"`         //
	Alignment string  `toml:"alignment" json:"alignment,omitempty"` // name of a template in package face
	Views     string  `toml:"views" json:"views,omitempty"`         // what a template is the mean of: see ViewsNamed
	// FrameViews are the views of one of several frames that are averaged; "" for Views.
	FrameViews string `toml:"frame_views" json:"frame_views,omitempty"`

	Crop float64 `toml:"crop" json:"crop,omitempty"` // pad, landmarks: side of the crop in face boxes
	Live int     `toml:"live" json:"live,omitempty"` // pad: the class that means bona fide

	Dimension  int         `toml:"dimension" json:"dimension,omitempty"`
	Metric     Metric      `toml:"metric" json:"metric,omitempty"`
	Thresholds []Threshold `toml:"thresholds" json:"thresholds,omitempty"` // the strictest FMR first
	Parts      []Part      `toml:"parts" json:"parts,omitempty"`           // of a fusion
}

// File is one file of a model.
type File struct {
	Name   string `toml:"name" json:"name"` // in the folder of models
	SHA256 string `toml:"sha256" json:"sha256"`
	URL    string `toml:"url" json:"url"` // npm:package@version/path, or where it is published
}

// Threshold is a limit of the score by the false match rate that it gave on a
// named calibration set (ISO/IEC 19795-1). At Accept or more alike the faces
// match; between Review and Accept an officer decides.
type Threshold struct {
	FMR            float64 `toml:"fmr" json:"fmr"`
	Review         float64 `toml:"review" json:"review"`
	Accept         float64 `toml:"accept" json:"accept"`
	CalibrationSet string  `toml:"calibration_set" json:"calibration_set"`
}

// Part is one recogniser of a fusion: the fusion's score is the sum of the
// parts' cosine similarities by weight. Weights sum to one.
type Part struct {
	ID     string  `toml:"id" json:"id"`
	Weight float64 `toml:"weight" json:"weight"`
}

// At is the threshold for a false match rate of at most fmr; false without one.
func (m Manifest) At(fmr float64) (Threshold, bool) {
	best, ok := Threshold{}, false
	for _, t := range m.Thresholds {
		if t.FMR <= fmr && (!ok || t.FMR > best.FMR) {
			best, ok = t, true
		}
	}
	return best, ok
}

// Model is what comparing needs of a recogniser's manifest, with the accept
// limit for a false match rate of at most fmr; without one nothing passes.
func (m Manifest) Model(fmr float64) Model {
	limit := 2.0 // no cosine reaches it
	if m.Metric == Euclidean {
		limit = -1
	}
	if t, ok := m.At(fmr); ok {
		limit = t.Accept
	}
	return Model{Engine: m.Engine, ID: m.ID, Metric: m.Metric, Threshold: limit, Dimension: m.Dimension}
}
