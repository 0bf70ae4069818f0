package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const less = 0x11 // VCMPPS predicate: ordered, quiet

// normalise takes the mean from grey levels and multiplies by the gain.
func normalise() {
	at, eighth := ramp("normalise_at", 0.5, 1), float("normalise_eighth", 1.0/blockSide)
	high, low := float("normalise_high", 2.5), float("normalise_low", -2.5)
	TEXT("normaliseAVX2", NOSPLIT, "func(out *float32, in *byte, mean, gain *float32, n int)")
	Doc("normaliseAVX2 is kernel.normalise over n times eight values.")
	Pragma("noescape")
	out, in, mean, gain, n := pointer("out"), pointer("in"), pointer("mean"), pointer("gain"), pointer("n")
	ats, eighths, highs, lows := loaded(at), loaded(eighth), loaded(high), loaded(low)
	// line is what v is along the eight values.
	line := func(v GPVirtual) VecVirtual {
		from, step := YMM(), YMM()
		VBROADCASTSS(Mem{Base: v}, from)
		VBROADCASTSS(Mem{Base: v, Disp: 4}, step)
		VSUBPS(from, step, step)
		VMULPS(eighths, step, step)
		VMULPS(ats, step, step)
		VADDPS(step, from, from)
		return from
	}
	Label("eight")
	TESTQ(n, n)
	JE(LabelRef("done"))
	p := YMM()
	VPMOVZXBD(Mem{Base: in}, p)
	VCVTDQ2PS(p, p)
	VSUBPS(line(mean), p, p)
	VMULPS(line(gain), p, p)
	VMINPS(highs, p, p)
	VMAXPS(lows, p, p)
	VMOVUPS(p, Mem{Base: out})
	ADDQ(Imm(bytes), out)
	ADDQ(Imm(lanes), in)
	ADDQ(Imm(4), mean)
	ADDQ(Imm(4), gain)
	DECQ(n)
	JMP(LabelRef("eight"))
	Label("done")
	VZEROUPPER()
	RET()
}

// directions is turns(y, x) as a filter angle.
func directions() {
	abs, curve := constant("directions_abs", 0x7fffffff), float("directions_curve", 0.04345)
	one, eighth := float("directions_one", 1), float("directions_eighth", 0.125)
	quarter, half := float("directions_quarter", 0.25), float("directions_half", 0.5)
	angles, last := float("directions_angles", 48), constant("directions_last", 48)
	TEXT("directionsAVX2", NOSPLIT, "func(out *int32, x0, y0, x1, y1 *float32, fy float32, n int)")
	Doc("directionsAVX2 is kernel.directions over n times eight values.")
	Pragma("noescape")
	out, n := pointer("out"), pointer("n")
	x0, y0, x1, y1 := pointer("x0"), pointer("y0"), pointer("x1"), pointer("y1")
	at := GP64()
	XORQ(at, at)
	share := broadcast("fy")
	halves, zero := loaded(half), zeroed()
	mix := func(p, q GPVirtual) VecVirtual {
		a, b := YMM(), YMM()
		VMOVUPS(Mem{Base: p, Index: at, Scale: 1}, a)
		VMOVUPS(Mem{Base: q, Index: at, Scale: 1}, b)
		VSUBPS(a, b, b)
		VMULPS(share, b, b)
		VADDPS(b, a, a)
		return a
	}
	Label("eight")
	TESTQ(n, n)
	JE(LabelRef("done"))
	x, y := mix(x0, x1), mix(y0, y1)
	ax, ay, low, high := YMM(), YMM(), YMM(), YMM()
	VANDPS(abs, x, ax)
	VANDPS(abs, y, ay)
	VMINPS(ay, ax, low)
	VMAXPS(ay, ax, high)
	z, t := low, YMM()
	VDIVPS(high, low, z)
	VMOVUPS(one, t)
	VSUBPS(z, t, t)
	VMULPS(curve, t, t)
	VADDPS(eighth, t, t)
	VMULPS(z, t, t)
	// mirror sets t to from-t where a is less than b.
	mirror := func(a, b VecVirtual, from Op) {
		where, other := YMM(), YMM()
		VCMPPS(Imm(less), b, a, where)
		VMOVUPS(from, other)
		VSUBPS(t, other, other)
		VBLENDVPS(where, other, t, t)
	}
	mirror(ax, ay, quarter)
	mirror(x, zero, half)
	mirror(y, zero, one)
	some := YMM()
	VCMPPS(Imm(less), high, zero, some)
	VANDPS(some, t, t) // no vector, no angle
	VMULPS(angles, t, t)
	VADDPS(halves, t, t)
	VCVTTPS2DQ(t, t)
	turned := YMM()
	VPCMPEQD(last, t, turned)
	VPANDN(t, turned, t)
	VMOVDQU(t, Mem{Base: out, Index: at, Scale: 1})
	ADDQ(Imm(bytes), at)
	DECQ(n)
	JMP(LabelRef("eight"))
	Label("done")
	VZEROUPPER()
	RET()
}

// signs is one bit a value.
func signs() {
	TEXT("signsAVX2", NOSPLIT, "func(out *uint64, in *float32, n int)")
	Doc("signsAVX2 is kernel.signs over n words.")
	Pragma("noescape")
	out, in, n := pointer("out"), pointer("in"), pointer("n")
	zero := zeroed()
	Label("words")
	TESTQ(n, n)
	JE(LabelRef("done"))
	for i := range 8 {
		v, eight := YMM(), GP32()
		VCMPPS(Imm(less), Mem{Base: in, Disp: i * bytes}, zero, v)
		VMOVMSKPS(v, eight)
		MOVB(eight.As8(), Mem{Base: out, Disp: i})
	}
	ADDQ(Imm(8), out)
	ADDQ(U32(8*bytes), in)
	DECQ(n)
	JMP(LabelRef("words"))
	Label("done")
	VZEROUPPER()
	RET()
}
