package vision

import (
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Methods of the worker.
const (
	methodCapture = "capture"
	methodCompare = "compare"
	methodPreview = "preview"
	methodInfo    = "info"
)

type captureCall struct {
	Count int `cbor:"count"`
}

type captureProgress struct {
	Guidance string `cbor:"guidance"`
}

type compareCall struct {
	Portrait eid.Blob    `cbor:"portrait"`
	Live     []liveFrame `cbor:"live"`
}

type liveFrame struct {
	Image   eid.Blob `cbor:"image"`   // JPEG or JPEG 2000
	Quality int      `cbor:"quality"` // 0..100
}

// Frame is one picture of the preview.
type Frame struct {
	JPEG     eid.Blob  `cbor:"jpeg" json:"jpeg"`
	Width    int       `cbor:"width" json:"width"` // of the JPEG, in pixels
	Height   int       `cbor:"height" json:"height"`
	Guidance string    `cbor:"guidance" json:"guidance"` // a camera.Guidance code
	Box      *Box      `cbor:"box,omitempty" json:"box,omitempty"`
	Points   [][2]int  `cbor:"points,omitempty" json:"points,omitempty"` // of the face, as face.Points, in the preview's pixels
	Quality  int       `cbor:"quality" json:"quality"`                   // 0..100, 0 without a face
	Taken    time.Time `cbor:"taken" json:"taken"`
}

// Box is the face's place in the preview's pixels.
type Box struct {
	X      int `cbor:"x" json:"x"`
	Y      int `cbor:"y" json:"y"`
	Width  int `cbor:"width" json:"width"`
	Height int `cbor:"height" json:"height"`
}

// Info is what runs in the worker.
type Info struct {
	Camera   string     `cbor:"camera" json:"camera"`
	Origin   eid.Origin `cbor:"origin" json:"origin"`
	Engine   string     `cbor:"engine" json:"engine"`
	Model    string     `cbor:"model" json:"model"`
	Metric   string     `cbor:"metric" json:"metric"`
	OpenCV   string     `cbor:"opencv" json:"opencv"`
	LoadTime int64      `cbor:"load_ms" json:"load_ms"` // the models took so long to load

	// How faces are decided: the limits in force with the false match rate that
	// Accept gave on the named set (0 and "" where the model has none that strict),
	// what is wrong with the models, and the digests of every file that takes part.
	Accept         float64      `cbor:"accept"`
	Review         float64      `cbor:"review"`
	FMR            float64      `cbor:"fmr"`
	CalibrationSet string       `cbor:"calibration_set"`
	Warning        eid.Code     `cbor:"warning"`
	Digests        []eid.Digest `cbor:"digests"`
}
