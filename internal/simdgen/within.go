package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// within emits func withinAVX2(masks *uint8, xs, ys *float32, n int, x, y, limit float32).
func within() {
	TEXT("withinAVX2", NOSPLIT, "func(masks *uint8, xs, ys *float32, n int, x, y, limit float32)")
	Doc("withinAVX2 sets a bit for each of n*8 points whose squared distance to (x, y) is under limit; see Kernels.")
	Pragma("noescape")
	masks := Load(Param("masks"), GP64())
	xs := Load(Param("xs"), GP64())
	ys := Load(Param("ys"), GP64())
	n := Load(Param("n"), GP64())
	spread := func(name string) VecVirtual {
		at, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		v := YMM()
		VBROADCASTSS(at.Addr, v)
		return v
	}
	x, y, limit := spread("x"), spread("y"), spread("limit")
	mask := GP32()
	Label("steps")
	TESTQ(n, n)
	JE(LabelRef("done"))
	dx, dy := YMM(), YMM()
	VSUBPS(Mem{Base: xs}, x, dx)
	VSUBPS(Mem{Base: ys}, y, dy)
	VMULPS(dx, dx, dx)
	VMULPS(dy, dy, dy)
	VADDPS(dy, dx, dx)
	VCMPPS(Imm(greater), dx, limit, dx)
	VMOVMSKPS(dx, mask)
	MOVB(mask.As8(), Mem{Base: masks})
	ADDQ(Imm(32), xs)
	ADDQ(Imm(32), ys)
	INCQ(masks)
	DECQ(n)
	JMP(LabelRef("steps"))
	Label("done")
	VZEROUPPER()
	RET()
}
