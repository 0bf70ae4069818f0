package finger

// ridgeMap is the binarised print: 1 on ridges, with a frame of one pixel of 0
// so that neighbours need no bounds check.
type ridgeMap struct {
	w, h   int // without the frame
	stride int
	on     []uint8
}

func newRidgeMap(w, h int) *ridgeMap {
	return &ridgeMap{w: w, h: h, stride: w + 2, on: make([]uint8, (w+2)*(h+2))}
}

func (r *ridgeMap) index(x, y int) int { return (y+1)*r.stride + x + 1 }

// ridges keeps the sign of the response on the finger.
func ridges(response *plane, f *field) *ridgeMap {
	r := newRidgeMap(response.w, response.h)
	for i, is := range f.finger {
		if !is {
			continue
		}
		x0, y0 := i%f.w*blockSide, i/f.w*blockSide
		for y := y0; y < min(y0+blockSide, r.h); y++ {
			out := r.on[r.index(x0, y):][:min(blockSide, r.w-x0)]
			in := response.v[response.index(x0, y):][:len(out)]
			for x, v := range in {
				if v > 0 {
					out[x] = 1
				}
			}
		}
	}
	return r
}

// Neighbours of a pixel in circular order, east first, counter-clockwise; bit k
// of a neighbourhood byte is neighbour k.
func (r *ridgeMap) offsets() [8]int {
	s := r.stride
	return [8]int{1, 1 - s, -s, -s - 1, -1, s - 1, s, s + 1}
}

func (r *ridgeMap) neighbours(i int) uint8 {
	s := r.stride
	up, row, low := r.on[i-s-1:][:3], r.on[i-1:][:3], r.on[i+s-1:][:3]
	return row[2] | up[2]<<1 | up[1]<<2 | up[0]<<3 | row[0]<<4 | low[0]<<5 | low[1]<<6 | low[2]<<7
}

// crossings is the number of ridge runs around a pixel (half of the crossing
// number's sum, Rutovitz): 1 at an ending, 2 along a ridge, 3 at a bifurcation.
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

// thin reduces ridges to lines one pixel wide: Zhang and Suen's two
// sub-iterations (CACM 27(3), 1984), then the corners that they leave on
// diagonals. It works in place and returns r.
func thin(r *ridgeMap) *ridgeMap {
	var erase [2][256]bool
	for n := range 256 {
		bits := ones(uint8(n))
		if bits < 2 || bits > 6 || crossings(uint8(n)) != 1 {
			continue
		}
		east, north, west, south := n&1 != 0, n>>2&1 != 0, n>>4&1 != 0, n>>6&1 != 0
		erase[0][n] = !(north && east && south) && !(east && south && west)
		erase[1][n] = !(north && east && west) && !(north && south && west)
	}
	// Only the rim can go: pixels that border ground. Those that a removal lays
	// bare join it.
	listed := make([]bool, len(r.on))
	rim := make([]int32, 0, len(r.on)/4)
	for i, v := range r.on {
		if v != 0 && r.neighbours(i) != 0xff {
			listed[i] = true
			rim = append(rim, int32(i))
		}
	}
	gone := make([]int32, 0, len(rim))
	off := r.offsets()
	for moved := true; moved; {
		moved = false
		for half := range erase {
			gone = gone[:0]
			kept := rim[:0]
			for _, i := range rim {
				if erase[half][r.neighbours(int(i))] {
					gone = append(gone, i)
				} else {
					kept = append(kept, i)
				}
			}
			rim = kept
			for _, i := range gone {
				r.on[i] = 0
			}
			for _, i := range gone {
				for _, o := range off {
					if k := int(i) + o; r.on[k] != 0 && !listed[k] {
						listed[k] = true
						rim = append(rim, int32(k))
					}
				}
			}
			moved = moved || len(gone) > 0
		}
	}
	for i, v := range r.on {
		if v == 0 {
			continue
		}
		if n := r.neighbours(i); ones(n) >= 2 && simple(n) {
			r.on[i] = 0
		}
	}
	return r
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
