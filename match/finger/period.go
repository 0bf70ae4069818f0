package finger

import "math"

// Ridge periods at 500 dpi that are looked for, pixels.
const (
	minPeriod     = 4.5
	maxPeriod     = 18.0
	defaultPeriod = 9.0

	firstLag, lastLag = 4, 19 // whole pixels around them
)

// The signature of a place is the profile across its ridges, averaged along
// them (Hong, Wan, Jain 1998 §2.5).
const (
	profileLength = 48
	profileHalf   = 8 // pixels along the ridge on each side
)

// measurePeriods fills f.period on finger blocks: every second block is
// measured, the rest and the unclear ones take their neighbours' mean.
func (f *field) measurePeriods(p *plane) {
	n := f.w * f.h
	value, weight := make([]float32, n), make([]float32, n)
	var sum, count float32
	for y := 0; y < f.h; y += 2 {
		for x := y / 2 % 2; x < f.w; x += 2 {
			i := y*f.w + x
			if !f.finger[i] || f.coherence(i) < 0.3 {
				continue
			}
			angle := math.Atan2(float64(f.vy[i]), float64(f.vx[i])) / 2
			if t, peak := periodAt(p, x*blockSide+blockSide/2, y*blockSide+blockSide/2, angle); peak > 0 {
				value[i], weight[i] = t*peak, peak
				sum, count = sum+t*peak, count+peak
			}
		}
	}
	mean := float32(defaultPeriod)
	if count > 0 {
		mean = sum / count
	}
	for range 5 {
		f.smooth(value)
		f.smooth(weight)
	}
	for i := range f.period {
		const doubt = 0.02 // weight of the image's mean where little was measured
		f.period[i] = (value[i] + doubt*mean) / (weight[i] + doubt)
	}
	f.widths()
}

// periodAt measures the distance between ridges around a pixel: the first peak
// of the autocorrelation of its profile, and how high it is, 0 for none.
func periodAt(g *plane, x, y int, angle float64) (period, peak float32) {
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
			px, py := int(cx+float32(d)*cos+margin+0.5)-margin, int(cy-float32(d)*sin+margin+0.5)-margin
			px, py = max(0, min(px, g.w-1)), max(0, min(py, g.h-1))
			sum += g.v[g.index(px, py)]
		}
		profile[k] = sum
		mean += sum / profileLength
	}
	var power float32
	for k := range profile {
		profile[k] -= mean
		power += profile[k] * profile[k]
	}
	if power == 0 {
		return 0, 0
	}
	var r [lastLag + 2]float32
	for lag := firstLag - 1; lag < len(r); lag++ {
		var sum float32
		for k, v := range profile[lag:] {
			sum += profile[k] * v
		}
		r[lag] = sum * profileLength / float32(profileLength-lag) / power
	}
	for lag := firstLag; lag < len(r)-1; lag++ {
		if r[lag] >= 0.2 && r[lag] >= r[lag-1] && r[lag] > r[lag+1] {
			curve := r[lag-1] - 2*r[lag] + r[lag+1]
			t := float32(lag) + 0.5*(r[lag-1]-r[lag+1])/curve
			if t < minPeriod || t > maxPeriod {
				return 0, 0
			}
			return t, r[lag]
		}
	}
	return 0, 0
}
