package wsq

import "math"

// binCentre is C of IAFIS-IC-0110, scalar quantisation: where in its bin a coefficient is put.
var binCentre = scaled{2, 44}

// bin is the quantiser of one band: width of the steps and of the dead zone. A
// width of 0 means that the band is not coded.
type bin struct{ width, zero float32 }

// scaled is a number as the headers carry it: value / 10^exponent.
type scaled struct {
	exponent uint8
	value    uint16
}

func (s scaled) float() float64 { return float64(s.value) / math.Pow10(int(s.exponent)) }

// scale keeps as many digits of v (0 up to 65535) as fit.
func scale(v float64) scaled {
	if v <= 0 {
		return scaled{}
	}
	e := 0
	for e < 255 && math.Round(v*10*math.Pow10(e)) <= math.MaxUint16 {
		e++
	}
	return scaled{uint8(e), uint16(min(math.Round(v*math.Pow10(e)), math.MaxUint16))}
}

// variances of the bands, IAFIS-IC-0110, variance estimation: over the middle of each band,
// where the finger is, unless that shows too little.
func (p *plan) variances(plane []float32, width int) (v [bandCount]float64) {
	sum := 0.0
	for i := range 4 {
		v[i] = p.bands[i].middle().variance(plane, width)
		sum += v[i]
	}
	for i, b := range p.bands {
		if sum >= 20000 {
			b = b.middle()
		}
		v[i] = b.variance(plane, width)
	}
	return v
}

func (r rect) middle() rect {
	return rect{x: r.x + r.w/8, y: r.y + 9*r.h/32, w: 3 * r.w / 4, h: 7 * r.h / 16}
}

func (r rect) variance(plane []float32, width int) float64 {
	n := float64(r.w * r.h)
	if n < 2 {
		return 0
	}
	var sum, squares float64
	for y := range r.h {
		for _, c := range plane[(r.y+y)*width+r.x:][:r.w] {
			sum += float64(c)
			squares += float64(c) * float64(c)
		}
	}
	return (squares - sum*sum/n) / (n - 1)
}

// weight is A of the specification's bin widths: the bands of high frequencies matter less.
func weight(band int) float64 {
	switch band {
	case 52, 56:
		return 1.32
	case 54, 57:
		return 1.42
	case 53, 55, 58, 59:
		return 1.08
	}
	return 1
}

// share of the image's samples that a band has, 1/m of its bit allocation.
func share(band int) float64 {
	switch {
	case band < 4:
		return 1.0 / 1024
	case band < 51:
		return 1.0 / 256
	}
	return 1.0 / 16
}

// minVariance: bands that vary less are not coded.
const minVariance = 1.01

// bins chooses the quantisers for a bit rate: widths in proportion to
// what the bands bear, with the factor at which the rate is met under the
// model of the specification. Bands that would get no bits are left out of
// that sum until all that remain get some.
func bins(variance *[bandCount]float64, rate float64) (out [bandCount]bin) {
	var relative, sigma [bandCount]float64
	var coded []int
	for i, v := range variance {
		if v < minVariance {
			continue
		}
		coded = append(coded, i)
		sigma[i] = math.Sqrt(v)
		relative[i] = 1
		if i >= 4 {
			relative[i] = 10 / (weight(i) * math.Log(v))
		}
	}
	if len(coded) == 0 {
		return out
	}
	factor := 1.0
	for left := coded; len(left) > 0; {
		var s, logP float64
		for _, i := range left {
			s += share(i)
			logP += share(i) * math.Log(sigma[i]/relative[i])
		}
		factor = math.Exp2(rate/s-1) / 2.5 / math.Exp(logP/s)
		var positive []int
		for _, i := range left {
			if relative[i]/factor < 5*sigma[i] {
				positive = append(positive, i)
			}
		}
		if len(positive) == len(left) {
			break
		}
		left = positive
	}
	for _, i := range coded {
		// Not rounded to the digits of the header: compliance is measured on
		// the indices that exact widths give.
		width := relative[i] / factor
		out[i] = bin{float32(width), float32(1.2 * width)}
	}
	return out
}

// index of a coefficient, and back.
func (b bin) index(c float32) int16 {
	switch {
	case c > b.zero/2:
		return int16(min((c-b.zero/2)/b.width+1, math.MaxInt16))
	case c < -b.zero/2:
		return int16(max((c+b.zero/2)/b.width-1, -math.MaxInt16))
	}
	return 0
}

func (b bin) value(index int16, centre float32) float32 {
	switch {
	case index > 0:
		return b.width*(float32(index)-centre) + b.zero/2
	case index < 0:
		return b.width*(float32(index)+centre) - b.zero/2
	}
	return 0
}

// quantise lists the coefficients of the coded bands from first up to last.
func (p *plan) quantise(plane []float32, width int, quantisers *[bandCount]bin, first, last int) (out []int16) {
	for i := first; i < last; i++ {
		b, q := p.bands[i], quantisers[i]
		if q.width == 0 {
			continue
		}
		for y := range b.h {
			for _, c := range plane[(b.y+y)*width+b.x:][:b.w] {
				out = append(out, q.index(c))
			}
		}
	}
	return out
}

// size is the number of coefficients of the coded bands.
func (p *plan) size(quantisers *[bandCount]bin) (n int) {
	for i, b := range p.bands {
		if quantisers[i].width != 0 {
			n += b.w * b.h
		}
	}
	return n
}

// restore puts the coefficients of all coded bands back into a plane.
func (p *plan) restore(indices []int16, width int, quantisers *[bandCount]bin, centre float32) []float32 {
	plane := make([]float32, width*p.splits[0].h)
	for i, b := range p.bands {
		q := quantisers[i]
		if q.width == 0 {
			continue
		}
		for y := range b.h {
			row := plane[(b.y+y)*width+b.x:][:b.w]
			for x := range row {
				row[x] = q.value(indices[x], centre)
			}
			indices = indices[b.w:]
		}
	}
	return plane
}
