package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pullBytes is the size of a near.Pull: x, y, dx, dy, weight and of whom.
const pullBytes = 6 * 4

// pull emits func pullAVX2(dxs, dys, xs, ys *float32, steps int, pulls *float32, n int, scale float32).
func pull() {
	TEXT("pullAVX2", NOSPLIT, "func(dxs, dys, xs, ys *float32, steps int, pulls *float32, n int, scale float32)")
	Doc("pullAVX2 writes how far n pulls move steps*8 points; see Kernels.")
	Pragma("noescape")
	eights := GLOBL("eights", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, I32(i))
	}
	one := GLOBL("one", RODATA|NOPTR)
	DATA(0, F32(1))
	dxs := Load(Param("dxs"), GP64())
	dys := Load(Param("dys"), GP64())
	xs := Load(Param("xs"), GP64())
	ys := Load(Param("ys"), GP64())
	steps := Load(Param("steps"), GP64())
	pulls := Load(Param("pulls"), GP64())
	n := Load(Param("n"), GP64())
	scale := spread("scale")
	ones, lane, eight := YMM(), YMM(), YMM()
	VBROADCASTSS(one, ones)
	VMOVDQU(eights, lane)
	wide := GP32()
	MOVL(U32(8), wide)
	VMOVD(wide, eight.AsX())
	VPBROADCASTD(eight.AsX(), eight)
	p, left := GP64(), GP64()

	Label("steps")
	TESTQ(steps, steps)
	JE(LabelRef("done"))
	x, y, dx, dy, all := YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: xs}, x)
	VMOVUPS(Mem{Base: ys}, y)
	VXORPS(dx, dx, dx)
	VXORPS(dy, dy, dy)
	VMOVAPS(ones, all)
	MOVQ(pulls, p)
	MOVQ(n, left)
	Label("pulls")
	TESTQ(left, left)
	JE(LabelRef("moved"))
	of := func(k int) VecVirtual {
		v := YMM()
		VBROADCASTSS(Mem{Base: p, Disp: 4 * k}, v)
		return v
	}
	far, part, weight, own := of(0), of(1), of(4), of(5)
	VSUBPS(x, far, far)
	VSUBPS(y, part, part)
	VMULPS(far, far, far)
	VMULPS(part, part, part)
	VADDPS(part, far, far)
	VMULPS(scale, far, far)
	VADDPS(ones, far, far)
	VMULPS(far, far, far)
	VDIVPS(far, weight, weight)
	VPCMPEQD(lane, own, own)
	VANDNPS(weight, own, weight)
	for k, sum := range []VecVirtual{dx, dy} {
		d := of(2 + k)
		VMULPS(weight, d, d)
		VADDPS(d, sum, sum)
	}
	VADDPS(weight, all, all)
	ADDQ(Imm(pullBytes), p)
	DECQ(left)
	JMP(LabelRef("pulls"))
	Label("moved")
	VDIVPS(all, dx, dx)
	VDIVPS(all, dy, dy)
	VMOVUPS(dx, Mem{Base: dxs})
	VMOVUPS(dy, Mem{Base: dys})
	VPADDD(eight, lane, lane)
	for _, line := range []Register{dxs, dys, xs, ys} {
		ADDQ(Imm(32), line)
	}
	DECQ(steps)
	JMP(LabelRef("steps"))
	Label("done")
	VZEROUPPER()
	RET()
}
