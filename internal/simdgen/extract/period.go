package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	profileLength = 48
	profileHalf   = 8
	margin        = 24
)

// broadcast is a parameter of 32 bits in all lanes.
func broadcast(name string) VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(p.Addr, v)
	return v
}

// profile samples eight lines along the ridge at once.
func profile() {
	across, eight := ramp("profile_across", -profileLength/2, 1), float("profile_eight", lanes)
	first, two := float("profile_first", -profileHalf), float("profile_two", 2)
	frame, half, edge := float("profile_frame", margin), float("profile_half", 0.5), constant("profile_edge", margin)
	TEXT("profileAVX2", NOSPLIT, "func(out, origin *float32, stride, right, bottom int32, x, y, sin, cos float32)")
	Doc("profileAVX2 is kernel.profile; origin is the plane's first pixel, right and bottom its last column and row.")
	Pragma("noescape")
	out, origin := pointer("out"), pointer("origin")
	stride, right, bottom := broadcast("stride"), broadcast("right"), broadcast("bottom")
	sin, cos := broadcast("sin"), broadcast("cos")
	u, zero := loaded(across), zeroed()
	groups, left := GP64(), GP64()
	MOVQ(U32(profileLength/lanes), groups)
	Label("groups")
	cx, cy := YMM(), YMM()
	VMULPS(sin, u, cx)
	VADDPS(broadcast("x"), cx, cx)
	VMULPS(cos, u, cy)
	VADDPS(broadcast("y"), cy, cy)
	sum, d := zeroed(), loaded(first)
	MOVQ(U32(profileHalf+1), left)
	Label("along")
	px, py := YMM(), YMM()
	VMULPS(cos, d, px)
	VADDPS(px, cx, px)
	VMULPS(sin, d, py)
	VSUBPS(py, cy, py)
	pixel(px, right, zero, frame, half, edge)
	pixel(py, bottom, zero, frame, half, edge)
	VPMULLD(stride, py, py)
	VPADDD(px, py, py)
	all, v := YMM(), YMM()
	VPCMPEQD(all, all, all)
	VXORPS(v, v, v)
	VGATHERDPS(all, Mem{Base: origin, Index: py, Scale: 4}, v)
	VADDPS(v, sum, sum)
	VADDPS(two, d, d)
	DECQ(left)
	JNE(LabelRef("along"))
	VMOVUPS(sum, Mem{Base: out})
	ADDQ(Imm(bytes), out)
	VADDPS(eight, u, u)
	DECQ(groups)
	JNE(LabelRef("groups"))
	VZEROUPPER()
	RET()
}

// pixel rounds coordinates, which may lie a margin before zero, and keeps them
// within 0 to last.
func pixel(v, last, zero VecVirtual, frame, half, edge Mem) {
	VADDPS(frame, v, v)
	VADDPS(half, v, v)
	VCVTTPS2DQ(v, v)
	VPSUBD(edge, v, v)
	VPMINSD(last, v, v)
	VPMAXSD(zero, v, v)
}

// correlate sums the products of a profile with itself, one lane a lag.
func correlate() {
	TEXT("correlateAVX2", NOSPLIT, "func(out, profile *float32)")
	Doc("correlateAVX2 is kernel.correlate.")
	Pragma("noescape")
	out, p, left := pointer("out"), pointer("profile"), GP64()
	sums := [3]VecVirtual{zeroed(), zeroed(), zeroed()}
	MOVQ(U32(profileLength), left)
	Label("next")
	v := YMM()
	VBROADCASTSS(Mem{Base: p}, v)
	for i, sum := range sums {
		product := YMM()
		VMULPS(Mem{Base: p, Disp: i * bytes}, v, product)
		VADDPS(product, sum, sum)
	}
	ADDQ(Imm(4), p)
	DECQ(left)
	JNE(LabelRef("next"))
	for i, sum := range sums {
		VMOVUPS(sum, Mem{Base: out, Disp: i * bytes})
	}
	VZEROUPPER()
	RET()
}
