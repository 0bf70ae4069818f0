// Command extract writes the assembly of match/finger's extraction with avo:
//
//	go generate ./match/finger
//
// There is one level, AVX2, whose registers hold the eight columns of a block or
// a row of two cells; wider ones were not tried. The kernels give the bits of the portable form (kernel.go): the same operations in the
// same order, no fused ones. See there for what each does.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	lanes     = 8 // float32 in a YMM register
	bytes     = 4 * lanes
	blockSide = 8
)

func main() {
	ConstraintExpr("amd64")
	filter()
	binomial("binomial3AVX2", 3)
	binomial("binomial5AVX2", 5)
	gradients()
	products()
	contrasts()
	normalise()
	directions()
	signs()
	profile()
	correlate()
	Generate()
}

// constant is eight times the same value in memory.
func constant(name string, bits uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range lanes {
		DATA(4*i, U32(bits))
	}
	return m
}

func float(name string, v float32) Mem { return constant(name, math.Float32bits(v)) }

// ramp is from, from+step and so on in eight lanes.
func ramp(name string, from, step float32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range lanes {
		DATA(4*i, F32(from+float32(i)*step))
	}
	return m
}

// loaded is a constant in a register.
func loaded(m Mem) VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

func zeroed() VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// fold adds the lanes of v as eightLanes.sum does, into the lowest of its X.
func fold(v VecVirtual) Register {
	x, y := v.AsX(), XMM()
	VEXTRACTF128(Imm(1), v, y)
	VADDPS(y, x, x)
	VMOVHLPS(x, x, y)
	VADDPS(y, x, x)
	VMOVSHDUP(x, y)
	VADDSS(y, x, x)
	return x
}

func pointer(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
