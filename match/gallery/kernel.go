package gallery

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/enrold/enrold/match/simd"
)

// lanes is how many templates a block interleaves.
const lanes = 16

// Kernel is a set of instructions that scans are written for, lowest first. All
// give the same bits.
type Kernel uint8

const (
	Portable   Kernel = iota // Go
	AVX2                     // 256 bits
	AVX512                   // 512 bits: F, BW, DQ and VL
	AVX512VNNI               // AVX512 with byte products summed in one instruction
)

func (k Kernel) String() string {
	switch k {
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case AVX512VNNI:
		return "avx512+vnni"
	}
	return "generic"
}

// Supported lists what this processor runs.
func Supported() []Kernel {
	all := simd.Supported()
	return upTo(all[len(all)-1])
}

func upTo(level simd.Level) []Kernel {
	list := []Kernel{Portable}
	if level >= simd.AVX2 {
		list = append(list, AVX2)
	}
	if level >= simd.AVX512 {
		list = append(list, AVX512)
		if simd.VNNI() {
			list = append(list, AVX512VNNI)
		}
	}
	return list
}

// Best is the fastest kernel of the level that simd.Current names.
func Best() Kernel {
	level, _ := simd.Current() // programs check the error when they start
	list := upTo(level)
	return list[len(list)-1]
}

// kernel is one level's functions. Each scans blocks of 16 templates, writes
// every template's score to dst and, for each block, a mask of those of at
// least limit.
//
// floats: a block is 4*quads lines of 16 float32, line i the templates' value i.
// A score is four sums, of the values i = 0, 1, 2 and 3 modulo 4, each product
// rounded and then added in order of i from +0; then (s0 + s1) + (s2 + s3).
//
// bytes: a block is 4*steps groups of 16 times four bytes, the values of one
// template plus 128; then 16 float32, the templates' scales. The sum of byte
// times probe, less bias, is exact; as float32 it is multiplied by the
// template's scale, then by scale. words has, for each four of probe, values 0,
// 2, 1 and 3.
//
// read sums the 64-bit words of chunks of 256 bytes.
type kernel struct {
	floats func(dst *float32, masks *uint16, rows *float32, blocks, quads int, probe *float32, limit float32)
	bytes  func(dst *float32, masks *uint16, rows *uint8, blocks, steps int, probe *int8, words *int16, bias int32, scale, limit float32)
	read   func(rows *uint8, chunks int) uint64
}

var portable = kernel{floats: floatsPortable, bytes: bytesPortable, read: readPortable}

func floatsPortable(dst *float32, masks *uint16, rows *float32, blocks, quads int, probe *float32, limit float32) {
	line := 4 * quads
	out, all := unsafe.Slice(dst, blocks*lanes), unsafe.Slice(rows, blocks*line*lanes)
	bits, q := unsafe.Slice(masks, blocks), unsafe.Slice(probe, line)
	for b := range blocks {
		var sums [4][lanes]float32
		for i, v := range q {
			x, s := (*[lanes]float32)(all), &sums[i%4]
			all = all[lanes:]
			for k := range s {
				s[k] += float32(x[k] * v) // the conversion forbids a fused operation
			}
		}
		scores := (*[lanes]float32)(out[b*lanes:])
		for k := range scores {
			scores[k] = (sums[0][k] + sums[1][k]) + (sums[2][k] + sums[3][k])
		}
		bits[b] = over(scores, limit)
	}
}

func bytesPortable(dst *float32, masks *uint16, rows *uint8, blocks, steps int, probe *int8, _ *int16, bias int32, scale, limit float32) {
	n := 16 * steps
	block := n*lanes + 4*lanes
	out, all := unsafe.Slice(dst, blocks*lanes), unsafe.Slice(rows, blocks*block)
	bits, q := unsafe.Slice(masks, blocks), unsafe.Slice(probe, n)
	for b := range blocks {
		var sums [lanes]int32
		for i := 0; i < n; i += 4 {
			x := (*[4 * lanes]uint8)(all[i*lanes:])
			q0, q1, q2, q3 := int32(q[i]), int32(q[i+1]), int32(q[i+2]), int32(q[i+3])
			for k := range sums {
				sums[k] += int32(x[4*k])*q0 + int32(x[4*k+1])*q1 + int32(x[4*k+2])*q2 + int32(x[4*k+3])*q3
			}
		}
		scales := (*[lanes]float32)(unsafe.Pointer(&all[n*lanes]))
		scores := (*[lanes]float32)(out[b*lanes:])
		for k, s := range sums {
			scores[k] = float32(float32(s-bias)*scales[k]) * scale
		}
		bits[b] = over(scores, limit)
		all = all[block:]
	}
}

func over(scores *[lanes]float32, limit float32) uint16 {
	var m uint16
	for k, s := range scores {
		if s >= limit {
			m |= 1 << k
		}
	}
	return m
}

func readPortable(rows *uint8, chunks int) uint64 {
	var sum uint64
	for data := unsafe.Slice(rows, 256*chunks); len(data) >= 8; data = data[8:] {
		sum += binary.NativeEndian.Uint64(data)
	}
	return sum
}

// minusInf is the limit that everything passes.
var minusInf = float32(math.Inf(-1))
