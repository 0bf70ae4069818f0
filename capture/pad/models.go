// Package pad gathers signals of presentation attack detection (ISO/IEC
// 30107-1): what liveness models say, and whether the person does what it is
// asked to. They inform the officer, who attests that a person was there; they
// decide nothing alone, and nothing here was tested to ISO/IEC 30107-3.
package pad

import (
	"errors"
	"fmt"
	"image"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// Limits of the mean of the models' probabilities. MiniFASNet's authors accept
// from 0.5 on; it refuses 5 to 10 % of ordinary photographs' faces, so what lies
// around the middle is only unsure.
const (
	liveFrom    = 0.6
	unsureFrom  = 0.3
	leastPixels = 24 // of a face's box a side
)

var errModel = errors.New("probability out of range")

// Models are liveness models whose probabilities are averaged.
type Models []face.LivenessModel

// IDs of the models.
func (m Models) IDs() []string {
	ids := make([]string, len(m))
	for i, x := range m {
		ids[i] = x.Manifest().ID
	}
	return ids
}

// Signal of the face in box; img begins at (0,0) and shows at least four times
// the box around it where the picture reaches that far.
func (m Models) Signal(img *image.RGBA, box image.Rectangle) (eid.LiveSignal, error) {
	if len(m) == 0 || box.Dx() < leastPixels || box.Dy() < leastPixels {
		return eid.LiveUnknown, nil
	}
	sum := 0.0
	for _, x := range m {
		p, err := x.Live(img, box)
		if err == nil && !(p >= 0 && p <= 1) {
			err = errModel
		}
		if err != nil {
			return eid.LiveUnknown, fmt.Errorf("judge liveness: %w", err)
		}
		sum += p
	}
	switch mean := sum / float64(len(m)); {
	case mean >= liveFrom:
		return eid.LiveLikely, nil
	case mean >= unsureFrom:
		return eid.LiveUnsure, nil
	}
	return eid.LiveUnlikely, nil
}

// Worst is the least likely of several frames' signals; one that was not
// measured says nothing.
func Worst(signals ...eid.LiveSignal) eid.LiveSignal {
	rank := map[eid.LiveSignal]int{eid.LiveUnknown: 0, eid.LiveLikely: 1, eid.LiveUnsure: 2, eid.LiveUnlikely: 3}
	worst := eid.LiveUnknown
	for _, s := range signals {
		if rank[s] > rank[worst] {
			worst = s
		}
	}
	return worst
}
