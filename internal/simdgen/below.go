package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// greater is VCMPPS's "greater than", false for a NaN.
const greater = 30

// below emits func belowAVX2(dst *uint16, ratios *float32, blocks int, limit float32).
func below() {
	TEXT("belowAVX2", NOSPLIT, "func(dst *uint16, ratios *float32, blocks int, limit float32)")
	Doc("belowAVX2 sets a bit for each ratio under limit, 16 a block, the first lowest.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	ratios := Load(Param("ratios"), GP64())
	blocks := Load(Param("blocks"), GP64())
	limit := YMM()
	at, err := Param("limit").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(at.Addr, limit)
	low, high := GP32(), GP32()
	Label("blocks")
	TESTQ(blocks, blocks)
	JE(LabelRef("done"))
	x, y := YMM(), YMM()
	VCMPPS(Imm(greater), Mem{Base: ratios}, limit, x)
	VCMPPS(Imm(greater), Mem{Base: ratios, Disp: 32}, limit, y)
	VMOVMSKPS(x, low)
	VMOVMSKPS(y, high)
	SHLL(Imm(8), high)
	ORL(high, low)
	MOVW(low.As16(), Mem{Base: dst})
	ADDQ(Imm(4*lanes), ratios)
	ADDQ(Imm(2), dst)
	DECQ(blocks)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}
