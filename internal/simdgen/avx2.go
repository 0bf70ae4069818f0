package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// avx2 holds 16 columns in four registers of four 64-bit counts, then in two
// of eight ratios. Counts stay in bytes over the words: at most 8 words x 8
// bits, summed once.
type avx2 struct {
	table             Mem
	nibbles, low, nil VecVirtual
	sums              [4]VecVirtual
	ratio, best       [2]VecVirtual
}

func (w *avx2) constants() {
	w.nibbles, w.low, w.nil = YMM(), YMM(), YMM()
	VMOVDQU(w.table, w.nibbles)
	fifteen := GP32()
	MOVL(U32(0x0f0f0f0f), fifteen)
	VMOVD(fifteen, w.low.AsX())
	VPBROADCASTD(w.low.AsX(), w.low)
	VPXOR(w.nil, w.nil, w.nil)
}

func (w *avx2) zero() {
	for i := range w.sums {
		w.sums[i] = YMM()
		VPXOR(w.sums[i], w.sums[i], w.sums[i])
	}
}

func (w *avx2) word(row Mem, column Register) {
	a := YMM()
	VPBROADCASTQ(row, a)
	for i, sum := range w.sums {
		x, high := YMM(), YMM()
		VPXOR(Mem{Base: column, Disp: 32 * i}, a, x)
		VPSRLW(Imm(4), x, high)
		VPAND(w.low, x, x)
		VPAND(w.low, high, high)
		VPSHUFB(x, w.nibbles, x)
		VPSHUFB(high, w.nibbles, high)
		VPADDB(high, x, x)
		VPADDB(x, sum, sum)
	}
}

func (w *avx2) ratios(rowRoot, roots, mask Mem) {
	a := YMM()
	VBROADCASTSS(rowRoot, a)
	for _, sum := range w.sums {
		VPSADBW(w.nil, sum, sum)
	}
	for i := range w.ratio {
		d, norm := YMM(), YMM()
		// The low halves of eight counts, then in their order.
		VSHUFPS(Imm(0x88), w.sums[2*i+1], w.sums[2*i], d)
		VPERMQ(Imm(0xd8), d, d)
		VCVTDQ2PS(d, d)
		VADDPS(shift(roots, 32*i), a, norm)
		VMULPS(norm, norm, norm)
		VDIVPS(norm, d, d)
		VMAXPS(shift(mask, 32*i), d, d)
		w.ratio[i] = d
	}
}

func (w *avx2) store(dst Mem) {
	for i, r := range w.ratio {
		VMOVUPS(r, shift(dst, 32*i))
	}
}

func (w *avx2) startMin() {
	for i := range w.best {
		w.best[i] = YMM()
	}
	two := GP32()
	MOVL(U32(0x40000000), two)
	VMOVD(two, w.best[0].AsX())
	VPBROADCASTD(w.best[0].AsX(), w.best[0])
	VMOVAPS(w.best[0], w.best[1])
}

func (w *avx2) min() {
	for i, r := range w.ratio {
		VMINPS(r, w.best[i], w.best[i])
	}
}

func (w *avx2) minInto(dst Mem) {
	for i, r := range w.ratio {
		low := YMM()
		VMINPS(shift(dst, 32*i), r, low)
		VMOVUPS(low, shift(dst, 32*i))
	}
}

func (w *avx2) storeMin(dst Mem) {
	VMINPS(w.best[1], w.best[0], w.best[0])
	storeLowest(w.best[0], dst)
}

// storeLowest reduces eight lanes.
func storeLowest(v VecVirtual, dst Mem) {
	x, y := v.AsX(), XMM()
	VEXTRACTF128(Imm(1), v.AsY(), y)
	VMINPS(y, x, x)
	VMOVHLPS(x, x, y)
	VMINPS(y, x, x)
	VPSHUFD(Imm(1), x, y)
	VMINPS(y, x, x)
	VMOVSS(x, dst)
}

func shift(m Mem, bytes int) Mem { return m.Offset(bytes) }
