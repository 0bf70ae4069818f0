package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// zmm holds 16 lanes in one register of AVX-512 F and BW.
type zmm struct {
	sums [4]VecVirtual
	low  VecVirtual // 0x00ff in each word
	all  VecVirtual // the four sums' total
}

func (w *zmm) start() {
	for i := range w.sums {
		if w.sums[i] == nil {
			w.sums[i] = ZMM()
		}
		VPXORQ(w.sums[i], w.sums[i], w.sums[i])
	}
}

func (w *zmm) step(row, probe Mem, part int) {
	x := ZMM()
	VMOVUPS(row, x)
	VMULPS_BCST(probe, x, x)
	VADDPS(x, w.sums[part], w.sums[part])
}

func (w *zmm) total() {
	VADDPS(w.sums[1], w.sums[0], w.sums[0])
	VADDPS(w.sums[3], w.sums[2], w.sums[2])
	VADDPS(w.sums[2], w.sums[0], w.sums[0])
	w.all = w.sums[0]
}

func (w *zmm) finish(dst Mem, limit Op, mask Register) {
	l, k := ZMM(), K()
	VBROADCASTSS(limit, l)
	VCMPPS(Imm(0x1d), l, w.all, k) // greater or equal, ordered, quiet
	VMOVUPS(w.all, dst)
	KMOVW(k, mask.(GPVirtual).As32())
}

func (w *zmm) constants() {
	w.low = ZMM()
	c := GP32()
	MOVL(U32(0x00ff00ff), c)
	VPBROADCASTD(c, w.low)
}

// four takes bytes 0 and 2 of each lane as words, then 1 and 3.
func (w *zmm) four(row, _, wide Mem, part int) {
	even, odd := ZMM(), ZMM()
	q := ZMM()
	VMOVDQU64(row, odd)
	VPANDQ(w.low, odd, even)
	VPSRLW(Imm(8), odd, odd)
	VPBROADCASTD(wide, q)
	VPMADDWD(q, even, even)
	r := ZMM()
	VPBROADCASTD(wide.Offset(4), r)
	VPMADDWD(r, odd, odd)
	VPADDD(even, w.sums[part], w.sums[part])
	VPADDD(odd, w.sums[(part+1)%4], w.sums[(part+1)%4])
}

func (w *zmm) scale(bias, scale Op, scales Mem) {
	v := ZMM()
	VPADDD(w.sums[1], w.sums[0], w.sums[0])
	VPADDD(w.sums[3], w.sums[2], w.sums[2])
	VPADDD(w.sums[2], w.sums[0], w.sums[0])
	VPBROADCASTD(bias, v)
	VPSUBD(v, w.sums[0], w.sums[0])
	VCVTDQ2PS(w.sums[0], w.sums[0])
	VMULPS(scales, w.sums[0], w.sums[0])
	s := ZMM()
	VBROADCASTSS(scale, s)
	VMULPS(s, w.sums[0], w.sums[0])
	w.all = w.sums[0]
}

// vnni sums four products a lane in one instruction.
type vnni struct{ zmm }

func (w *vnni) constants() {}

func (w *vnni) four(row, narrow, _ Mem, part int) {
	x := ZMM()
	VMOVDQU64(row, x)
	VPDPBUSD_BCST(narrow, x, w.sums[part])
}
