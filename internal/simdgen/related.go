package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lineBytes is the room of one of the eight lines of near.Places.
const lineBytes = 4 * 64

// related emits func relatedAVX2(masks *uint64, lines *float32, from, to int, reach, share float32).
func related() {
	TEXT("relatedAVX2", NOSPLIT, "func(masks *uint64, lines *float32, from, to int, reach, share float32)")
	Doc("relatedAVX2 sets a bit for each place that may agree with one of those from..to-1, in that one's mask, as far as that one's eight; see Kernels.")
	Pragma("noescape")
	masks := Load(Param("masks"), GP64())
	lines := Load(Param("lines"), GP64())
	x := Load(Param("from"), GP64())
	to := Load(Param("to"), GP64())
	reach, share := spread("reach"), spread("share")
	line, step, steps, mask, nothing := GP64(), GP64(), GP64(), GP32(), GP64()
	XORQ(nothing, nothing)

	Label("places")
	CMPQ(x, to)
	JGE(LabelRef("done"))
	// x and y of a, x and y of b, cosine and sine of a, of b.
	var p [8]VecVirtual
	for i := range p {
		p[i] = YMM()
		VBROADCASTSS(Mem{Base: lines, Index: x, Scale: 4, Disp: lineBytes * i}, p[i])
	}
	MOVQ(nothing, Mem{Base: masks, Index: x, Scale: 8})
	at := GP64()
	LEAQ(Mem{Base: masks, Index: x, Scale: 8}, at)
	LEAQ(Mem{Base: x, Disp: 7}, steps)
	SHRQ(Imm(3), steps)
	MOVQ(lines, line)
	XORQ(step, step)
	Label("steps")
	CMPQ(step, steps)
	JE(LabelRef("place_done"))
	var d [4]VecVirtual
	for i := range d {
		d[i] = YMM()
		VMOVUPS(Mem{Base: line, Disp: lineBytes * i}, d[i])
		VSUBPS(p[i], d[i], d[i])
	}
	u, v, w, far := YMM(), YMM(), YMM(), d[0]
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
	VMULPS(share, far, far)
	VADDPS(reach, far, far)
	VCMPPS(Imm(greater), u, far, u)
	VMOVMSKPS(u, mask)
	MOVB(mask.As8(), Mem{Base: at, Index: step, Scale: 1})
	ADDQ(Imm(32), line)
	INCQ(step)
	JMP(LabelRef("steps"))
	Label("place_done")
	INCQ(x)
	JMP(LabelRef("places"))
	Label("done")
	VZEROUPPER()
	RET()
}
