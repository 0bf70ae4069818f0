package finger

import "math"

// Limits of the quality judgement. An area of 30,000 pixels is 77 mm2 of skin.
const (
	smallArea     = 16000 // pixels of finger
	fullArea      = 30000
	poorlyClear   = 0.45 // mean coherence
	fullyClear    = 0.95
	dryShare      = 0.36 // dark part of the finger
	wetShare      = 0.64
	fewMinutiae   = 10
	doubtfulShare = 0.5 // factor on the score of a dry or wet finger
)

// judge gives the quality of an impression from its area, the clarity of its
// ridges, their thickness and the number of minutiae.
func judge(g *grey, b *field, minutiae int) Quality {
	var coherence float64
	for i, f := range b.finger {
		if f {
			coherence += float64(b.coherence(i))
		}
	}
	coherence /= float64(b.count)
	area := float64(b.count * blockSide * blockSide)
	dark := darkShare(g, b)

	q := Quality{}
	score := 100 * ramp(area, 0, fullArea) * ramp(coherence, 0.2, fullyClear) * (1 - math.Abs(dark-0.5))
	fault := func(reason string, factor float64) {
		q.Reasons = append(q.Reasons, reason)
		score *= factor
	}
	if area < smallArea {
		fault(ReasonSmallArea, 1)
	}
	if coherence < poorlyClear {
		fault(ReasonUnclear, 1)
	}
	if dark < dryShare {
		fault(ReasonDry, doubtfulShare)
	}
	if dark > wetShare {
		fault(ReasonWet, doubtfulShare)
	}
	if minutiae < fewMinutiae {
		fault(ReasonFewMinutiae, float64(minutiae)/fewMinutiae)
	}
	q.Score = int(score + 0.5)
	return q
}

// ramp is 0 at low, 1 at high and straight between.
func ramp(v, low, high float64) float64 {
	return max(0, min((v-low)/(high-low), 1))
}

// darkShare is the part of the finger, 0..1, that is darker than the middle
// between the darkest and the lightest pixel around: how thick ridges print
// against their valleys.
func darkShare(g *grey, b *field) float64 {
	low, high := make([]byte, b.w*b.h), make([]byte, b.w*b.h)
	b.eachPixel(g, func(i int, p byte, first bool) {
		if first || p < low[i] {
			low[i] = p
		}
		if first || p > high[i] {
			high[i] = p
		}
	})
	middle := make([]byte, b.w*b.h)
	for i := range middle {
		middle[i] = b.around(i, low, high)
	}
	dark, all := 0, 0
	b.eachPixel(g, func(i int, p byte, _ bool) {
		all++
		if p < middle[i] {
			dark++
		}
	})
	return float64(dark) / float64(max(all, 1))
}

// eachPixel visits every second pixel and row of finger blocks with their block's index.
func (b *field) eachPixel(g *grey, visit func(i int, p byte, first bool)) {
	for i, f := range b.finger {
		if !f {
			continue
		}
		x0, y0 := i%b.w*blockSide, i/b.w*blockSide
		for y := y0; y < min(y0+blockSide, g.h); y += 2 {
			for x := x0; x < min(x0+blockSide, g.w); x += 2 {
				visit(i, g.pix[y*g.w+x], x == x0 && y == y0)
			}
		}
	}
}

// around is the middle of the grey range over the finger blocks next to i.
func (b *field) around(i int, low, high []byte) byte {
	x, y := i%b.w, i/b.w
	l, h := low[i], high[i]
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if k := (y+dy)*b.w + x + dx; b.has(x+dx, y+dy) && b.finger[k] {
				l, h = min(l, low[k]), max(h, high[k])
			}
		}
	}
	return byte((int(l) + int(h)) / 2)
}
