package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// avx512 holds 16 columns in two registers of eight 64-bit counts, then in one
// of 16 ratios.
type avx512 struct {
	popcnt            bool // VPOPCNTQ instead of byte shuffles
	table             Mem
	nibbles, low, nil VecVirtual
	sums              [2]VecVirtual
	ratio, best       VecVirtual
}

func (w *avx512) constants() {
	if w.popcnt {
		return
	}
	w.nibbles, w.low, w.nil = ZMM(), ZMM(), ZMM()
	VMOVDQU64(w.table, w.nibbles)
	fifteen := GP32()
	MOVL(U32(0x0f0f0f0f), fifteen)
	VPBROADCASTD(fifteen, w.low)
	VPXORQ(w.nil, w.nil, w.nil)
}

func (w *avx512) zero() {
	for i := range w.sums {
		w.sums[i] = ZMM()
		VPXORQ(w.sums[i], w.sums[i], w.sums[i])
	}
}

func (w *avx512) word(row Mem, column Register) {
	a := ZMM()
	VPBROADCASTQ(row, a)
	for i, sum := range w.sums {
		x := ZMM()
		VPXORQ(Mem{Base: column, Disp: 64 * i}, a, x)
		if w.popcnt {
			VPOPCNTQ(x, x)
			VPADDQ(x, sum, sum)
			continue
		}
		high := ZMM()
		VPSRLW(Imm(4), x, high)
		VPANDQ(w.low, x, x)
		VPANDQ(w.low, high, high)
		VPSHUFB(x, w.nibbles, x)
		VPSHUFB(high, w.nibbles, high)
		VPADDB(high, x, x)
		VPADDB(x, sum, sum)
	}
}

func (w *avx512) ratios(rowRoot, roots, mask Mem) {
	if !w.popcnt {
		for _, sum := range w.sums {
			VPSADBW(w.nil, sum, sum)
		}
	}
	lower, upper := YMM(), YMM()
	VPMOVQD(w.sums[0], lower)
	VPMOVQD(w.sums[1], upper)
	d, norm := ZMM(), ZMM()
	VINSERTI64X4(Imm(1), upper, lower.AsZ(), d)
	VCVTDQ2PS(d, d)
	VBROADCASTSS(rowRoot, norm)
	VADDPS(roots, norm, norm)
	VMULPS(norm, norm, norm)
	VDIVPS(norm, d, d)
	VMAXPS(mask, d, d)
	w.ratio = d
}

func (w *avx512) store(dst Mem) { VMOVUPS(w.ratio, dst) }

func (w *avx512) startMin() {
	w.best = ZMM()
	two := GP32()
	MOVL(U32(0x40000000), two)
	VPBROADCASTD(two, w.best)
}

func (w *avx512) min() { VMINPS(w.ratio, w.best, w.best) }

func (w *avx512) minInto(dst Mem) {
	low := ZMM()
	VMINPS(dst, w.ratio, low)
	VMOVUPS(low, dst)
}

func (w *avx512) storeMin(dst Mem) {
	y := YMM()
	VEXTRACTF64X4(Imm(1), w.best, y)
	VMINPS(y, w.best.AsY(), y)
	storeLowest(y, dst)
}
