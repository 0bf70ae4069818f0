package finger

import (
	"unsafe"

	"github.com/enrold/enrold/match/simd"
)

// kernels returns the level's; there is no wider one than AVX2.
func kernels(level simd.Level) *kernel {
	if level < simd.AVX2 {
		return &portable
	}
	return &avx2
}

// The wrappers are the bounds check: the assembly has none.
var avx2 = kernel{
	filter: func(to, from []float32, stride int, runs []run, bank *tapBank) {
		if len(runs) == 0 {
			return
		}
		// Runs are in the order of rows, and no tap reaches further than the margin.
		reach := margin*stride + margin
		first, last := int(runs[0].at), int(runs[len(runs)-1].at)+cellSide*stride
		_, _ = from[first-reach], from[last+reach]
		_, _ = to[first], to[last]
		filterAVX2(&to[0], &from[0], stride, (*uint64)(unsafe.Pointer(&runs[0])), len(runs), (*uint64)(unsafe.Pointer(&bank.heads[0])), (*uint64)(unsafe.Pointer(&bank.taps[0])))
	},
	binomial3: func(out, a, b, c []float32) {
		if n := len(out); n > 0 {
			a, b, c = a[:n], b[:n], c[:n]
			binomial3AVX2(&out[0], &a[0], &b[0], &c[0], n)
		}
	},
	binomial5: func(out, a, b, c, d, e []float32) {
		if n := len(out); n > 0 {
			a, b, c, d, e = a[:n], b[:n], c[:n], d[:n], e[:n]
			binomial5AVX2(&out[0], &a[0], &b[0], &c[0], &d[0], &e[0], n)
		}
	},
	gradients: func(c, s, e []float32, wanted []bool, p []float32, stride, rows int) {
		if n := len(wanted); n > 0 {
			c, s, e, p = c[:n], s[:n], e[:n], p[:(rows+1)*stride+n*blockSide+2]
			gradientsAVX2(&c[0], &s[0], &e[0], &wanted[0], n, &p[0], stride, rows)
		}
	},
	products: func(ab, aa, bb []float32, a, b []float32, stride int) {
		if n := len(ab); n > 0 {
			end := (blockSide-1)*stride + n*blockSide
			aa, bb, a, b = aa[:n], bb[:n], a[:end], b[:end]
			productsAVX2(&ab[0], &aa[0], &bb[0], n, &a[0], &b[0], stride)
		}
	},
	contrasts: func(sum, square []int32, in []byte, stride, rows int) {
		if n := len(sum); n > 0 {
			square, in = square[:n], in[:(rows-1)*stride+n*blockSide]
			contrastsAVX2(&sum[0], &square[0], n, &in[0], stride, rows)
		}
	},
	normalise: func(out []float32, in []byte, mean, gain []float32) {
		n := len(out) / blockSide
		if n > 0 {
			_, _, _ = in[:len(out)], mean[n], gain[n]
			normaliseAVX2(&out[0], &in[0], &mean[0], &gain[0], n)
		}
		if done := n * blockSide; done < len(out) {
			normaliseGo(out[done:], in[done:], mean[n:], gain[n:])
		}
	},
	directions: func(out []int32, x0, y0, x1, y1 []float32, fy float32) {
		n := len(out) / 8
		if n > 0 {
			_, _, _, _ = x0[:len(out)], y0[:len(out)], x1[:len(out)], y1[:len(out)]
			directionsAVX2(&out[0], &x0[0], &y0[0], &x1[0], &y1[0], fy, n)
		}
		n *= 8
		directionsGo(out[n:], x0[n:], y0[n:], x1[n:], y1[n:], fy)
	},
	signs: func(out []uint64, in []float32) {
		if n := len(out); n > 0 {
			in = in[:n*wordBits]
			signsAVX2(&out[0], &in[0], n)
		}
	},
	profile: func(out *signature, g *plane, x, y, sin, cos float32) {
		origin := g.v[g.index(0, 0):]
		_ = origin[(g.h-1)*g.stride+g.w-1]
		profileAVX2(&out[0], &origin[0], int32(g.stride), int32(g.w-1), int32(g.h-1), x, y, sin, cos)
	},
	correlate: func(out *[lags]float32, profile *signature) { correlateAVX2(&out[0], &profile[0]) },
}
