// Command gallery writes the assembly of match/gallery with avo:
//
//	go generate ./match/gallery
//
// A block holds 16 templates with their values interleaved, so each lane of a
// register is one template and no sum runs across lanes. Floats are multiplied,
// then added (no fused operation), in the order that match/gallery/kernel.go
// defines: every level gives the bits of the portable form.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	line  = 64       // bytes: one value of 16 templates, or four of int8
	chunk = 4 * line // what a step of a kernel reads
	ahead = 2048     // bytes that are asked for before they are needed
)

func main() {
	ConstraintExpr("amd64")
	floats("floatsAVX2", func() lanes { return &ymm{} })
	floats("floatsAVX512", func() lanes { return &zmm{} })
	bytes("bytesAVX2", func() integers { return &ymm{} })
	bytes("bytesAVX512", func() integers { return &zmm{} })
	bytes("bytesVNNI", func() integers { return &vnni{} })
	read("readAVX2", YMM, 32, func(m Mem, v VecVirtual) { VPADDQ(m, v, v) })
	read("readAVX512", ZMM, 64, func(m Mem, v VecVirtual) { VPADDQ(m, v, v) })
	Generate()
}

// lanes are 16 float32 sums, four times.
type lanes interface {
	start()
	step(row Mem, probe Mem, part int) // adds 16 values times one of the probe
	total()                            // (0 + 1) + (2 + 3)
	finish(dst Mem, limit Op, mask Register)
}

// integers are 16 int32 sums of products of bytes.
type integers interface {
	start()
	constants()
	four(row Mem, narrow, wide Mem, part int) // adds four values' products
	scale(bias, scale Op, scales Mem)
	finish(dst Mem, limit Op, mask Register)
}

func pointer(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// prefetch is for bytes only: measured, floats and plain reading are faster without.
func prefetch(row GPVirtual) {
	for i := range chunk / line {
		PREFETCHT0(Mem{Base: row, Disp: ahead + i*line})
	}
}

func floats(name string, with func() lanes) {
	TEXT(name, NOSPLIT, "func(dst *float32, masks *uint16, rows *float32, blocks, quads int, probe *float32, limit float32)")
	Doc(name + " is kernel.floats.")
	Pragma("noescape")
	w := with()
	dst, masks, row := pointer("dst"), pointer("masks"), pointer("rows")
	blocks, quads, probe := pointer("blocks"), pointer("quads"), pointer("probe")
	limit := XMM()
	Load(Param("limit"), limit)
	at, left, mask := GP64(), GP64(), GP64()

	Label("blocks")
	TESTQ(blocks, blocks)
	JE(LabelRef("done"))
	w.start()
	MOVQ(probe, at)
	MOVQ(quads, left)
	Label("quads")
	for part := range 4 {
		w.step(Mem{Base: row, Disp: part * line}, Mem{Base: at, Disp: 4 * part}, part)
	}
	ADDQ(U32(chunk), row)
	ADDQ(Imm(16), at)
	DECQ(left)
	JNE(LabelRef("quads"))
	w.total()
	w.finish(Mem{Base: dst}, limit, mask)
	MOVW(mask.As16(), Mem{Base: masks})
	ADDQ(Imm(line), dst)
	ADDQ(Imm(2), masks)
	DECQ(blocks)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}

func bytes(name string, with func() integers) {
	TEXT(name, NOSPLIT, "func(dst *float32, masks *uint16, rows *uint8, blocks, steps int, probe *int8, words *int16, bias int32, scale, limit float32)")
	Doc(name + " is kernel.bytes.")
	Pragma("noescape")
	w := with()
	dst, masks, row := pointer("dst"), pointer("masks"), pointer("rows")
	blocks, steps, probe, words := pointer("blocks"), pointer("steps"), pointer("probe"), pointer("words")
	bias, scale, limit := XMM(), XMM(), XMM()
	bias32 := Load(Param("bias"), GP32())
	VMOVD(bias32, bias)
	Load(Param("scale"), scale)
	Load(Param("limit"), limit)
	at, wide, left, mask := GP64(), GP64(), GP64(), GP64()
	w.constants()

	Label("blocks")
	TESTQ(blocks, blocks)
	JE(LabelRef("done"))
	w.start()
	MOVQ(probe, at)
	MOVQ(words, wide)
	MOVQ(steps, left)
	Label("steps")
	prefetch(row)
	for part := range 4 {
		w.four(Mem{Base: row, Disp: part * line}, Mem{Base: at, Disp: 4 * part}, Mem{Base: wide, Disp: 8 * part}, part)
	}
	ADDQ(U32(chunk), row)
	ADDQ(Imm(16), at)
	ADDQ(Imm(32), wide)
	DECQ(left)
	JNE(LabelRef("steps"))
	w.scale(bias, scale, Mem{Base: row})
	ADDQ(Imm(line), row)
	w.finish(Mem{Base: dst}, limit, mask)
	MOVW(mask.As16(), Mem{Base: masks})
	ADDQ(Imm(line), dst)
	ADDQ(Imm(2), masks)
	DECQ(blocks)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}

// read sums all words of memory: what reading alone takes. It is fastest without
// asking ahead.
func read(name string, vector func() VecVirtual, width int, add func(Mem, VecVirtual)) {
	TEXT(name, NOSPLIT, "func(rows *uint8, chunks int) uint64")
	Doc(name + " is kernel.read.")
	Pragma("noescape")
	row, chunks := pointer("rows"), pointer("chunks")
	sums := make([]VecVirtual, chunk/width)
	for i := range sums {
		sums[i] = vector()
		if width == 64 {
			VPXORQ(sums[i], sums[i], sums[i])
		} else {
			VPXOR(sums[i], sums[i], sums[i])
		}
	}
	Label("chunks")
	TESTQ(chunks, chunks)
	JE(LabelRef("done"))
	for i, s := range sums {
		add(Mem{Base: row, Disp: i * width}, s)
	}
	ADDQ(U32(chunk), row)
	DECQ(chunks)
	JMP(LabelRef("chunks"))
	Label("done")
	for _, s := range sums[1:] {
		VPADDQ(s, sums[0], sums[0])
	}
	y := sums[0].AsY()
	if width == 64 {
		high := YMM()
		VEXTRACTI64X4(Imm(1), sums[0], high)
		VPADDQ(high, y, y)
	}
	x, other := sums[0].AsX(), XMM()
	VEXTRACTI128(Imm(1), y, other)
	VPADDQ(other, x, x)
	VPSRLDQ(Imm(8), x, other)
	VPADDQ(other, x, x)
	sum := GP64()
	VMOVQ(x, sum)
	Store(sum, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
