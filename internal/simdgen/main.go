// Command simdgen writes the assembly of match/finger and its packages with avo.
// It is a module of its own, so that avo is no dependency of the project:
//
//	go generate ./match/...
//
// The cylinders' body is written three times: AVX2, AVX-512 with byte-shuffle population
// counts, AVX-512 with VPOPCNTQ. They give the same bits: population counts are
// integers, and each lane does one division, product, sum and maximum of
// IEEE 754 single precision, in the same order as portable Go.
package main

import (
	"flag"
	"fmt"
	"log"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lanes is how many columns a step of the kernels takes at every level.
const lanes = 16

func main() {
	kernels := flag.String("kernels", "", "which to write: cylinder or near")
	flag.Parse()
	ConstraintExpr("amd64")
	switch *kernels {
	case "cylinder":
		cylinders()
		below()
	case "near":
		related()
		together()
		pull()
	default:
		log.Fatal("-kernels: want cylinder or near")
	}
	Generate()
}

func cylinders() {
	outside, nibbles := outsideTable(), nibbleTable()
	for _, store := range []bool{false, true} {
		name := "nearest"
		if store {
			name = "ratios"
		}
		write(name+"AVX2", store, outside, &avx2{table: nibbles})
		write(name+"AVX512", store, outside, &avx512{table: nibbles})
		write(name+"AVX512P", store, outside, &avx512{popcnt: true})
	}
}

// outsideTable is read from lane 16-n on: 0 for n lanes, then 2, more than any ratio.
func outsideTable() Mem {
	m := GLOBL("outside", RODATA|NOPTR)
	for i := range 2 * lanes {
		v := float32(0)
		if i >= lanes {
			v = 2
		}
		DATA(4*i, F32(v))
	}
	return m
}

// nibbleTable is the number of bits of 0..15, four times.
func nibbleTable() Mem {
	m := GLOBL("nibbles", RODATA|NOPTR)
	for i := range 64 {
		n := i % 16
		DATA(i, U8(n&1+n>>1&1+n>>2&1+n>>3&1))
	}
	return m
}

// width is what differs between the levels. Vectors of 16 lanes are held in as
// many registers as the level needs.
type width interface {
	constants()
	zero()                           // distances of 16 columns to 0
	word(row Mem, column Register)   // adds one word's distances
	ratios(rowRoot, roots, mask Mem) // of the distances, masked
	store(dst Mem)
	startMin()
	min()
	storeMin(dst Mem)
	minInto(dst Mem) // each lane's lowest of what is there and the ratio
}

// write emits func name(dst, [lowest, columnLowest,] rows, rowRoots *, windows *uint32, n int, columns, roots *, words, stride int).
func write(name string, store bool, outside Mem, w width) {
	more := ""
	if store {
		more = "lowest, columnLowest *float32, "
	}
	TEXT(name, NOSPLIT, "func(dst *float32, "+more+"rows *uint64, rowRoots *float32, windows *uint32, n int, columns *uint64, roots *float32, words, stride int)")
	what := "the lowest ratio of each row, 2 for an empty window"
	if store {
		what = "the ratios of each row, in blocks of 16, 2 outside the window, and the lowest of each row and column"
	}
	Doc(fmt.Sprintf("%s writes %s; see kernel.", name, what))
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	row := Load(Param("rows"), GP64())
	rowRoot := Load(Param("rowRoots"), GP64())
	window := Load(Param("windows"), GP64())
	n := Load(Param("n"), GP64())
	words := Load(Param("words"), GP64())
	stride := Load(Param("stride"), GP64())
	SHLQ(Imm(3), stride) // bytes
	w.constants()
	lowest, columnLowest, low := dst, GP64(), GP64()
	if store {
		lowest = Load(Param("lowest"), GP64())
	}
	count, column, root := GP64(), GP64(), GP64()
	p, at, left := GP64(), GP64(), GP64()

	Label("rows")
	TESTQ(n, n)
	JE(LabelRef("done"))
	first := at
	MOVWQZX(Mem{Base: window}, first)
	MOVWQZX(Mem{Base: window, Disp: 2}, count)
	Load(Param("columns"), column)
	Load(Param("roots"), root)
	LEAQ(Mem{Base: column, Index: first, Scale: 8}, column)
	LEAQ(Mem{Base: root, Index: first, Scale: 4}, root)
	if store {
		Load(Param("columnLowest"), columnLowest)
		LEAQ(Mem{Base: columnLowest, Index: first, Scale: 4}, low)
	}
	w.startMin()

	Label("blocks")
	TESTQ(count, count)
	JLE(LabelRef("row_done"))
	w.zero()
	MOVQ(row, p)
	MOVQ(column, at)
	MOVQ(words, left)
	Label("words")
	w.word(Mem{Base: p}, at)
	ADDQ(Imm(8), p)
	ADDQ(stride, at)
	DECQ(left)
	JNE(LabelRef("words"))
	lane, zero, table := p, at, left // lane is 16-count, at least 0
	MOVQ(U32(lanes), lane)
	SUBQ(count, lane)
	MOVQ(U32(0), zero)
	CMPQ(lane, zero)
	CMOVQLT(zero, lane)
	LEAQ(outside.Offset(0), table)
	w.ratios(Mem{Base: rowRoot}, Mem{Base: root}, Mem{Base: table, Index: lane, Scale: 4})
	if store {
		w.store(Mem{Base: dst})
		ADDQ(Imm(4*lanes), dst)
		w.minInto(Mem{Base: low})
		ADDQ(Imm(4*lanes), low)
	}
	w.min()
	ADDQ(U32(8*lanes), column)
	ADDQ(Imm(4*lanes), root)
	SUBQ(Imm(lanes), count)
	JMP(LabelRef("blocks"))

	Label("row_done")
	w.storeMin(Mem{Base: lowest})
	ADDQ(Imm(4), lowest)
	LEAQ(Mem{Base: row, Index: words, Scale: 8}, row)
	ADDQ(Imm(4), rowRoot)
	ADDQ(Imm(4), window)
	DECQ(n)
	JMP(LabelRef("rows"))
	Label("done")
	VZEROUPPER()
	RET()
}
