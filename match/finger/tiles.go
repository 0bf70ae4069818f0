package finger

import "math/bits"

// Ridges is the enhanced print in one bit a sample, at 250 dpi: what Compare
// lays over another print to see whether ridges and valleys agree between the
// minutiae. Templates read from standard formats have none.
type Ridges struct {
	Columns, Rows int      // of tiles; a tile covers 16 x 16 pixels
	Tiles         []uint64 // Columns*Rows; bit y*8+x is 1 where the sample is ridge
	Finger        []bool   // Columns*Rows: the tile shows clear ridges all over
}

const (
	tileSide    = 16 // pixels
	sampleSide  = 2  // pixels
	tileSamples = tileSide / sampleSide
	shiftReach  = 2 // samples that a neighbourhood may be off on each axis
	shifts      = 2*shiftReach + 1
	windowSide  = tileSamples + 2*shiftReach
)

func tiles(response *plane, f *field) *Ridges {
	r := &Ridges{Columns: response.w / tileSide, Rows: response.h / tileSide}
	r.Tiles = make([]uint64, r.Columns*r.Rows)
	r.Finger = make([]bool, r.Columns*r.Rows)
	for i := range r.Tiles {
		x0, y0 := i%r.Columns*tileSide, i/r.Columns*tileSide
		block := y0/blockSide*f.w + x0/blockSide
		r.Finger[i] = f.finger[block] && f.finger[block+1] && f.finger[block+f.w] && f.finger[block+f.w+1]
		var word uint64
		for k := range 64 {
			at := response.index(x0+k%tileSamples*sampleSide, y0+k/tileSamples*sampleSide)
			if response.v[at]+response.v[at+1]+response.v[at+response.stride]+response.v[at+response.stride+1] > 0 {
				word |= 1 << k
			}
		}
		r.Tiles[i] = word
	}
	return r
}

// overlap is what laying one print over another shows.
type overlap struct {
	tiles int     // that both show
	agree float64 // sum over them of the share of equal samples less one half, 0..0.5 each
}

// lay compares a's tiles with b's samples where move puts them. Every tile and
// its eight neighbours may be off by up to shiftReach samples together: skin
// stretches, but not from one ridge to the next.
func (m *Matcher) lay(a, b *Ridges, move func(x, y float32) (float32, float32), sin, cos float32) overlap {
	n := len(a.Tiles)
	if cap(m.counts) < n {
		m.counts = make([][shifts * shifts]int16, n)
		m.seen = make([]bool, n)
	}
	counts, seen := m.counts[:n], m.seen[:n]
	// One sample to the right and one down in a, as steps in b, in 1/65536.
	rx, ry := int(cos*65536), int(-sin*65536)
	dx, dy := int(sin*65536), int(cos*65536)
	const middle = float32(windowSide-1) / 2
	for i := range a.Tiles {
		seen[i] = false
		if !a.Finger[i] {
			continue
		}
		x, y := move(float32(i%a.Columns*tileSide+tileSide/2), float32(i/a.Columns*tileSide+tileSide/2))
		x, y = x/sampleSide, y/sampleSide
		tx, ty := int(x)/tileSamples, int(y)/tileSamples
		if x < windowSide/2+3 || y < windowSide/2+3 || x >= float32(b.Columns*tileSamples-windowSide/2-3) || y >= float32(b.Rows*tileSamples-windowSide/2-3) || !b.Finger[ty*b.Columns+tx] {
			continue
		}
		sx := int((x-0.5)*65536) - int(middle*float32(rx+dx)) + 32768
		sy := int((y-0.5)*65536) - int(middle*float32(ry+dy)) + 32768
		var rows [windowSide]uint32
		for r := range rows {
			px, py := sx, sy
			var word uint32
			for c := range windowSide {
				u, v := px>>16, py>>16
				word |= uint32(b.Tiles[v>>3*b.Columns+u>>3]>>(v&7<<3|u&7)&1) << c
				px, py = px+rx, py+ry
			}
			rows[r] = word
			sx, sy = sx+dx, sy+dy
		}
		seen[i] = true
		tile := a.Tiles[i]
		for s := range shifts * shifts {
			h, v := s%shifts, s/shifts
			var word uint64
			for r := range tileSamples {
				word |= uint64(rows[v+r]>>h&0xff) << (8 * r)
			}
			counts[i][s] = int16(64 - bits.OnesCount64(word^tile))
		}
	}
	return agreement(counts, seen, a.Columns, a.Rows)
}

func agreement(counts [][shifts * shifts]int16, seen []bool, columns, rows int) overlap {
	var out overlap
	for i := range counts {
		if !seen[i] {
			continue
		}
		var sum [shifts * shifts]int16
		n := 0
		for y := max(i/columns-1, 0); y <= min(i/columns+1, rows-1); y++ {
			for x := max(i%columns-1, 0); x <= min(i%columns+1, columns-1); x++ {
				if k := y*columns + x; seen[k] {
					n++
					for s, c := range counts[k] {
						sum[s] += c
					}
				}
			}
		}
		best := int16(0)
		for _, c := range sum {
			best = max(best, c)
		}
		out.tiles++
		out.agree += float64(best)/float64(64*n) - 0.5
	}
	return out
}
