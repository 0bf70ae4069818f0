package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lineBytes is the room of one of the four lines of near.Places.
const lineBytes = 4 * 64

// related emits func relatedAVX2(masks *uint8, lines, place *float32, n int).
func related() {
	TEXT("relatedAVX2", NOSPLIT, "func(masks *uint8, lines, place *float32, n int)")
	Doc("relatedAVX2 sets a bit for each of n*8 places that may agree with place; see Kernels.")
	Pragma("noescape")
	masks := Load(Param("masks"), GP64())
	lines := Load(Param("lines"), GP64())
	place := Load(Param("place"), GP64())
	n := Load(Param("n"), GP64())
	// x and y of a, x and y of b, cosine and sine of a, of b, and the bounds.
	var p [10]VecVirtual
	for i := range p {
		p[i] = YMM()
		VBROADCASTSS(Mem{Base: place, Disp: 4 * i}, p[i])
	}
	mask := GP32()
	Label("steps")
	TESTQ(n, n)
	JE(LabelRef("done"))
	var d [4]VecVirtual
	for i := range d {
		d[i] = YMM()
		VMOVUPS(Mem{Base: lines, Disp: lineBytes * i}, d[i])
		VSUBPS(p[i], d[i], d[i])
	}
	u, v, w, far := YMM(), YMM(), YMM(), YMM()
	VMULPS(d[0], p[4], u)
	VMULPS(d[1], p[5], w)
	VSUBPS(w, u, u)
	VMULPS(d[2], p[6], w)
	VSUBPS(w, u, u)
	VMULPS(d[3], p[7], w)
	VADDPS(w, u, u)
	VMULPS(d[0], p[5], v)
	VMULPS(d[1], p[4], w)
	VADDPS(w, v, v)
	VMULPS(d[2], p[7], w)
	VSUBPS(w, v, v)
	VMULPS(d[3], p[6], w)
	VSUBPS(w, v, v)
	VMULPS(u, u, u)
	VMULPS(v, v, v)
	VADDPS(v, u, u)
	VMULPS(d[2], d[2], far)
	VMULPS(d[3], d[3], w)
	VADDPS(w, far, far)
	VMULPS(p[9], far, far)
	VADDPS(p[8], far, far)
	VCMPPS(Imm(greater), u, far, u)
	VMOVMSKPS(u, mask)
	MOVB(mask.As8(), Mem{Base: masks})
	ADDQ(Imm(32), lines)
	INCQ(masks)
	DECQ(n)
	JMP(LabelRef("steps"))
	Label("done")
	VZEROUPPER()
	RET()
}
