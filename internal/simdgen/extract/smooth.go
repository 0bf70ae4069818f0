package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// binomial smooths slices of three or five neighbours: eight values at a time,
// then one by one.
func binomial(name string, taps int) {
	args := []string{"a", "b", "c", "d", "e"}[:taps]
	weights := [...]float32{4.0 / 16, 1.0 / 16, 6.0 / 16}
	list := "a, b, c, d, e"
	if taps == 3 {
		weights = [...]float32{0.25, 0, 0.5}
		list = "a, b, c"
	}
	outer, middle := float(name+"_outer", weights[1]), float(name+"_middle", weights[2])
	inner := float(name+"_inner", weights[0])
	TEXT(name, NOSPLIT, "func(out, "+list+" *float32, n int)")
	Doc(name + " is the kernel over n values.")
	Pragma("noescape")
	out, n, at := pointer("out"), pointer("n"), GP64()
	var in []GPVirtual
	for _, a := range args {
		in = append(in, pointer(a))
	}
	XORQ(at, at)
	w := [3]VecVirtual{loaded(inner), nil, loaded(middle)}
	if taps == 5 {
		w[1] = loaded(outer)
	}
	Label("eight")
	CMPQ(n, Imm(lanes))
	JL(LabelRef("one"))
	weigh(in, at, w, YMM, VMOVUPS, VADDPS, VMULPS, out)
	ADDQ(Imm(bytes), at)
	SUBQ(Imm(lanes), n)
	JMP(LabelRef("eight"))
	Label("one")
	TESTQ(n, n)
	JE(LabelRef("done"))
	for i := range w {
		if w[i] != nil {
			w[i] = w[i].AsX().(VecVirtual)
		}
	}
	weigh(in, at, w, XMM, func(ops ...Op) { VMOVSS(ops...) }, VADDSS, VMULSS, out)
	ADDQ(Imm(4), at)
	DECQ(n)
	JMP(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

// weigh adds outer pair, inner pair and middle in this order; of three there is
// no outer pair.
func weigh(in []GPVirtual, at GPVirtual, w [3]VecVirtual, vector func() VecVirtual, move func(...Op), add, mul func(...Op), out GPVirtual) {
	mem := func(p GPVirtual) Mem { return Mem{Base: p, Index: at, Scale: 1} }
	pair := func(a, b GPVirtual, weight VecVirtual) VecVirtual {
		v := vector()
		move(mem(a), v)
		add(mem(b), v, v)
		mul(weight, v, v)
		return v
	}
	last := len(in) - 1
	var sum VecVirtual
	if w[1] != nil {
		sum = pair(in[0], in[last], w[1])
		next := pair(in[1], in[last-1], w[0])
		add(next, sum, sum)
	} else {
		sum = pair(in[0], in[last], w[0])
	}
	middle := vector()
	mul(mem(in[len(in)/2]), w[2], middle)
	add(middle, sum, sum)
	move(sum, mem(out))
}
