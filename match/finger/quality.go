package finger

import "math"

// Limits of the quality judgement. A block is 0.165 mm2 of skin.
const (
	clearBlock    = 0.5 // of field.clear: the ridges are beyond doubt
	enoughBlocks  = 450 // clear ones: 74 mm2
	fewBlocks     = 260 // of finger: 43 mm2
	poorlyClear   = 0.42
	leastClear    = 0.2
	hopeless      = 0.36 // noise alone has 0.31 on the mean, the worst of FVC2000 0.43
	fullyClear    = 0.8
	dryShare      = 0.28 // dark part of the finger
	wetShare      = 0.72
	fewMinutiae   = 10
	offCentre     = 0.18 // of the image's side, between the centres of finger and image
	smeared       = 0.65 // contrast of the weakest ridge direction against the strongest
	smearedMuch   = 0.45
	prevailing    = 0.6 // share of one ridge direction
	doubtfulShare = 0.9 // factor on the score of a dry, wet or smeared finger
)

// judge gives the quality of an impression in the sense of NFIQ 2 (ISO/IEC
// 29794-4): it is to predict how well the impression will match. Two figures
// do so (docs/BENCHMARKS.md has the error-versus-reject curve): how large the area
// is whose ridges are beyond doubt, and how clear the ridges are on the whole.
// The reasons say what the person can do about it.
func judge(g *grey, f *field, minutiae int) Quality {
	var cx, cy float64
	good := 0
	for i, is := range f.finger {
		if !is {
			continue
		}
		cx += float64(i%f.w) + 0.5
		cy += float64(i/f.w) + 0.5
		if f.clear[i] >= clearBlock {
			good++
		}
	}
	n := float64(f.count)
	clarity := f.meanClarity()
	cx, cy = cx/n/float64(f.w), cy/n/float64(f.h)
	dark := darkShare(g, f)

	q := Quality{}
	score := 100 * ramp(float64(good), 0, enoughBlocks) * ramp(clarity, leastClear, fullyClear)
	fault := func(found bool, reason string, factor float64) {
		if found {
			q.Reasons = append(q.Reasons, reason)
			score *= factor
		}
	}
	fault(f.count < fewBlocks, ReasonSmallArea, 1)
	fault(math.Abs(cx-0.5) > offCentre || math.Abs(cy-0.5) > offCentre, ReasonOffCentre, 1)
	fault(clarity < poorlyClear, ReasonUnclear, 1)
	fault(dark < dryShare, ReasonDry, doubtfulShare)
	fault(dark > wetShare, ReasonWet, doubtfulShare)
	fault(f.moved(), ReasonMoved, doubtfulShare)
	fault(minutiae < fewMinutiae, ReasonFewMinutiae, float64(minutiae)/fewMinutiae)
	q.Score = int(score + 0.5)
	return q
}

// meanClarity of the finger, 0..1.
func (f *field) meanClarity() float64 {
	var sum float64
	for i, is := range f.finger {
		if is {
			sum += float64(f.clear[i])
		}
	}
	return sum / float64(f.count)
}

// moved reports a finger that slid: it smears the ridges that lie across its
// way and spares those along it, so that one direction prevails and the others
// have lost contrast, or one has lost most of it.
func (f *field) moved() bool {
	const sectors = 4
	var sum, count [sectors]float64
	for i, is := range f.finger {
		if is {
			k := int(turns(f.vy[i], f.vx[i])*sectors+0.5) % sectors
			sum[k] += float64(f.dev[i])
			count[k]++
		}
	}
	low, high, most := math.Inf(1), 0.0, 0.0
	for k, s := range sum {
		if count[k] > float64(f.count)/10 {
			low, high = min(low, s/count[k]), max(high, s/count[k])
		}
		most = max(most, count[k]/float64(f.count))
	}
	return low < smearedMuch*high || most > prevailing && low < smeared*high
}

// ramp is 0 at low, 1 at high and straight between.
func ramp(v, low, high float64) float64 {
	return max(0, min((v-low)/(high-low), 1))
}

// darkShare is the part of the finger, 0..1, that is darker than the middle
// between the darkest and the lightest pixel around: how thick ridges print
// against their valleys. It looks at every second pixel and row.
func darkShare(g *grey, f *field) float64 {
	n := f.w * f.h
	room := make([]byte, 2*n)
	low, high := room[:n], room[n:]
	for i, is := range f.finger {
		if !is {
			continue
		}
		l, h := byte(255), byte(0)
		g.block(i, f, func(row []byte) {
			for x := 0; x < len(row); x += 2 {
				l, h = min(l, row[x]), max(h, row[x])
			}
		})
		low[i], high[i] = l, h
	}
	dark, all := 0, 0
	for i, is := range f.finger {
		if !is {
			continue
		}
		middle := f.around(i, low, high)
		g.block(i, f, func(row []byte) {
			for x := 0; x < len(row); x += 2 {
				if row[x] < middle {
					dark++
				}
			}
			all += (len(row) + 1) / 2
		})
	}
	return float64(dark) / float64(max(all, 1))
}

// block visits every second row of a block.
func (g *grey) block(i int, f *field, visit func(row []byte)) {
	x0, y0 := i%f.w*blockSide, i/f.w*blockSide
	x1 := min(x0+blockSide, g.w)
	for y := y0; y < min(y0+blockSide, g.h); y += 2 {
		visit(g.pix[y*g.w+x0 : y*g.w+x1])
	}
}

// around is the middle of the grey range over the finger blocks next to i.
func (f *field) around(i int, low, high []byte) byte {
	l, h := low[i], high[i]
	for y := max(i/f.w-1, 0); y <= min(i/f.w+1, f.h-1); y++ {
		for x := max(i%f.w-1, 0); x <= min(i%f.w+1, f.w-1); x++ {
			if k := y*f.w + x; f.finger[k] {
				l, h = min(l, low[k]), max(h, high[k])
			}
		}
	}
	return byte((int(l) + int(h)) / 2)
}
