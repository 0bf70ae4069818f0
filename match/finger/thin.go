package finger

import "math/bits"

// ridges keeps the sign of the response on the finger.
func ridges(r *ridgeMap, response *plane, f *field) {
	r.reset(response.w, response.h)
	mask := make([]uint64, r.stride/wordBits-1)
	for by := range f.h {
		clear(mask)
		for bx, is := range f.finger[by*f.w:][:f.w] {
			if is {
				x := bx * blockSide
				mask[x/wordBits] |= 0xff >> max(x+blockSide-r.w, 0) << (x % wordBits)
			}
		}
		for y := by * blockSide; y < min((by+1)*blockSide, r.h); y++ {
			row := r.row(y)
			f.kernel.signs(row, response.v[response.index(0, y):])
			for i, m := range mask {
				row[i] &= m
			}
		}
	}
}

// thinner reduces ridges to lines one pixel wide: Zhang and Suen's two
// sub-iterations (CACM 27(3), 1984), 64 pixels at a time, then the corners that
// they leave on diagonals. It keeps its room between images.
type thinner struct {
	// For each sub-iteration the words whose surroundings changed since it last
	// looked at them: only there can it find something.
	work   [2][]int32
	listed []uint8 // bit k: the word is in work[k]
	gone   []erasure
}

// erasure is pixels that a sub-iteration takes from a word.
type erasure struct {
	word   int32
	pixels uint64
}

func (t *thinner) thin(r *ridgeMap) {
	t.start(r)
	for len(t.work[0])+len(t.work[1]) > 0 {
		for half := range t.work {
			t.iterate(r, half)
		}
	}
	dropCorners(r)
}

// start lists every word that holds ridge for both sub-iterations.
func (t *thinner) start(r *ridgeMap) {
	if cap(t.listed) < len(r.words) {
		t.listed = make([]uint8, len(r.words))
	}
	t.listed = t.listed[:len(r.words)]
	clear(t.listed)
	for i, w := range r.words {
		if w != 0 {
			t.list(i)
		}
	}
}

func (t *thinner) list(word int) {
	for half := range t.work {
		if t.listed[word]>>half&1 == 0 {
			t.listed[word] |= 1 << half
			t.work[half] = append(t.work[half], int32(word))
		}
	}
}

// iterate erases, all at once, what the sub-iteration finds.
func (t *thinner) iterate(r *ridgeMap, half int) {
	row := r.stride / wordBits
	t.gone = t.gone[:0]
	for _, i := range t.work[half] {
		t.listed[i] &^= 1 << half
		if pixels := erasable(r.words, int(i), row, half); pixels != 0 {
			t.gone = append(t.gone, erasure{i, pixels})
		}
	}
	t.work[half] = t.work[half][:0]
	for _, g := range t.gone {
		r.words[g.word] &^= g.pixels
	}
	for _, g := range t.gone {
		// The words that hold a neighbour of what went.
		for _, i := range [3]int{int(g.word) - row, int(g.word), int(g.word) + row} {
			if r.words[i] != 0 {
				t.list(i)
			}
			if g.pixels&1 != 0 && r.words[i-1] != 0 {
				t.list(i - 1)
			}
			if g.pixels>>(wordBits-1) != 0 && r.words[i+1] != 0 {
				t.list(i + 1)
			}
		}
	}
}

// erasable is the pixels of word i that a sub-iteration takes: those with 2 to
// 6 neighbours in a single run, and the sub-iteration's sides open.
func erasable(words []uint64, i, row, half int) uint64 {
	mid := words[i]
	if mid == 0 {
		return 0
	}
	u, c, d := words[i-row-1:][:3], words[i-1:][:3], words[i+row-1:][:3]
	const top = wordBits - 1
	east, west := c[1]>>1|c[2]<<top, c[1]<<1|c[0]>>top
	north, south := u[1], d[1]
	n := [8]uint64{
		east, u[1]>>1 | u[2]<<top, north, u[1]<<1 | u[0]>>top,
		west, d[1]<<1 | d[0]>>top, south, d[1]>>1 | d[2]<<top,
	}
	// Going round: where a run begins, once and more than once; whether two
	// that follow each other are both ridge, or both ground.
	var once, more, ridge, ground uint64
	last := n[7]
	for _, next := range n {
		begins := next &^ last
		more |= once & begins
		once |= begins
		ridge |= next & last
		ground |= ^(next | last)
		last = next
	}
	// With a single run, two ridges in a row are 2 neighbours or more, two
	// grounds 6 or fewer.
	out := mid & once &^ more & ridge & ground
	if half == 0 {
		return out &^ (east & south & (north | west))
	}
	return out &^ (north & west & (east | south))
}

// dropCorners takes, in the order of rows, the pixels that lines do not need.
func dropCorners(r *ridgeMap) {
	table := squares()
	for k := range r.words {
		for w := r.words[k]; w != 0; w &= w - 1 {
			bit := bits.TrailingZeros64(w)
			if table[r.square(k*wordBits+bit)].corner {
				r.words[k] &^= 1 << bit
			}
		}
	}
}
