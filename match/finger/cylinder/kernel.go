package cylinder

import (
	"math/bits"
	"unsafe"
)

// kernel is one level's pair of functions. rows points to n cylinders of words
// words, rowRoots and windows to as many; columns to words lines of stride
// columns, roots to stride. A window is the first column, then from bit 16 on
// how many; first+count rounded up to lanes must not pass stride.
//
// nearest writes the lowest ratio of each row, n floats, 2 where its window is
// empty. ratios writes 16 floats for every 16 columns begun of every window, 2
// outside of it; to lowest what nearest writes, and to columnLowest, of stride
// floats, the lower of what is there and of the column's ratios. below sets a bit
// for each ratio under limit, 16 a block, the first lowest.
type kernel struct {
	below   func(dst *uint16, ratios *float32, blocks int, limit float32)
	nearest func(dst *float32, rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int)
	ratios  func(dst, lowest, columnLowest *float32, rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int)
}

var portable = kernel{
	below: func(dst *uint16, ratios *float32, blocks int, limit float32) {
		masks, all := unsafe.Slice(dst, blocks), unsafe.Slice(ratios, blocks*lanes)
		for b := range masks {
			var m uint16
			for k, r := range all[b*lanes:][:lanes] {
				if r < limit {
					m |= 1 << k
				}
			}
			masks[b] = m
		}
	},
	nearest: func(dst *float32, rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int) {
		out := unsafe.Slice(dst, n)
		for i := range out {
			out[i] = 2
		}
		eachPair(rows, rowRoots, windows, n, columns, roots, words, stride, func(i, _ int, r float32) { out[i] = min(out[i], r) })
	},
	ratios: func(dst, lowest, columnLowest *float32, rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int) {
		blocks := 0
		starts := make([]int, n)
		for i, w := range unsafe.Slice(windows, n) {
			starts[i] = blocks * lanes
			blocks += (int(w>>16) + lanes - 1) / lanes
		}
		out := unsafe.Slice(dst, blocks*lanes)
		for i := range out {
			out[i] = 2
		}
		low, columnLow := unsafe.Slice(lowest, n), unsafe.Slice(columnLowest, stride)
		for i := range low {
			low[i] = 2
		}
		eachPair(rows, rowRoots, windows, n, columns, roots, words, stride, func(i, c int, r float32) {
			out[starts[i]+c] = r
			low[i] = min(low[i], r)
			at := int(unsafe.Slice(windows, n)[i]&0xffff) + c
			columnLow[at] = min(columnLow[at], r)
		})
	},
}

// eachPair is the kernels in portable Go: c counts the columns of row i's window.
func eachPair(rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int, put func(i, c int, r float32)) {
	vectors, norms := unsafe.Slice(rows, n*words), unsafe.Slice(rowRoots, n)
	lines, lineNorms := unsafe.Slice(columns, words*stride), unsafe.Slice(roots, stride)
	for i, w := range unsafe.Slice(windows, n) {
		row := vectors[i*words:][:words]
		first := int(w & 0xffff)
		for c := range int(w >> 16) {
			d, at := 0, first+c
			for _, v := range row {
				d += bits.OnesCount64(v ^ lines[at])
				at += stride
			}
			norm := norms[i] + lineNorms[first+c]
			put(i, c, float32(d)/float32(norm*norm))
		}
	}
}
