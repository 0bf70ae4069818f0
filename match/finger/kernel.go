package finger

import "github.com/enrold/enrold/match/simd"

// kernel is the inner loops of extraction, for one level of instructions. All
// levels give the same bits: every value is the same single-precision
// operations in the same order, none of them fused, and sums over a block are
// kept in eight lanes, one a column, that sumLanes adds up.
type kernel struct {
	// filter sets the runs' cells in to to the filters' sums over from. Both
	// have rows of stride values.
	filter func(to, from []float32, stride int, runs []run, bank *tapBank)
	// binomial3 is (1 2 1)/4 and binomial5 (1 4 6 4 1)/16 over as many slices,
	// each as long as out at least.
	binomial3 func(out, a, b, c []float32)
	binomial5 func(out, a, b, c, d, e []float32)
	// gradients adds to c, s and e the structure tensor of the wanted blocks of
	// a row of blocks. p begins one row and one pixel before the first block.
	gradients func(c, s, e []float32, wanted []bool, p []float32, stride, rows int)
	// products sets ab, aa and bb to the sums of products over blocks of
	// blockSide rows.
	products func(ab, aa, bb []float32, a, b []float32, stride int)
	// contrasts sets sum and square over the blocks that begin at in.
	contrasts func(sum, square []int32, in []byte, stride, rows int)
	// normalise sets out to the grey levels less the mean, times the gain, both
	// of which go straight from one element to the next over blockSide values.
	normalise func(out []float32, in []byte, mean, gain []float32)
	// directions sets out to the filter angle of the vectors between rows 0 and
	// 1, of which fy is 1's share.
	directions func(out []int32, x0, y0, x1, y1 []float32, fy float32)
	// signs sets the bits of out where in is positive.
	signs func(out []uint64, in []float32)
	// profile samples the signature of a place of a plane, see profileOf.
	profile func(out *signature, g *plane, x, y, sin, cos float32)
	// correlate sets out to the sums of products of the profile with itself,
	// shifted by 0 to len(out)-1 pixels.
	correlate func(out *[lags]float32, profile *signature)
}

var portable = kernel{
	filter: filterGo, binomial3: binomial3Go, binomial5: binomial5Go, gradients: gradientsGo, products: productsGo,
	contrasts: contrastsGo, normalise: normaliseGo, directions: directionsGo, signs: signsGo, profile: profileGo, correlate: correlateGo,
}

// currentKernel is this process's. A level that cannot be had gives portable Go.
func currentKernel() *kernel {
	level, _ := simd.Current()
	return kernels(level)
}

// Go may fuse a product and a sum on processors that can; a conversion forbids it.

func binomial3Go(out, a, b, c []float32) {
	a, b, c = a[:len(out)], b[:len(out)], c[:len(out)]
	for i := range out {
		out[i] = float32(0.25*(a[i]+c[i])) + float32(0.5*b[i])
	}
}

func binomial5Go(out, a, b, c, d, e []float32) {
	a, b, c, d, e = a[:len(out)], b[:len(out)], c[:len(out)], d[:len(out)], e[:len(out)]
	for i := range out {
		out[i] = float32((a[i]+e[i])*(1.0/16)) + float32((b[i]+d[i])*(4.0/16)) + float32(c[i]*(6.0/16))
	}
}

type eightLanes [8]float32

// sum adds the lanes as vector registers are folded.
func (v *eightLanes) sum() float32 {
	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}

func gradientsGo(c, s, e []float32, wanted []bool, p []float32, stride, rows int) {
	for b, is := range wanted {
		if !is {
			continue
		}
		at := p[b*blockSide:]
		c[b], s[b], e[b] = blockGradients(at, stride, rows, blockSide)
	}
}

// blockGradients is the structure tensor of one block, Sobel, y upwards; p
// begins one row and one pixel before it.
func blockGradients(p []float32, stride, rows, columns int) (c, s, e float32) {
	var cc, ss, ee eightLanes
	for y := range rows {
		up, row, down := p[y*stride:][:columns+2], p[(y+1)*stride:][:columns+2], p[(y+2)*stride:][:columns+2]
		for x := range columns {
			l := up[x] + float32(2*row[x]) + down[x]
			r := up[x+2] + float32(2*row[x+2]) + down[x+2]
			t := up[x] + float32(2*up[x+1]) + up[x+2]
			b := down[x] + float32(2*down[x+1]) + down[x+2]
			dx, dy := r-l, t-b
			xx, yy := float32(dx*dx), float32(dy*dy)
			cc[x] += xx - yy
			ss[x] += float32(dx * dy)
			ee[x] += xx + yy
		}
	}
	return cc.sum(), 2 * ss.sum(), ee.sum()
}

func productsGo(ab, aa, bb []float32, a, b []float32, stride int) {
	for i := range ab {
		var sab, saa, sbb eightLanes
		for y := range blockSide {
			at := y*stride + i*blockSide
			q := b[at:][:blockSide]
			for x, p := range a[at:][:blockSide] {
				sab[x] += float32(p * q[x])
				saa[x] += float32(p * p)
				sbb[x] += float32(q[x] * q[x])
			}
		}
		ab[i], aa[i], bb[i] = sab.sum(), saa.sum(), sbb.sum()
	}
}

func contrastsGo(sum, square []int32, in []byte, stride, rows int) {
	for i := range sum {
		sum[i], square[i] = blockContrast(in[i*blockSide:], stride, rows, blockSide)
	}
}

func blockContrast(in []byte, stride, rows, columns int) (sum, square int32) {
	for y := range rows {
		for _, p := range in[y*stride:][:columns] {
			sum += int32(p)
			square += int32(p) * int32(p)
		}
	}
	return sum, square
}

func normaliseGo(out []float32, in []byte, mean, gain []float32) {
	for i := 0; i < len(out); i += blockSide {
		b := i / blockSide
		m, dm := mean[b], (mean[b+1]-mean[b])*(1.0/blockSide)
		s, ds := gain[b], (gain[b+1]-gain[b])*(1.0/blockSide)
		to := out[i:min(i+blockSide, len(out))]
		for k, p := range in[i:][:len(to)] {
			at := float32(k) + 0.5
			to[k] = max(-clip, min((float32(p)-(m+float32(dm*at)))*(s+float32(ds*at)), clip))
		}
	}
}

func directionsGo(out []int32, x0, y0, x1, y1 []float32, fy float32) {
	x0, y0, x1, y1 = x0[:len(out)], y0[:len(out)], x1[:len(out)], y1[:len(out)]
	for i := range out {
		x := x0[i] + float32((x1[i]-x0[i])*fy)
		y := y0[i] + float32((y1[i]-y0[i])*fy)
		k := int32(float32(turns(y, x)*filterAngles) + 0.5)
		if k == filterAngles {
			k = 0
		}
		out[i] = k
	}
}

func signsGo(out []uint64, in []float32) {
	for i := range out {
		var word uint64
		for k, v := range in[i*wordBits:][:wordBits] {
			if v > 0 {
				word |= 1 << k
			}
		}
		out[i] = word
	}
}
