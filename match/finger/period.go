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

	lags = 24 // of the autocorrelation, lastLag+1 among them
)

// signature is followed by zeros, so that shifts need no bounds.
type signature [profileLength + lags]float32

// measurePeriods fills f.period on finger blocks: every second block is
// measured, the rest and the unclear ones take their neighbours' mean.
func (f *field) measurePeriods(p *plane) {
	value, weight := f.room(0), f.room(1)
	clear(value)
	clear(weight)
	m := periodMeter{kernel: f.kernel}
	var sum, count float32
	for y := 0; y < f.h; y += 2 {
		for x := y / 2 % 2; x < f.w; x += 2 {
			i := y*f.w + x
			if !f.finger[i] || f.coherence(i) < 0.3 {
				continue
			}
			angle := math.Atan2(float64(f.vy[i]), float64(f.vx[i])) / 2
			if t, peak := m.periodAt(p, x*blockSide+blockSide/2, y*blockSide+blockSide/2, angle); peak > 0 {
				value[i], weight[i] = t*peak, peak
				sum, count = sum+value[i], count+peak
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
		f.period[i] = (value[i] + float32(doubt*mean)) / (weight[i] + doubt)
	}
	f.widths()
}

// periodMeter holds what the kernels fill.
type periodMeter struct {
	kernel  *kernel
	profile signature
	r       [lags]float32
}

// periodAt measures the distance between ridges around a pixel: the first peak
// of the autocorrelation of its profile, and how high it is, 0 for none.
func (m *periodMeter) periodAt(g *plane, x, y int, angle float64) (period, peak float32) {
	sin, cos := math.Sincos(angle)
	m.kernel.profile(&m.profile, g, float32(x), float32(y), float32(sin), float32(cos))
	var mean float32
	for _, v := range m.profile[:profileLength] {
		mean += v / profileLength
	}
	for k := range m.profile[:profileLength] {
		m.profile[k] -= mean
	}
	m.kernel.correlate(&m.r, &m.profile)
	power := m.r[0]
	if power == 0 {
		return 0, 0
	}
	r := m.r[:lastLag+2]
	for lag := firstLag - 1; lag < len(r); lag++ {
		r[lag] = r[lag] * profileLength / float32(profileLength-lag) / power
	}
	for lag := firstLag; lag < len(r)-1; lag++ {
		if r[lag] >= 0.2 && r[lag] >= r[lag-1] && r[lag] > r[lag+1] {
			curve := r[lag-1] - float32(2*r[lag]) + r[lag+1]
			t := float32(lag) + float32(0.5*(r[lag-1]-r[lag+1]))/curve
			if t < minPeriod || t > maxPeriod {
				return 0, 0
			}
			return t, r[lag]
		}
	}
	return 0, 0
}

// profileGo sums each of the profile's lines along the ridge.
func profileGo(out *signature, g *plane, x, y, sin, cos float32) {
	origin := g.v[g.index(0, 0):]
	for k := range profileLength {
		across := float32(k) - profileLength/2
		// Along the ridge is (cos, -sin) in pixels, across it (sin, cos).
		cx, cy := x+float32(across*sin), y+float32(across*cos)
		var sum float32
		for d := float32(-profileHalf); d <= profileHalf; d += 2 {
			px, py := int(cx+float32(d*cos)+margin+0.5)-margin, int(cy-float32(d*sin)+margin+0.5)-margin
			px, py = max(0, min(px, g.w-1)), max(0, min(py, g.h-1))
			sum += origin[py*g.stride+px]
		}
		out[k] = sum
	}
}

func correlateGo(out *[lags]float32, profile *signature) {
	for lag := range out {
		var sum float32
		for k, v := range profile[lag : lag+profileLength] {
			sum += float32(profile[k] * v)
		}
		out[lag] = sum
	}
}
