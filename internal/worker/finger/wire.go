// Package finger is the worker room of the fingerprint scanner and of the
// fingerprint matcher: what the child process serves, and the daemon's typed
// client of it.
package finger

import (
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Methods of the worker.
const (
	methodCapture = "capture"
	methodCompare = "compare"
	methodInfo    = "info"
)

type captureCall struct {
	Position eid.FingerPosition `cbor:"position"`
}

// prompt is the progress of a capture: "place", "lift".
type prompt struct {
	Code string `cbor:"code"`
}

// captured carries Waited beside the sample, whose encoding leaves it out: the
// signed request must not hold it.
type captured struct {
	Sample eid.FingerSample `cbor:"sample"`
	Waited time.Duration    `cbor:"waited"`
}

type compareCall struct {
	A eid.FingerSample `cbor:"a"`
	B eid.FingerSample `cbor:"b"`
}

// Info is the state of the configured scanner.
type Info struct {
	Port    string   `cbor:"port" json:"port"`
	Profile string   `cbor:"profile" json:"profile"`
	Device  string   `cbor:"device,omitempty" json:"device,omitempty"` // when it answered
	Baud    int      `cbor:"baud,omitempty" json:"baud,omitempty"`
	Busy    bool     `cbor:"busy,omitempty" json:"busy,omitempty"` // a capture is under way
	Failure eid.Code `cbor:"failure,omitempty" json:"failure,omitempty"`
	Reason  string   `cbor:"reason,omitempty" json:"reason,omitempty"`
}
