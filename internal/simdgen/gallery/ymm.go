package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// ymm holds 16 lanes in two registers of AVX2.
type ymm struct {
	sums [4][2]VecVirtual
	low  VecVirtual // 0x00ff in each word
}

func (w *ymm) start() {
	for i := range w.sums {
		for h := range w.sums[i] {
			if w.sums[i][h] == nil {
				w.sums[i][h] = YMM()
			}
			VPXOR(w.sums[i][h], w.sums[i][h], w.sums[i][h])
		}
	}
}

func (w *ymm) step(row, probe Mem, part int) {
	q := YMM()
	VBROADCASTSS(probe, q)
	for h := range 2 {
		x := YMM()
		VMULPS(row.Offset(32*h), q, x)
		VADDPS(x, w.sums[part][h], w.sums[part][h])
	}
}

func (w *ymm) total() {
	for h := range 2 {
		VADDPS(w.sums[1][h], w.sums[0][h], w.sums[0][h])
		VADDPS(w.sums[3][h], w.sums[2][h], w.sums[2][h])
		VADDPS(w.sums[2][h], w.sums[0][h], w.sums[0][h])
	}
}

func (w *ymm) finish(dst Mem, limit Op, mask Register) {
	l := YMM()
	VBROADCASTSS(limit, l)
	var bits [2]GPVirtual
	for h := range 2 {
		over := YMM()
		VCMPPS(Imm(0x1d), l, w.sums[0][h], over) // greater or equal, ordered, quiet
		VMOVUPS(w.sums[0][h], dst.Offset(32*h))
		bits[h] = GP32()
		VMOVMSKPS(over, bits[h])
	}
	SHLL(Imm(8), bits[1])
	ORL(bits[1], bits[0])
	MOVL(bits[0], mask.(GPVirtual).As32())
}

func (w *ymm) constants() {
	w.low = YMM()
	VPCMPEQW(w.low, w.low, w.low)
	VPSRLW(Imm(8), w.low, w.low)
}

// four takes bytes 0 and 2 of each lane as words, then 1 and 3; two pairs of
// sums are enough here.
func (w *ymm) four(row, _, wide Mem, part int) {
	q, r := YMM(), YMM()
	VPBROADCASTD(wide, q)
	VPBROADCASTD(wide.Offset(4), r)
	for h := range 2 {
		even, odd := YMM(), YMM()
		VMOVDQU(row.Offset(32*h), odd)
		VPAND(w.low, odd, even)
		VPSRLW(Imm(8), odd, odd)
		VPMADDWD(q, even, even)
		VPMADDWD(r, odd, odd)
		VPADDD(odd, even, even)
		VPADDD(even, w.sums[part%2][h], w.sums[part%2][h])
	}
}

func (w *ymm) scale(bias, scale Op, scales Mem) {
	b, s := YMM(), YMM()
	VPBROADCASTD(bias, b)
	VBROADCASTSS(scale, s)
	for h := range 2 {
		sum := w.sums[0][h]
		VPADDD(w.sums[1][h], sum, sum)
		VPSUBD(b, sum, sum)
		VCVTDQ2PS(sum, sum)
		VMULPS(scales.Offset(32*h), sum, sum)
		VMULPS(s, sum, sum)
	}
}
