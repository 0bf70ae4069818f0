package eid

import (
	"math"
	"testing"
)

func TestScoreBuckets(t *testing.T) {
	for name, c := range map[string]struct {
		got  Decision
		want ScoreBucket
	}{
		"distance, close":       {FaceDecision{Metric: "euclidean", Score: 0.2, Threshold: 0.6, Pass: true}.Decision(1), BucketFarAbove},
		"distance, at the edge": {FaceDecision{Metric: "euclidean", Score: 0.6, Threshold: 0.6, Pass: true}.Decision(1), BucketAbove},
		"distance, just over":   {FaceDecision{Metric: "euclidean", Score: 0.61, Threshold: 0.6}.Decision(1), BucketBelow},
		"distance, far":         {FaceDecision{Metric: "euclidean", Score: 0.9, Threshold: 0.6}.Decision(1), BucketFarBelow},
		"cosine, alike":         {FaceDecision{Metric: "cosine", Score: 0.7, Threshold: 0.5, Pass: true}.Decision(1), BucketFarAbove},
		"cosine, unlike":        {FaceDecision{Metric: "cosine", Score: -0.2, Threshold: 0.5}.Decision(1), BucketFarBelow},
		"negative threshold":    {FaceDecision{Metric: "cosine", Score: -0.1, Threshold: -0.4, Pass: true}.Decision(1), BucketFarAbove},
		"not a number":          {FaceDecision{Metric: "cosine", Score: math.NaN(), Threshold: 0.5}.Decision(1), BucketBelow},
		"finger, alike":         {FingerDecision{Engine: "e/2", Score: 90, Threshold: 60, Pass: true}.Decision(DecisionFinger, 1), BucketFarAbove},
		"finger, nearly":        {FingerDecision{Engine: "e/2", Score: 59, Threshold: 60}.Decision(DecisionFinger, 1), BucketBelow},
	} {
		if c.got.Bucket != c.want {
			t.Errorf("%s: %s, want %s", name, c.got.Bucket, c.want)
		}
	}
	d := FingerDecision{Position: 2, Engine: "enrold-minutiae/2", Threshold: 60}.Decision(DecisionFinger, 3)
	if d.Engine != "enrold-minutiae" || d.Model != "2" || d.Attempt != 3 || d.Position != 2 || d.Metric != MetricSimilarity {
		t.Errorf("decision %+v", d)
	}
}
