package finger

import "math"

// Ridge periods at 500 dpi that are looked for, pixels.
const (
	minPeriod     = 4.5
	maxPeriod     = 16.0
	defaultPeriod = 9.0

	firstLag, lastLag = 4, 17 // whole pixels around them
)

// The signature of a place is the grey profile across its ridges, averaged
// along them (Hong, Wan, Jain 1998 §2.5).
const (
	profileLength = 48
	profileHalf   = 8 // pixels along the ridge on each side
)

// measurePeriods fills b.period on finger blocks: every second block is
// measured, the rest and the unclear ones take their neighbours' mean.
func (b *blocks) measurePeriods(g *grey) {
	n := b.w * b.h
	value, weight := make([]float64, n), make([]float64, n)
	for y := 0; y < b.h; y += 2 {
		for x := 0; x < b.w; x += 2 {
			i := y*b.w + x
			if !b.finger[i] || b.coherence[i] < 0.4 {
				continue
			}
			if p, clear := periodAt(g, x*blockSide+blockSide/2, y*blockSide+blockSide/2, b.angle[i]); clear {
				value[i], weight[i] = p, 1
			}
		}
	}
	var sum, count float64
	for i := range value {
		sum, count = sum+value[i], count+weight[i]
	}
	mean := defaultPeriod
	if count > 0 {
		mean = sum / count
	}
	for range 3 {
		value, weight = b.smooth(value), b.smooth(weight)
	}
	b.period = make([]float64, n)
	for i := range b.period {
		const doubt = 0.02 // weight of the image's mean where little was measured
		b.period[i] = (value[i] + doubt*mean) / (weight[i] + doubt)
	}
}

// periodAt measures the distance between ridges around a pixel: the first peak
// of the autocorrelation of its profile. clear is false where there is none.
func periodAt(g *grey, x, y int, angle float64) (period float64, clear bool) {
	sin64, cos64 := math.Sincos(angle)
	sin, cos := float32(sin64), float32(cos64)
	var profile [profileLength]float32
	var mean float32
	for k := range profile {
		across := float32(k) - profileLength/2
		// Along the ridge is (cos, -sin) in pixels, across it (sin, cos).
		cx, cy := float32(x)+across*sin, float32(y)+across*cos
		var sum float32
		for d := -profileHalf; d <= profileHalf; d += 2 {
			px, py := int(cx+float32(d)*cos+0.5), int(cy-float32(d)*sin+0.5)
			px, py = max(0, min(px, g.w-1)), max(0, min(py, g.h-1))
			sum += g.pix[py*g.w+px]
		}
		profile[k] = sum
		mean += sum / profileLength
	}
	var power float64
	for k := range profile {
		profile[k] -= mean
		power += float64(profile[k]) * float64(profile[k])
	}
	if power == 0 {
		return 0, false
	}
	var r [lastLag + 2]float64
	for lag := range r {
		for k := 0; k+lag < profileLength; k++ {
			r[lag] += float64(profile[k]) * float64(profile[k+lag])
		}
		r[lag] *= profileLength / float64(profileLength-lag) / power
	}
	for lag := firstLag; lag < len(r)-1; lag++ {
		if r[lag] >= 0.25 && r[lag] >= r[lag-1] && r[lag] > r[lag+1] {
			curve := r[lag-1] - 2*r[lag] + r[lag+1]
			p := float64(lag) + 0.5*(r[lag-1]-r[lag+1])/curve
			return p, p >= minPeriod && p <= maxPeriod
		}
	}
	return 0, false
}
