// Package cylinder compares bit cylinders, the descriptions of minutiae of
// Cappelli, Ferrara and Maltoni, "Minutia Cylinder-Code" (PAMI 32(12), 2010),
// in their bit form: vectors of up to 512 bits.
//
// Two cylinders a and b have the similarity
//
//	1 - |a xor b| / (|a| + |b|),   |x| the root of the number of bits set,
//
// and count as comparable only where their minutiae's directions differ by no
// more than a turn that the probe names. The kernels compute its monotonous
// relative, the ratio r = popcount(a xor b) / (|a| + |b|)²: the similarity is
// 1 - sqrt(r), so the lowest ratio is the greatest similarity. r is 0..1.
//
// Sets are sorted by direction. That makes the comparable columns of a row one
// run, its window, and only windows are computed: a third of all pairs.
package cylinder

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// MaxWords is the length of the longest cylinders in 64-bit words.
const MaxWords = 8

// MaxLen is the most cylinders that a Set may hold.
const MaxLen = 1 << 12

// Set is the cylinders of one template, in order of direction, without those
// that have no bit set. It may be a view of larger arrays. Sets are not
// changed after they are made, so that goroutines may share them.
type Set struct {
	Words      int       // 64-bit words a cylinder, 1..MaxWords
	Bits       []uint64  // Words a cylinder
	Roots      []float32 // root of the number of bits set, over 0
	Directions []uint8   // 256 units a turn, ascending
	Index      []uint16  // the minutia that each cylinder describes; may be nil
}

// Len is the number of cylinders.
func (s *Set) Len() int { return len(s.Roots) }

// NewSet sorts the cylinders of minutiae 0..len(directions)-1: words 64-bit
// words each of bits, none set where a minutia has too few neighbours to be
// described. It copies what it keeps. It panics where words is not
// 1..MaxWords, the lengths disagree or there are more than MaxLen.
func NewSet(words int, bitVectors []uint64, directions []uint8) *Set {
	if words < 1 || words > MaxWords || len(bitVectors) != words*len(directions) || len(directions) > MaxLen {
		panic("cylinder: lengths disagree")
	}
	s := &Set{Words: words, Index: make([]uint16, 0, len(directions))}
	ones := make([]int, len(directions))
	for i := range directions {
		for _, w := range bitVectors[i*words:][:words] {
			ones[i] += bits.OnesCount64(w)
		}
		if ones[i] > 0 {
			s.Index = append(s.Index, uint16(i))
		}
	}
	slices.SortStableFunc(s.Index, func(i, j uint16) int { return cmp.Compare(directions[i], directions[j]) })
	s.Bits = make([]uint64, 0, words*len(s.Index))
	for _, i := range s.Index {
		s.Bits = append(s.Bits, bitVectors[int(i)*words:][:words]...)
		s.Roots = append(s.Roots, root(ones[i]))
		s.Directions = append(s.Directions, directions[i])
	}
	return s
}

func root(n int) float32 { return float32(math.Sqrt(float64(n))) }

// Similarity of a ratio, 0..1.
func Similarity(ratio float32) float32 { return 1 - float32(math.Sqrt(float64(ratio))) }

// Ratio of a similarity: the inverse of Similarity.
func Ratio(similarity float32) float32 { return (1 - similarity) * (1 - similarity) }
