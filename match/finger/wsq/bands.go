package wsq

// Bands of the decomposition. Of 64 the last four are not coded.
const (
	bandCount = 60
	tableRows = 64 // of the quantisation table
)

// blockEnd is the band after the last one of each of the three blocks of
// coefficients; sizes of the bands relative to the image change at 4 and 51.
var blockEnd = [3]int{19, 52, bandCount}

// rect is a region of the coefficient plane that holds one band or is about to
// be split into four. A band of high frequencies comes out of the decimation
// with its spectrum mirrored; such a direction is split high half first, so
// that bands stay ordered by frequency.
type rect struct {
	x, y, w, h           int
	mirroredX, mirroredY bool
}

// half lengths of n samples, in the order in which they lie.
func half(n int, mirrored bool) (first, second int) {
	if mirrored {
		return n / 2, n - n/2
	}
	return n - n/2, n / 2
}

// split returns the quarters: upper left, upper right, lower left, lower right.
func (r rect) split() (q [4]rect) {
	w0, w1 := half(r.w, r.mirroredX)
	h0, h1 := half(r.h, r.mirroredY)
	q[0] = rect{r.x, r.y, w0, h0, false, false}
	q[1] = rect{r.x + w0, r.y, w1, h0, true, false}
	q[2] = rect{r.x, r.y + h0, w0, h1, false, true}
	q[3] = rect{r.x + w0, r.y + h0, w1, h1, true, true}
	return q
}

// plan is the decomposition of an image: the regions to split, parents first,
// and the bands in the order of the format (IAFIS-IC-0110, subband structure).
type plan struct {
	splits []rect
	bands  [bandCount]rect
}

func newPlan(width, height int) *plan {
	p := &plan{splits: make([]rect, 0, 20)}
	whole := p.divide(rect{w: width, h: height})
	low := p.divide(whole[0])
	p.sixteen(3, low[0])
	p.sixteen(19, low[1])
	p.sixteen(35, low[2])
	p.bands[51] = low[3]
	for i, b := range p.divide(whole[1]) {
		p.bands[52+i] = b
	}
	for i, b := range p.divide(whole[2]) {
		p.bands[56+i] = b
	}
	// The lowest of the sixteen is split once more.
	for i, b := range p.divide(p.bands[3]) {
		p.bands[i] = b
	}
	return p
}

func (p *plan) divide(r rect) [4]rect {
	if r.w > 0 && r.h > 0 {
		p.splits = append(p.splits, r)
	}
	return r.split()
}

// sixteen splits r twice and files the bands from number first on.
func (p *plan) sixteen(first int, r rect) {
	for i, q := range p.divide(r) {
		for j, b := range p.divide(q) {
			p.bands[first+4*i+j] = b
		}
	}
}
