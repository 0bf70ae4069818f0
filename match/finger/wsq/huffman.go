package wsq

import (
	"fmt"
	"slices"
)

const maxCodeBits = 16

// codeTable is a Huffman code as a segment carries it: how many codes there
// are of each length 1..16, and the symbols in the order of their codes.
type codeTable struct {
	counts  [maxCodeBits + 1]int
	symbols []uint8
}

// newCodeTable builds the code for the given frequencies with no code longer
// than 16 bits and none of ones only (ISO/IEC 10918-1 annex K.2, which
// IAFIS-IC-0110 takes its Huffman coding from).
func newCodeTable(frequency *[256]int) *codeTable {
	const reserved = 256
	var lengths [257]int
	type group struct {
		weight  int
		members []int
	}
	groups := []group{{1, []int{reserved}}}
	var symbols []uint8
	for s, f := range frequency {
		if f > 0 {
			groups = append(groups, group{f, []int{s}})
			symbols = append(symbols, uint8(s))
		}
	}
	for len(groups) > 1 {
		slices.SortStableFunc(groups, func(a, b group) int { return b.weight - a.weight })
		n := len(groups)
		a, b := groups[n-2], groups[n-1]
		members := append(slices.Clone(a.members), b.members...)
		for _, s := range members {
			lengths[s]++
		}
		groups = append(groups[:n-2], group{a.weight + b.weight, members})
	}
	var counts [len(lengths) + 1]int
	for _, l := range lengths {
		counts[l]++
	}
	shorten(counts[:])
	t := &codeTable{}
	for i := maxCodeBits; i > 0; i-- {
		if counts[i] > 0 {
			counts[i]-- // the reserved code of ones only is the last of the longest
			break
		}
	}
	copy(t.counts[1:], counts[1:])
	slices.SortStableFunc(symbols, func(a, b uint8) int { return lengths[a] - lengths[b] })
	t.symbols = symbols
	return t
}

// shorten moves codes of more than 16 bits up the tree (figure K.3).
func shorten(counts []int) {
	for i := len(counts) - 1; i > maxCodeBits; i-- {
		for counts[i] > 0 {
			j := i - 2
			for counts[j] == 0 {
				j--
			}
			counts[i] -= 2
			counts[i-1]++
			counts[j+1] += 2
			counts[j]--
		}
	}
}

// code is a symbol's bits, right aligned; length 0 means none.
type code struct {
	bits   uint32
	length int
}

func (t *codeTable) codes() (out [256]code) {
	next, k := uint32(0), 0
	for length := 1; length <= maxCodeBits; length++ {
		for range t.counts[length] {
			out[t.symbols[k]] = code{next, length}
			next++
			k++
		}
		next <<= 1
	}
	return out
}

// decoder finds symbols: per length the first code and where its symbol stands.
type decoder struct {
	first [maxCodeBits + 1]int
	index [maxCodeBits + 1]int
	table *codeTable
	quick [256]struct{ symbol, length uint8 } // by the next eight bits
}

func newDecoder(t *codeTable) (*decoder, error) {
	d := &decoder{table: t}
	next, k := 0, 0
	for length := 1; length <= maxCodeBits; length++ {
		d.first[length], d.index[length] = next, k
		next += t.counts[length]
		k += t.counts[length]
		if next > 1<<length {
			return nil, fmt.Errorf("%w: more codes of %d bits than there can be", ErrFormat, length)
		}
		next <<= 1
	}
	if k != len(t.symbols) {
		return nil, fmt.Errorf("%w: %d codes for %d symbols", ErrFormat, k, len(t.symbols))
	}
	for symbol, c := range t.codes() {
		if c.length == 0 || c.length > 8 {
			continue
		}
		for fill := range 1 << (8 - c.length) {
			q := &d.quick[int(c.bits)<<(8-c.length)|fill]
			q.symbol, q.length = uint8(symbol), uint8(c.length)
		}
	}
	return d, nil
}

// next returns the symbol whose code begins the 16 bits, and its length; 0 for
// bits that begin no code.
func (d *decoder) next(bits uint32) (symbol uint8, length int) {
	if q := d.quick[bits>>8]; q.length != 0 {
		return q.symbol, int(q.length)
	}
	for length = 1; length <= maxCodeBits; length++ {
		at := int(bits>>(maxCodeBits-length)) - d.first[length]
		if at >= 0 && at < d.table.counts[length] {
			return d.table.symbols[d.index[length]+at], length
		}
	}
	return 0, 0
}
