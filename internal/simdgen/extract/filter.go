package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// filter sums the pixels under a filter for a cell of 4x4 values, or for two
// cells side by side.
func filter() {
	TEXT("filterAVX2", NOSPLIT, "func(to, from *float32, stride int, runs *uint64, n int, heads, taps *uint64)")
	Doc("filterAVX2 is kernel.filter; stride is in values.")
	Pragma("noescape")
	to, from, stride := pointer("to"), pointer("from"), pointer("stride")
	runs, n, heads, taps := pointer("runs"), pointer("n"), pointer("heads"), pointer("taps")
	SHLQ(Imm(2), stride)
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	in, out, tap, count, kind := GP64(), GP64(), GP64(), GP64(), GP64()

	Label("runs")
	TESTQ(n, n)
	JE(LabelRef("done"))
	MOVLQSX(Mem{Base: runs}, in)
	LEAQ(Mem{Base: to, Index: in, Scale: 4}, out)
	LEAQ(Mem{Base: from, Index: in, Scale: 4}, in)
	MOVWQSX(Mem{Base: runs, Disp: 4}, kind)
	LEAQ(Mem{Base: heads, Index: kind, Scale: 8}, tap)
	MOVLQSX(Mem{Base: tap, Disp: 4}, count)
	MOVLQSX(Mem{Base: tap}, tap)
	LEAQ(Mem{Base: taps, Index: tap, Scale: 8}, tap)
	CMPW(Mem{Base: runs, Disp: 6}, Imm(1))
	JNE(LabelRef("pair"))
	sumCells("single", func() VecVirtual { return XMM() }, in, out, tap, count, stride, stride3)
	JMP(LabelRef("next"))
	Label("pair")
	sumCells("double", func() VecVirtual { return YMM() }, in, out, tap, count, stride, stride3)
	Label("next")
	ADDQ(Imm(8), runs)
	DECQ(n)
	JMP(LabelRef("runs"))
	Label("done")
	VZEROUPPER()
	RET()
}

// sumCells filters four rows, as wide as the registers.
func sumCells(label string, vector func() VecVirtual, in, out, tap, count, stride, stride3 GPVirtual) {
	rows := func(base GPVirtual) [4]Mem {
		return [4]Mem{{Base: base}, {Base: base, Index: stride, Scale: 1}, {Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1}}
	}
	var sums [4]VecVirtual
	for i := range sums {
		sums[i] = vector()
		VXORPS(sums[i], sums[i], sums[i])
	}
	Label(label)
	at, weight := GP64(), vector()
	MOVLQSX(Mem{Base: tap}, at)
	ADDQ(in, at)
	VBROADCASTSS(Mem{Base: tap, Disp: 4}, weight)
	for i, row := range rows(at) {
		v := vector()
		VMULPS(row, weight, v)
		VADDPS(v, sums[i], sums[i])
	}
	ADDQ(Imm(8), tap)
	DECQ(count)
	JNE(LabelRef(label))
	for i, row := range rows(out) {
		VMOVUPS(sums[i], row)
	}
}
