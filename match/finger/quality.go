package finger

// judge gives the quality of an impression from its area, the clarity of its
// ridges, their thickness and the number of minutiae.
func judge(b *blocks, ridgeShare float64, minutiae int) Quality {
	var clarity float64
	for i, f := range b.finger {
		if f {
			clarity += b.coherence[i]
		}
	}
	clarity /= float64(b.count)
	area := float64(b.count * blockSide * blockSide)

	q := Quality{}
	score := 100 * ramp(area, 6000, 30000) * ramp(clarity, 0.25, 0.75)
	fault := func(reason string, factor float64) {
		q.Reasons = append(q.Reasons, reason)
		score *= factor
	}
	if area < 16000 {
		fault(ReasonSmallArea, 1)
	}
	if clarity < 0.45 {
		fault(ReasonUnclear, 1)
	}
	_ = ridgeShare
	if minutiae < 10 {
		fault(ReasonFewMinutiae, float64(minutiae)/10)
	}
	q.Score = int(score + 0.5)
	return q
}

// ramp is 0 at low, 1 at high and straight between.
func ramp(v, low, high float64) float64 {
	return max(0, min((v-low)/(high-low), 1))
}
