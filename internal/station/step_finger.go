package station

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// finger is one position that the rule set asks for.
type finger struct {
	position eid.FingerPosition
	wanted   int
	samples  []eid.FingerSample
	decision *eid.FingerDecision
	png      eid.Blob // last impression, for the screen
	quality  int
	taken    int // impressions of an ended visit, whose samples are gone

	exception *eid.Exception // why it is not taken
}

func (f *finger) done() bool { return f.exception != nil || f.decision != nil && f.decision.Pass }

func (f *finger) view() FingerView {
	v := FingerView{
		Position: f.position, Impressions: len(f.samples) + f.taken, Wanted: f.wanted,
		ImagePNG: f.png, Quality: f.quality, Decision: f.decision,
	}
	if f.exception != nil {
		v.Exception = f.exception.Reason
	}
	return v
}

func (v *visit) finger(p eid.FingerPosition) *finger {
	for _, f := range v.fingers {
		if f.position == p {
			return f
		}
	}
	return nil
}

// fingersDone moves on when every position is compared.
func (v *visit) fingersDone() {
	for _, f := range v.fingers {
		if !f.done() {
			return
		}
	}
	v.step = StepConsent
}

const keyFingers = "finger" // timing of all positions

// impressionRecord is one impression kept; Decision comes with the last of its
// position and has passed.
type impressionRecord struct {
	Sample   eid.FingerSample    `cbor:"sample"`
	Decision *eid.FingerDecision `cbor:"decision"`
	Spent    time.Duration       `cbor:"spent"`
}

func (*impressionRecord) name() recordName { return recordImpression }

func (r *impressionRecord) apply(v *visit) {
	v.spent[keyFingers] += r.Spent
	f := v.finger(r.Sample.Position)
	if f == nil {
		return // the journal is from other rules; Resume refuses it
	}
	f.samples = append(f.samples, r.Sample)
	f.png, f.quality = grayPNG(r.Sample), r.Sample.Quality
	f.decision = r.Decision
	v.failure = ""
	if f.done() {
		v.attempts[keyFinger(f.position)]++
		v.decisions = append(v.decisions, f.decision.Decision(eid.DecisionFinger, v.attempts[keyFinger(f.position)]))
		v.fingersDone()
	}
}

// fingerFailedRecord: the impressions of a position do not belong together, or
// belong to a finger already given for another position. They are not kept.
type fingerFailedRecord struct {
	Position eid.FingerPosition  `cbor:"position"`
	Code     eid.Code            `cbor:"code"`
	Decision *eid.FingerDecision `cbor:"decision"`
	Twice    *eid.FingerDecision `cbor:"twice"` // the comparison with the other position
	Spent    time.Duration       `cbor:"spent"`
}

func (*fingerFailedRecord) name() recordName { return recordFingerFailed }

func (r *fingerFailedRecord) apply(v *visit) {
	key := keyFinger(r.Position)
	v.attempts[key]++
	v.failed[key]++
	v.spent[keyFingers] += r.Spent
	v.failure = r.Code
	if r.Decision != nil {
		v.decisions = append(v.decisions, r.Decision.Decision(eid.DecisionFinger, v.attempts[key]))
	}
	if r.Twice != nil {
		v.decisions = append(v.decisions, r.Twice.Decision(eid.DecisionFingerUnique, v.attempts[key]))
	}
	if f := v.finger(r.Position); f != nil {
		f.samples = nil
		f.decision = r.Decision
	}
	if v.failed[key] >= v.rules.Finger.Attempts {
		v.close(StepRefused, r.Code)
	}
}

// CaptureFinger takes one impression of a position. With the last one that the
// rule set wants, the impressions are compared with each other and with the
// positions already accepted. After as many failures of one position as the
// rule set allows the visit is refused.
func (d *Desk) CaptureFinger(ctx context.Context, position eid.FingerPosition) error {
	const op = "capture finger"
	c := call{name: op, busy: "finger", attempt: keyFinger(position), at: []Step{StepFinger}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		f := v.finger(position)
		if f == nil || f.done() {
			return eid.Fail(eid.CodeState, op, errors.New("this position is not asked for now"))
		}
		start := d.now()
		sample, err := d.ports.Scanner.CaptureFinger(ctx, position, func(code string) {
			d.events.passing(Event{Kind: "prompt", Step: "finger", Text: code, Position: position, Nth: len(f.samples) + 1})
		})
		if err != nil {
			return err
		}
		sample.Position = position
		r := &impressionRecord{Sample: sample}
		failed := &fingerFailedRecord{Position: position}
		if len(f.samples)+1 == f.wanted {
			compared, err := d.compareFinger(ctx, v, append(f.samples[:len(f.samples):len(f.samples)], sample))
			if err != nil {
				return err
			}
			r.Decision = compared.lowest
			failed.Code, failed.Decision, failed.Twice = compared.code, compared.lowest, compared.twice
		}
		spent := d.since(start, sample.Waited)
		if failed.Code == "" {
			r.Spent = spent
			return d.accept(ctx, v, r)
		}
		failed.Spent = spent
		d.show(func() { f.png, f.quality = grayPNG(sample), sample.Quality })
		return d.countFailure(ctx, v, failed, failed.Code, op)
	})
}

// compared is what the impressions of one position gave.
type compared struct {
	code   eid.Code            // what is wrong, "" for nothing
	lowest *eid.FingerDecision // of the comparisons with the first impression; nil where the finger was given twice
	twice  *eid.FingerDecision // the comparison that found the finger at another position
}

// compareFinger decides over the complete impressions of one position.
func (d *Desk) compareFinger(ctx context.Context, v *visit, samples []eid.FingerSample) (compared, error) {
	var lowest *eid.FingerDecision
	for _, s := range samples[1:] {
		decision, err := d.ports.Finger.CompareFinger(ctx, samples[0], s)
		if err != nil {
			return compared{}, err
		}
		decision.Position = s.Position
		if lowest == nil || decision.Score < lowest.Score {
			lowest = &decision
		}
		if !decision.Pass {
			return compared{code: eid.CodeFingerMismatch, lowest: &decision}, nil
		}
	}
	for _, other := range v.fingers {
		if !other.done() || len(other.samples) == 0 {
			continue
		}
		for _, s := range samples {
			same, err := d.ports.Finger.CompareFinger(ctx, other.samples[0], s)
			if err != nil {
				return compared{}, err
			}
			if same.Pass {
				same.Position = s.Position
				return compared{code: eid.CodeFingerTwice, twice: &same}, nil
			}
		}
	}
	return compared{lowest: lowest}, nil
}

// grayPNG encodes an impression for the screen; nil when its size is a lie.
func grayPNG(s eid.FingerSample) eid.Blob {
	if s.Width <= 0 || s.Height <= 0 || s.Width > 1<<12 || s.Height > 1<<12 || len(s.Pixels) != s.Width*s.Height {
		return nil
	}
	img := &image.Gray{Pix: s.Pixels, Stride: s.Width, Rect: image.Rect(0, 0, s.Width, s.Height)}
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if enc.Encode(&out, img) != nil {
		return nil
	}
	return out.Bytes()
}
