package finger

// A score tells how rare it is among impressions of different fingers, in
// tenths of powers of ten: the false match rate (FMR, ISO/IEC 19795-1) at
// score s is 10^(-s/10). Thresholds are named by it.
//
// Fitted on the 11,520 impostor pairs of FVC2000 (four sets of real prints,
// three real sensors and one generator): the curve goes through the measured
// rates down to 1 in 1,000 and is straight beyond, where the tail is
// exponential: the mean excess over the 1 % point gives a factor of ten every
// 1.29 of the raw score (1.19 on sets 1 and 3 alone, 1.40 on 2 and 4).
const (
	ThresholdFMR1Percent    = 20.0
	ThresholdFMR1Permille   = 30.0
	ThresholdFMR1Per10000   = 40.0 // extrapolated tenfold
	ThresholdFMR1PerMillion = 60.0 // extrapolated a thousandfold
)

// Threshold is the score at or over which the desk takes two impressions for
// one finger. It is much stricter than what an officer's 1:1 check needs on real
// prints, because the fingers of the emulated desk share their ridge period and
// follow three patterns: of 15,520 pairs of them the highest scores 55.
const Threshold = ThresholdFMR1PerMillion

// curve maps raw values to scores, straight between its points and beyond.
type curve [5]struct{ raw, score float64 }

var (
	withRidges   = curve{{0, 0}, {2.04, 3}, {2.9, 10}, {6.8, 20}, {8.1, 30}}
	minutiaeOnly = curve{{0, 0}, {1.91, 3}, {2.71, 10}, {3.68, 20}, {4.49, 30}}
)

func (c *curve) at(raw float64) float64 {
	k := 1
	for k < len(c)-1 && raw > c[k].raw {
		k++
	}
	p, q := c[k-1], c[k]
	return p.score + (raw-p.raw)*(q.score-p.score)/(q.raw-p.raw)
}
