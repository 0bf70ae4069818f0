package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowBytes is the room of one of the five lines of near.Rows.
const rowBytes = 4 * 128

// spread loads a parameter of four bytes into all lanes.
func spread(name string) VecVirtual {
	at, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(at.Addr, v)
	return v
}

// together emits func togetherAVX2(masks *uint64, words int, rows *float32, n int, xs, ys, cosines, sines *float32, steps int, least float32).
func together() {
	TEXT("togetherAVX2", NOSPLIT, "func(masks *uint64, words int, rows *float32, n int, xs, ys, cosines, sines *float32, steps int, least float32)")
	Doc("togetherAVX2 sets a bit for each of steps*8 points that lies and points as each of n rows asks for; see Kernels.")
	Pragma("noescape")
	masks := Load(Param("masks"), GP64())
	words := Load(Param("words"), GP64())
	row := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	steps := Load(Param("steps"), GP64())
	var columns [4]Register
	for k, name := range []string{"xs", "ys", "cosines", "sines"} {
		columns[k] = Load(Param(name), GP64())
	}
	least := spread("least")
	SHLQ(Imm(3), words) // bytes
	at, step, mask := GP64(), GP64(), GP32()

	Label("rows")
	TESTQ(n, n)
	JE(LabelRef("done"))
	var r [5]VecVirtual // x, y, limit, cosine, sine
	for k := range r {
		r[k] = YMM()
		VBROADCASTSS(Mem{Base: row, Disp: k * rowBytes}, r[k])
	}
	XORQ(step, step)
	XORQ(at, at)
	Label("steps")
	CMPQ(step, steps)
	JE(LabelRef("row_done"))
	column := func(k int) Mem { return Mem{Base: columns[k], Index: at, Scale: 4} }
	dx, dy, dot, part := YMM(), YMM(), YMM(), YMM()
	VSUBPS(column(0), r[0], dx)
	VSUBPS(column(1), r[1], dy)
	VMULPS(dx, dx, dx)
	VMULPS(dy, dy, dy)
	VADDPS(dy, dx, dx)
	VCMPPS(Imm(greater), dx, r[2], dx)
	VMULPS(column(2), r[3], dot)
	VMULPS(column(3), r[4], part)
	VADDPS(part, dot, dot)
	VCMPPS(Imm(greater), least, dot, dot)
	VANDPS(dot, dx, dx)
	VMOVMSKPS(dx, mask)
	MOVB(mask.As8(), Mem{Base: masks, Index: step, Scale: 1})
	ADDQ(Imm(8), at)
	INCQ(step)
	JMP(LabelRef("steps"))
	Label("row_done")
	ADDQ(words, masks)
	ADDQ(Imm(4), row)
	DECQ(n)
	JMP(LabelRef("rows"))
	Label("done")
	VZEROUPPER()
	RET()
}
