package finger

import "sync"

// ridgeMap is a print in one bit a pixel, 1 on ridges, 64 pixels a word, so
// that thinning works on 64 at once. Pixel (x, y) is bit index(x, y) of the
// words as one vector. A word of zeros before each row and a row of zeros
// above and below spare neighbours their bounds check.
type ridgeMap struct {
	w, h   int // without the frame
	stride int // bits a row, a multiple of 64
	words  []uint64
}

const wordBits = 64

// reset sets the size and clears the map.
func (r *ridgeMap) reset(w, h int) {
	words := 1 + (w+wordBits-1)/wordBits
	r.w, r.h, r.stride = w, h, words*wordBits
	size := words*(h+2) + 2 // the frame's end: the last pixel's neighbours, and a window's second word
	if cap(r.words) < size {
		r.words = make([]uint64, size)
		return
	}
	r.words = r.words[:size]
	clear(r.words)
}

func (r *ridgeMap) index(x, y int) int { return (y+1)*r.stride + wordBits + x }

// place is index's inverse.
func (r *ridgeMap) place(i int) (x, y int) { return i%r.stride - wordBits, i/r.stride - 1 }

func (r *ridgeMap) has(i int) bool { return r.words[i/wordBits]>>(i%wordBits)&1 != 0 }

// row is the words of a row's pixels, or of as many as words end there.
func (r *ridgeMap) row(y int) []uint64 {
	i := r.index(0, y) / wordBits
	return r.words[i : i+r.stride/wordBits-1]
}

// Neighbours of a pixel in circular order, east first, counter-clockwise; bit k
// of a neighbourhood byte is neighbour k.
func (r *ridgeMap) offsets() [8]int {
	s := r.stride
	return [8]int{1, 1 - s, -s, -s - 1, -1, s - 1, s, s + 1}
}

// square is the 3x3 pixels around i, row by row from the lowest bit on.
func (r *ridgeMap) square(i int) uint {
	three := func(i int) uint {
		w := r.words[i/wordBits:][:2]
		return uint(w[0]>>(i%wordBits)|w[1]<<(wordBits-i%wordBits)) & 7
	}
	return three(i-1-r.stride) | three(i-1)<<3 | three(i-1+r.stride)<<6
}

// crossings is the number of ridge runs around a pixel (half of the crossing
// number's sum, Rutovitz): 1 at an ending, 2 along a ridge, 3 at a bifurcation.
func (r *ridgeMap) crossings(i int) int { return int(squares()[r.square(i)].crossings) }

func (r *ridgeMap) neighbours(i int) uint8 { return around(r.square(i)) }

// around is a square's neighbourhood byte.
func around(square uint) uint8 {
	up, row, low := square, square>>3, square>>6
	return uint8(row>>2&1 | up>>2&1<<1 | up>>1&1<<2 | up&1<<3 | row&1<<4 | low&1<<5 | low>>1&1<<6 | low>>2&1<<7)
}

// look is what a pixel's square says of it.
type look struct {
	crossings uint8
	corner    bool // the pixel can go without cutting or shortening a line
}

// squares is computed on first use and never changed.
var squares = sync.OnceValue(func() *[512]look {
	table := new([512]look)
	for s := range table {
		n := around(uint(s))
		c := crossings(n)
		table[s] = look{uint8(c), ones(n) >= 2 && simple(n)}
	}
	return table
})

func crossings(n uint8) int {
	c := 0
	for k := range 8 {
		if n>>k&1 == 0 && n>>((k+1)&7)&1 == 1 {
			c++
		}
	}
	return c
}

func ones(n uint8) int {
	c := 0
	for ; n != 0; n &= n - 1 {
		c++
	}
	return c
}

// simple reports whether a pixel with these neighbours can go without cutting
// a line: its neighbours hang together without it (8-connected), and it borders
// ground (4-connected).
func simple(n uint8) bool {
	if n&0b01010101 == 0b01010101 {
		return false
	}
	// Hilditch: runs of ridge where a diagonal neighbour joins the next side.
	c := 0
	for k := 0; k < 8; k += 2 {
		side, diagonal, next := n>>k&1, n>>(k+1)&1, n>>((k+2)&7)&1
		if side == 0 && (diagonal == 1 || next == 1) {
			c++
		}
	}
	return c == 1
}
