package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// storeSums folds each sum, times two where twice says so, into its slice.
func storeSums(at GPVirtual, out [3]GPVirtual, sums [3]VecVirtual, twice int) {
	for i, sum := range sums {
		x := fold(sum)
		if i == twice {
			VADDSS(x, x, x)
		}
		VMOVSS(x, Mem{Base: out[i], Index: at, Scale: 4})
	}
}

// gradients is the structure tensor of the wanted blocks of a row of blocks.
func gradients() {
	TEXT("gradientsAVX2", NOSPLIT, "func(c, s, e *float32, wanted *bool, n int, p *float32, stride, rows int)")
	Doc("gradientsAVX2 is kernel.gradients over n blocks.")
	Pragma("noescape")
	out := [3]GPVirtual{pointer("c"), pointer("s"), pointer("e")}
	wanted, n, p, stride := pointer("wanted"), pointer("n"), pointer("p"), pointer("stride")
	SHLQ(Imm(2), stride)
	at, row, left := GP64(), GP64(), GP64()
	XORQ(at, at)
	Label("blocks")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	CMPB(Mem{Base: wanted, Index: at, Scale: 1}, Imm(0))
	JE(LabelRef("next"))
	MOVQ(p, row)
	Load(Param("rows"), left)
	sums := [3]VecVirtual{zeroed(), zeroed(), zeroed()}
	Label("rows")
	// pixel is the Sobel's 3x3, its upper left at row.
	pixel := func(x, y int) Mem {
		m := Mem{Base: row, Disp: 4 * x}
		if y > 0 {
			m.Index, m.Scale = stride, uint8(y)
		}
		return m
	}
	// line is first + 2*second + third.
	line := func(first, second, third Mem) VecVirtual {
		a, b := YMM(), YMM()
		VMOVUPS(second, b)
		VADDPS(b, b, b)
		VADDPS(first, b, a)
		VADDPS(third, a, a)
		return a
	}
	l, r := line(pixel(0, 0), pixel(0, 1), pixel(0, 2)), line(pixel(2, 0), pixel(2, 1), pixel(2, 2))
	t, b := line(pixel(0, 0), pixel(1, 0), pixel(2, 0)), line(pixel(0, 2), pixel(1, 2), pixel(2, 2))
	VSUBPS(l, r, r) // dx
	VSUBPS(b, t, t) // dy
	xy := YMM()
	VMULPS(r, t, xy)
	VMULPS(r, r, r)
	VMULPS(t, t, t)
	difference := YMM()
	VSUBPS(t, r, difference)
	VADDPS(t, r, r)
	VADDPS(difference, sums[0], sums[0])
	VADDPS(xy, sums[1], sums[1])
	VADDPS(r, sums[2], sums[2])
	ADDQ(stride, row)
	DECQ(left)
	JNE(LabelRef("rows"))
	storeSums(at, out, sums, 1)
	Label("next")
	ADDQ(Imm(bytes), p)
	INCQ(at)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}

// products is the sums that a correlation needs.
func products() {
	TEXT("productsAVX2", NOSPLIT, "func(ab, aa, bb *float32, n int, a, b *float32, stride int)")
	Doc("productsAVX2 is kernel.products over n blocks.")
	Pragma("noescape")
	out := [3]GPVirtual{pointer("ab"), pointer("aa"), pointer("bb")}
	n, a, b, stride := pointer("n"), pointer("a"), pointer("b"), pointer("stride")
	SHLQ(Imm(2), stride)
	at, offset, left := GP64(), GP64(), GP64()
	XORQ(at, at)
	Label("blocks")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	XORQ(offset, offset)
	MOVQ(U32(blockSide), left)
	sums := [3]VecVirtual{zeroed(), zeroed(), zeroed()}
	Label("rows")
	x, y, xy := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: a, Index: offset, Scale: 1}, x)
	VMOVUPS(Mem{Base: b, Index: offset, Scale: 1}, y)
	VMULPS(x, y, xy)
	VMULPS(x, x, x)
	VMULPS(y, y, y)
	for i, v := range [3]VecVirtual{xy, x, y} {
		VADDPS(v, sums[i], sums[i])
	}
	ADDQ(stride, offset)
	DECQ(left)
	JNE(LabelRef("rows"))
	storeSums(at, out, sums, -1)
	ADDQ(Imm(bytes), a)
	ADDQ(Imm(bytes), b)
	INCQ(at)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}

// contrasts is the sum and the sum of squares of blocks of bytes.
func contrasts() {
	TEXT("contrastsAVX2", NOSPLIT, "func(sum, square *int32, n int, in *byte, stride, rows int)")
	Doc("contrastsAVX2 is kernel.contrasts over n blocks.")
	Pragma("noescape")
	sum, square, n := pointer("sum"), pointer("square"), pointer("n")
	in, stride := pointer("in"), pointer("stride")
	at, row, left := GP64(), GP64(), GP64()
	ones := GP32()
	one := XMM()
	MOVL(U32(0x00010001), ones)
	VMOVD(ones, one)
	VPBROADCASTD(one, one)
	XORQ(at, at)
	Label("blocks")
	CMPQ(at, n)
	JGE(LabelRef("done"))
	MOVQ(in, row)
	Load(Param("rows"), left)
	s, q := XMM(), XMM()
	VPXOR(s, s, s)
	VPXOR(q, q, q)
	Label("rows")
	v, products := XMM(), XMM()
	VPMOVZXBW(Mem{Base: row}, v)
	VPMADDWD(v, v, products)
	VPADDD(products, q, q)
	VPMADDWD(v, one, v)
	VPADDD(v, s, s)
	ADDQ(stride, row)
	DECQ(left)
	JNE(LabelRef("rows"))
	// s0+s1, s2+s3, q0+q1, q2+q3, then both sums.
	VPHADDD(q, s, s)
	VPHADDD(s, s, s)
	VMOVD(s, Mem{Base: sum, Index: at, Scale: 4})
	VPEXTRD(Imm(1), s, Mem{Base: square, Index: at, Scale: 4})
	ADDQ(Imm(blockSide), in)
	INCQ(at)
	JMP(LabelRef("blocks"))
	Label("done")
	RET()
}
