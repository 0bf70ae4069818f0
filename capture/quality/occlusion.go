package quality

import "math"

// Tolerances of what still is the cheeks' skin: colour differences, and
// brightness as a ratio.
const (
	skinChroma = 16.0
	skinDarker = 0.45
)

// occlusion looks for what is not skin where skin should be. The reference is
// the face's own cheeks, so that no colour of skin is preferred.
func (t *token) occlusion() []Result {
	level := (t.mean(rightCheek) + t.mean(leftCheek)) / 2
	cb, cr, n := 0.0, 0.0, 0.0
	nose := rectangle(-0.25, 0.25, 0.25, 0.7) // a mask covers the cheeks, hardly the bridge of the nose
	both := func(x, y float64) bool { return rightCheek(x, y) || leftCheek(x, y) || nose(x, y) }
	t.each(both, func(i int) { cb, cr, n = cb+float64(t.cb[i]), cr+float64(t.cr[i]), n+1 })
	cb, cr = cb/math.Max(1, n), cr/math.Max(1, n)
	like := func(z zone) float64 {
		var same, all float64
		t.each(z, func(i int) {
			all++
			near := math.Hypot(float64(t.cb[i])-cb, float64(t.cr[i])-cr) < skinChroma
			if near && float64(t.luma[i]) > skinDarker*level {
				same++
			}
		})
		return same / math.Max(1, all)
	}
	whole, lower := like(skin), like(lowerFace)
	// A mask hides the cheeks, too: then what is above it has another colour. Hair
	// may hang over one of the two.
	forehead, bridge := rectangle(-0.5, -0.75, 0.5, -0.4), rectangle(-0.2, -0.15, 0.2, 0.25)
	above := math.Max(likeness(t, forehead, lowerFace), likeness(t, bridge, lowerFace))
	lower = math.Min(lower, 1.6*above)
	eyes := math.Min(t.eyeShown(rightEye, level), t.eyeShown(leftEye, level))
	return []Result{
		{EyesVisible, percent(eyes), round2(eyes), "share"},
		{MouthCovered, ramp(lower, 0.1, 0.6), round2(lower), "share"},
		{FaceCovered, ramp(whole, 0.2, 0.7), round2(whole), "share"},
	}
}

// likeness of two zones' mean colours, 1 for the same, 0 for far ones.
func likeness(t *token, a, b zone) float64 {
	mean := func(z zone) (cb, cr float64) {
		n := 0.0
		t.each(z, func(i int) { cb, cr, n = cb+float64(t.cb[i]), cr+float64(t.cr[i]), n+1 })
		return cb / math.Max(1, n), cr / math.Max(1, n)
	}
	acb, acr := mean(a)
	bcb, bcr := mean(b)
	return math.Max(0, 1-math.Hypot(acb-bcb, acr-bcr)/40)
}

// eyeShown lowers the value for glare on glasses, and for glass so dark that
// skin around the eye is dark, too.
func (t *token) eyeShown(z zone, level float64) float64 {
	var glare, all, sum float64
	t.each(z, func(i int) {
		all++
		sum += float64(t.luma[i])
		if t.luma[i] >= bright {
			glare++
		}
	})
	if all == 0 {
		return 0
	}
	mean := sum / all / math.Max(1, level)
	return math.Min(1-3*glare/all, (mean-0.2)/(0.45-0.2))
}
