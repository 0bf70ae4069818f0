package finger

import (
	"math/rand/v2"
	"testing"
)

// thinByDefinition is Zhang and Suen's paper, pixel by pixel, P2 north and on
// clockwise; then the corners.
func thinByDefinition(on [][]bool) {
	h, w := len(on), len(on[0])
	at := func(x, y int) int {
		if x >= 0 && y >= 0 && x < w && y < h && on[y][x] {
			return 1
		}
		return 0
	}
	around := func(x, y int) [8]int {
		return [8]int{at(x, y-1), at(x+1, y-1), at(x+1, y), at(x+1, y+1), at(x, y+1), at(x-1, y+1), at(x-1, y), at(x-1, y-1)}
	}
	for moved := true; moved; {
		moved = false
		for half := range 2 {
			var gone [][2]int
			for y := range h {
				for x := range w {
					p := around(x, y)
					a, b := 0, 0
					for k, v := range p {
						b += v
						if v == 0 && p[(k+1)%8] == 1 {
							a++
						}
					}
					north, east, south, west := p[0], p[2], p[4], p[6]
					open := north*east*south == 0 && east*south*west == 0
					if half == 1 {
						open = north*east*west == 0 && north*south*west == 0
					}
					if on[y][x] && a == 1 && b >= 2 && b <= 6 && open {
						gone = append(gone, [2]int{x, y})
					}
				}
			}
			for _, g := range gone {
				on[g[1]][g[0]] = false
				moved = true
			}
		}
	}
	for y := range h {
		for x := range w {
			p := around(x, y)
			var n uint8 // east first, counter-clockwise
			for k := range 8 {
				n |= uint8(p[(10-k)%8]) << k
			}
			if ones(n) >= 2 && simple(n) {
				on[y][x] = false
			}
		}
	}
}

// TestThin compares with the definition on blobs, lines and noise.
func TestThin(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var r ridgeMap
	var th thinner
	for range 60 {
		w, h := 1+rng.IntN(200), 1+rng.IntN(60)
		r.reset(w, h)
		on := make([][]bool, h)
		for y := range on {
			on[y] = make([]bool, w)
		}
		draw := func(x0, y0, dx, dy int) {
			for y := y0; y < min(y0+dy, h); y++ {
				for x := x0; x < min(x0+dx, w); x++ {
					on[y][x] = true
				}
			}
		}
		for range rng.IntN(25) {
			draw(rng.IntN(w), rng.IntN(h), 1+rng.IntN(80), 1+rng.IntN(6))
			draw(rng.IntN(w), rng.IntN(h), 1+rng.IntN(6), 1+rng.IntN(40))
		}
		noise := rng.IntN(3)
		for y := range h {
			for x := range w {
				if noise == 1 && rng.IntN(20) == 0 {
					on[y][x] = !on[y][x]
				}
				if on[y][x] {
					r.words[r.index(x, y)/wordBits] |= 1 << (r.index(x, y) % wordBits)
				}
			}
		}
		thinByDefinition(on)
		th.thin(&r)
		for y := range h {
			for x := range w {
				if r.has(r.index(x, y)) != on[y][x] {
					t.Fatalf("%dx%d pixel (%d, %d): %v, by the definition %v", w, h, x, y, !on[y][x], on[y][x])
				}
			}
		}
	}
}
