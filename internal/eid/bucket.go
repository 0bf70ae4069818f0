package eid

import (
	"math"
	"strings"
)

// MetricSimilarity is the metric of finger scores: at or over the threshold passes.
const MetricSimilarity = "similarity"

// bucketWidth is the share of the threshold beyond which a score counts as far.
const bucketWidth = 0.25

// bucket places a score by its distance from the threshold in the direction of
// likeness; whether it passed is the engine's word.
func bucket(score, threshold float64, lessIsAlike, pass bool) ScoreBucket {
	margin := (score - threshold) / math.Abs(threshold)
	if lessIsAlike {
		margin = -margin
	}
	far := math.Abs(margin) > bucketWidth // false where it is not a number
	switch {
	case pass && far:
		return BucketFarAbove
	case pass:
		return BucketAbove
	case far:
		return BucketFarBelow
	}
	return BucketBelow
}

// Decision is the comparison as a request carries it, as the nth attempt.
func (d FaceDecision) Decision(attempt int) Decision {
	out := Decision{
		Kind: DecisionFace, Attempt: attempt, Engine: d.Engine, Model: d.Model, Metric: d.Metric, Threshold: d.Threshold,
		Bucket: bucket(d.Score, d.Threshold, d.Metric == "euclidean", d.Pass), Pass: d.Pass,
		Outcome: d.Outcome, Reason: d.Reason, Review: d.Review, FMR: d.FMR, CalibrationSet: d.CalibrationSet, Frames: d.Frames,
	}
	if d.Outcome == FaceReview {
		out.Bucket = BucketBetween
	}
	return out
}

// Decision is the comparison as a request carries it, as the nth attempt. An
// engine's name is "program/model".
func (d FingerDecision) Decision(kind DecisionKind, attempt int) Decision {
	engine, model, _ := strings.Cut(d.Engine, "/")
	return Decision{
		Kind: kind, Position: d.Position, Attempt: attempt, Engine: engine, Model: model, Metric: MetricSimilarity,
		Threshold: d.Threshold, Bucket: bucket(d.Score, d.Threshold, false, d.Pass), Pass: d.Pass,
	}
}
