package wsq

// filters is a two-channel bank of symmetric filters of odd length, given as
// the half from the middle outwards: low[0] is the middle tap.
type filters struct {
	low, high []float64
}

// standard is the biorthogonal 9/7 pair of encoder number 1, IAFIS-IC-0110
// (Cohen, Daubechies, Feauveau).
func standard() filters {
	return filters{
		low:  []float64{0.85269867900940344, 0.37740285561265380, -0.11062440441842342, -0.02384946501938000, 0.03782845550699546},
		high: []float64{0.78848561640566439, -0.41809227322221221, -0.04068941760955844, 0.06453888262893845},
	}
}

func (f filters) reach() int { return max(len(f.low), len(f.high)) - 1 }

// full mirrors the half filter h to 2*reach+1 taps.
func full(h []float64, reach int) []float32 {
	taps := make([]float32, 2*reach+1)
	for i, v := range h {
		taps[reach+i], taps[reach-i] = float32(v), float32(v)
	}
	return taps
}

// line is the room for one row or column of n samples with its reflection of
// reach samples on both sides (whole-sample symmetry, IAFIS-IC-0110, symmetric extension).
type line struct {
	reach int
	room  []float32
}

func newLine(f filters, longest int) *line {
	return &line{reach: f.reach(), room: make([]float32, longest+2*f.reach())}
}

// reflect fills the margins of the n samples that stand at room[reach:].
func (l *line) reflect(n int) {
	if n == 1 {
		for i := range l.reach {
			l.room[i], l.room[l.reach+1+i] = l.room[l.reach], l.room[l.reach]
		}
		return
	}
	period := 2 * (n - 1)
	for i := 1; i <= l.reach; i++ {
		left := i % period
		right := (n - 1 + i) % period
		l.room[l.reach-i] = l.room[l.reach+min(left, period-left)]
		l.room[l.reach+n-1+i] = l.room[l.reach+min(right, period-right)]
	}
}

// decompose runs the analysis of every split in place.
func (p *plan) decompose(plane []float32, width int, f filters) {
	reach := f.reach()
	low, high := full(f.low, reach), full(f.high, reach)
	l := newLine(f, max(p.splits[0].w, p.splits[0].h))
	for _, r := range p.splits {
		for y := range r.h {
			l.analyse(plane[(r.y+y)*width+r.x:], 1, r.w, r.mirroredX, low, high)
		}
		for x := range r.w {
			l.analyse(plane[r.y*width+r.x+x:], width, r.h, r.mirroredY, low, high)
		}
	}
}

// analyse replaces n samples by their low and high halves.
func (l *line) analyse(at []float32, stride, n int, mirrored bool, low, high []float32) {
	if n == 0 {
		return
	}
	for i := range n {
		l.room[l.reach+i] = at[i*stride]
	}
	l.reflect(n)
	lowAt, highAt := 0, n-n/2
	if mirrored {
		lowAt, highAt = n/2, 0
	}
	for k := range n - n/2 {
		at[(lowAt+k)*stride] = dot(l.room[2*k:], low)
	}
	for k := range n / 2 {
		at[(highAt+k)*stride] = dot(l.room[2*k+1:], high)
	}
}

// reconstruct undoes decompose.
func (p *plan) reconstruct(plane []float32, width int, f filters) {
	even, odd := f.synthesis()
	l := newLine(f, max(p.splits[0].w, p.splits[0].h))
	for i := len(p.splits) - 1; i >= 0; i-- {
		r := p.splits[i]
		for x := range r.w {
			l.synthesise(plane[r.y*width+r.x+x:], width, r.h, r.mirroredY, even, odd)
		}
		for y := range r.h {
			l.synthesise(plane[(r.y+y)*width+r.x:], 1, r.w, r.mirroredX, even, odd)
		}
	}
}

// synthesis returns the kernels that act on interleaved low (even places) and
// high (odd places) samples, for even and for odd results. The synthesis
// filters are the analysis filters of the other channel with alternating signs.
func (f filters) synthesis() (even, odd []float32) {
	reach := f.reach()
	fromLow, fromHigh := full(f.high, reach), full(f.low, reach)
	even, odd = make([]float32, 2*reach+1), make([]float32, 2*reach+1)
	for i := range even {
		if (i-reach)%2 == 0 {
			even[i], odd[i] = fromLow[i], fromHigh[i]
		} else {
			even[i], odd[i] = -fromHigh[i], -fromLow[i]
		}
	}
	return even, odd
}

func (l *line) synthesise(at []float32, stride, n int, mirrored bool, even, odd []float32) {
	if n == 0 {
		return
	}
	lowAt, highAt := 0, n-n/2
	if mirrored {
		lowAt, highAt = n/2, 0
	}
	in := l.room[l.reach:]
	for k := range n - n/2 {
		in[2*k] = at[(lowAt+k)*stride]
	}
	for k := range n / 2 {
		in[2*k+1] = at[(highAt+k)*stride]
	}
	l.reflect(n)
	if n == 1 { // no high sample: the places that it would take are empty
		for i := l.reach - 1; i >= 0; i -= 2 {
			l.room[i], l.room[2*l.reach-i] = 0, 0
		}
	}
	for i := 0; i < n; i += 2 {
		at[i*stride] = dot(l.room[i:], even)
	}
	for i := 1; i < n; i += 2 {
		at[i*stride] = dot(l.room[i:], odd)
	}
}

func dot(x, taps []float32) float32 {
	x = x[:len(taps)]
	var sum float32
	for i, t := range taps {
		sum += x[i] * t
	}
	return sum
}
