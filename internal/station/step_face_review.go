package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/enrold/enrold/internal/eid"
)

// faceReviewRecord is a comparison that neither passed nor failed. The frames
// are kept: the officer looks at them, and a request that he accepts carries
// them.
type faceReviewRecord struct {
	Portraits []eid.FaceSample `cbor:"portraits"`
	Decision  eid.FaceDecision `cbor:"decision"`
	Spent     time.Duration    `cbor:"spent"`
}

func (*faceReviewRecord) name() recordName { return recordFaceReview }

func (r *faceReviewRecord) apply(v *visit) {
	v.compared(r.Decision, r.Spent)
	v.failed[keyFace]++
	v.portraits, v.shown = r.Portraits, nil
	v.failure = ""
}

// faceAttestedRecord is the officer's word that it is the person of the portrait.
type faceAttestedRecord struct {
	Attestation eid.Attestation `cbor:"attestation"`
}

func (*faceAttestedRecord) name() recordName { return recordFaceAttested }

func (r *faceAttestedRecord) apply(v *visit) {
	v.attestation = &r.Attestation
	v.warnings = append(v.warnings, eid.CodeFaceReviewed)
	v.failure = ""
	v.step = StepFinger
	v.fingersDone()
}

// undecided reports a comparison that waits for the officer.
func (v *visit) undecided() bool {
	return v.step == StepFace && v.face != nil && v.face.Outcome == eid.FaceReview && len(v.portraits) > 0
}

const (
	shortestNote = 10  // of the officer's own words, characters
	longestNote  = 500 // characters
)

// AcceptFace goes on with a face that the comparison left to the officer, for
// one of eid.ReviewReasons; "other" needs a note in words. His signature of the
// request covers both. Only the last comparison can be accepted, and only while
// the machine was in doubt: a mismatch is nobody's to accept.
func (d *Desk) AcceptFace(ctx context.Context, reason string, note eid.Private) error {
	const op = "accept face"
	c := call{name: op, at: []Step{StepFace}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		if !v.undecided() {
			return eid.Fail(eid.CodeState, op, errors.New("no comparison waits for the officer"))
		}
		if !slices.Contains(eid.ReviewReasons(), reason) {
			return eid.Fail(eid.CodeInput, op, errors.New("no such reason"))
		}
		note = eid.Private(strings.TrimSpace(note.Reveal()))
		n := utf8.RuneCountInString(note.Reveal())
		if !utf8.ValidString(note.Reveal()) || n > longestNote || reason == eid.ReviewOther && n < shortestNote {
			return eid.Fail(eid.CodeInput, op, fmt.Errorf("a note of %d characters: want at most %d, and for %q at least %d", n, longestNote, eid.ReviewOther, shortestNote))
		}
		return d.accept(ctx, v, &faceAttestedRecord{Attestation: eid.Attestation{
			Kind: eid.AttestFace, Reason: reason, Note: note, Officer: v.officer, At: d.now().Round(time.Millisecond).UTC(),
		}})
	})
}
