package quality

import "math"

// Gray values at which skin shows no texture.
const dark, bright = 25, 247

const wantedRange = 110.0 // gray values between the 5th and the 95th percentile of the skin

// light measures exposure and how evenly the face is lit.
func (t *token) light() []Result {
	var h histogram
	t.each(skin, func(i int) { h.add(t.luma[i]) })
	under, over := h.share(0, dark), h.share(bright, 256)
	mean := h.mean()
	spread := float64(h.percentile(0.95) - h.percentile(0.05))
	right, left := t.mean(rightCheek), t.mean(leftCheek)
	even := math.Min(right, left) / math.Max(1, math.Max(right, left))
	return []Result{
		{LuminanceMean, min(ramp(mean, 25, 85), ramp(mean, 250, 205)), round2(mean), "gray"},
		// Brows, lashes and nostrils are dark on every face.
		{UnderExposure, percent(1 - 2*math.Max(0, under-0.08)), round2(under), "share"},
		{OverExposure, percent(1 - 3*math.Max(0, over-0.01)), round2(over), "share"},
		{DynamicRange, percent(spread / wantedRange), spread, "gray"},
		{Illumination, ramp(even, 0.35, 0.9), round2(even), "ratio"},
	}
}

// background is how plain the wall beside the head is: the mean step between
// neighbours, less the noise that every sensor has.
func (t *token) background() Result {
	var sum, n float64
	t.each(besideHead, func(i int) {
		for _, j := range [2]int{i + 1, i + tokenWidth} {
			if j >= len(t.luma) || t.luma[j] < 0 || i%tokenWidth == tokenWidth-1 {
				continue
			}
			d := math.Abs(float64(t.luma[i]-t.luma[j])) + math.Abs(float64(t.cb[i]-t.cb[j]))/2 + math.Abs(float64(t.cr[i]-t.cr[j]))/2
			sum, n = sum+d, n+1
		}
	})
	if n < 100 {
		return Result{Background, 0, 0, "gray"} // no background in the picture
	}
	step := sum / n
	return Result{Background, ramp(step, 18, 3), round2(step), "gray"}
}

func (t *token) mean(z zone) float64 {
	var sum, n float64
	t.each(z, func(i int) { sum, n = sum+float64(t.luma[i]), n+1 })
	return sum / math.Max(1, n)
}

type histogram struct {
	count [256]int
	total int
}

func (h *histogram) add(v int16) {
	h.count[max(0, min(255, int(v)))]++
	h.total++
}

// share of the pixels from gray value from to below to.
func (h *histogram) share(from, to int) float64 {
	n := 0
	for _, c := range h.count[from:to] {
		n += c
	}
	return float64(n) / math.Max(1, float64(h.total))
}

func (h *histogram) mean() float64 {
	sum := 0
	for v, c := range h.count {
		sum += v * c
	}
	return float64(sum) / math.Max(1, float64(h.total))
}

func (h *histogram) percentile(p float64) int {
	left := int(p * float64(h.total))
	for v, c := range h.count {
		if left -= c; left < 0 {
			return v
		}
	}
	return 255
}
