package finger

import (
	"encoding/binary"
	"math/bits"
)

const (
	shiftReach = 2 // samples that a neighbourhood may be off on each axis
	shifts     = 2*shiftReach + 1
	windowSide = tileSamples + 2*shiftReach
)

// overlap is what laying one print over another shows.
type overlap struct {
	tiles int     // that both show
	agree float64 // sum over them of the share of equal samples less one half, 0..0.5 each
}

// counts is how many samples agree for each shift, 16 bits each, four a word,
// so that one addition adds four: word h has the shifts of h to the right and 0
// to 3 down, word 5 and the lowest of word 6 those of 4 down, and behind that
// is how many tiles all are the sum of.
type counts [shifts + 2]uint64

const (
	last  = shifts     // words
	tally = shifts + 1 // of the last shift and the tiles
)

func (c *counts) add(d *counts) {
	for k := range c {
		c[k] += d[k]
	}
}

func (c *counts) tiles() int { return int(c[tally] >> 16) }

// highest of the shifts.
func (c *counts) highest() uint64 {
	best := c[tally] & 0xffff
	for _, w := range c[:tally] {
		best = max(best, w&0xffff, w>>16&0xffff, w>>32&0xffff, w>>48)
	}
	return best
}

// layer is the room in which one print's tiles are laid over another's samples.
type layer struct {
	window window
	rows   [3][]counts // sums of three tiles side by side, of three rows
	shown  [3][]bool
	line   []counts
	// By columns of blocks of two by two tiles: how far each is moved and where it
	// lies in b's plane, pixels.
	offX, offY, blockX, blockY []float32
}

// lay compares a's tiles with b's samples where the motion and m.pulls put
// them. Every tile and its eight neighbours may be off by up to shiftReach
// samples together: skin stretches, but not from one ridge to the next.
func (m *Matcher) lay(a, b *samples, t motion) overlap {
	var out overlap
	l, n := &m.layer, a.columns
	l.window.turn(t.sin, t.cos)
	for k := range m.pulls {
		m.pulls[k].Of = -1 // no block has a pull of its own
	}
	l.line = resize(l.line, n)
	for k := range l.rows {
		l.rows[k], l.shown[k] = resize(l.rows[k], n), resize(l.shown[k], n)
		clear(l.rows[k])
		clear(l.shown[k])
	}
	for row := range a.rows + 1 {
		now := row % 3
		m.layRow(a, b, t, row, now)
		if row > 0 {
			l.sum((row+2)%3, &out)
		}
	}
	return out
}

// layRow compares one row of tiles and puts the sums of three side by side at
// place now of the layer's rows.
func (m *Matcher) layRow(a, b *samples, t motion, row, now int) {
	l := &m.layer
	shown, line, sums := l.shown[now], l.line, l.rows[now]
	clear(line)
	clear(shown)
	clear(sums)
	if row == a.rows {
		return
	}
	if row%2 == 0 {
		m.stretchBlocks(a.columns, row|1, t)
	}
	for column := range line {
		if (row+column)%2 == 1 || !a.finger[row*a.columns+column] {
			continue
		}
		x, y := t.apply(float32(column*tileSide+tileSide/2), float32(row*tileSide+tileSide/2))
		x, y = (x+l.offX[column/2])/sampleSide, (y+l.offY[column/2])/sampleSide
		const margin = windowSide/2 + 3
		if !(x >= margin && y >= margin && x < float32(b.columns*tileSamples-margin) && y < float32(b.rows*tileSamples-margin)) ||
			!b.finger[int(y)/tileSamples*b.columns+int(x)/tileSamples] {
			continue
		}
		l.window.read(b, x, y)
		l.window.compare(a.tile(column, row), &line[column])
		shown[column] = true
		for k := max(column-1, 0); k <= min(column+1, len(line)-1); k++ {
			sums[k].add(&line[column])
		}
	}
}

// stretchBlocks computes how far a row of blocks of two by two tiles is moved, whose
// middle is at the upper edge of that row of tiles: skin does not bend within 32
// pixels.
func (m *Matcher) stretchBlocks(columns, row int, t motion) {
	l := &m.layer
	n := ((columns+1)/2 + 7) &^ 7
	for _, line := range []*[]float32{&l.offX, &l.offY, &l.blockX, &l.blockY} {
		*line = resize(*line, n)
	}
	for k := range n {
		l.blockX[k], l.blockY[k] = t.apply(float32((2*k+1)*tileSide), float32(row*tileSide))
	}
	m.kernels.Pull(l.offX, l.offY, l.blockX, l.blockY, m.pulls, pullScale)
}

// sum adds to out what the tiles of the row at place show together with their
// neighbours.
func (l *layer) sum(place int, out *overlap) {
	for column, shown := range l.shown[place] {
		if !shown {
			continue
		}
		c := l.rows[0][column]
		c.add(&l.rows[1][column])
		c.add(&l.rows[2][column])
		out.tiles++
		out.agree += float64(c.highest())/float64(64*c.tiles()) - 0.5
	}
}

// window is the samples of b around a point, turned into a's directions.
type window struct {
	rows     [windowSide]uint32
	sin, cos float32
	shear    bool
	// In a small turn a window's row is made of pieces of neighbouring rows of
	// samples: pieces[f][k] are the columns that come from row k-pieceReach, for
	// a row that begins f eighths of a sample low.
	pieces     [8][2*pieceReach + 1]uint32
	from, upTo int // of the pieces, those that are ever used
}

const (
	pieceReach = 2
	// maxShear is the sine up to which a turn is made of shears: its corners are
	// then a third of a sample off.
	maxShear = 0.25
	middle   = float32(windowSide-1) / 2
)

func (w *window) turn(sin, cos float32) {
	w.sin, w.cos = sin, cos
	if w.shear = sin < maxShear && sin > -maxShear; !w.shear {
		return
	}
	w.from, w.upTo = pieceReach, pieceReach+1
	for f := range w.pieces {
		w.pieces[f] = [2*pieceReach + 1]uint32{}
		for c := range windowSide {
			off := (float32(f)+0.5)/8 - (float32(c)-middle)*sin
			k := int(off + pieceReach)
			w.pieces[f][k] |= 1 << c
			w.from, w.upTo = min(w.from, k), max(w.upTo, k+1)
		}
	}
}

// read takes the window around a point of b, in samples.
func (w *window) read(b *samples, x, y float32) {
	if !w.shear {
		w.gather(b, x, y)
		return
	}
	x, y = x-0.5-middle, y-0.5 // of the row's first and middle sample
	for r := range w.rows {
		down := float32(r) - middle
		u, v := int(x+down*w.sin+0.5), y+down*w.cos+0.5
		top := int(v)
		pieces := &w.pieces[int((v-float32(top))*8)]
		at := (top+w.from-pieceReach)*b.stride + u>>3
		var word uint32
		for _, mask := range pieces[w.from:w.upTo] {
			word |= binary.LittleEndian.Uint32(b.bits[at:]) & (mask << (u & 7))
			at += b.stride
		}
		word >>= u & 7
		w.rows[r] = word
	}
}

// gather is read for any turn, sample by sample.
func (w *window) gather(b *samples, x, y float32) {
	// One sample to the right and one down in a, as steps in b, in 1/65536.
	rx, ry := int(w.cos*65536), int(-w.sin*65536)
	dx, dy := int(w.sin*65536), int(w.cos*65536)
	sx := int((x-0.5)*65536) - int(middle*float32(rx+dx)) + 32768
	sy := int((y-0.5)*65536) - int(middle*float32(ry+dy)) + 32768
	for r := range w.rows {
		px, py := sx, sy
		var word uint32
		for c := range windowSide {
			u, v := px>>16, py>>16
			word |= uint32(b.bits[v*b.stride+u>>3]>>(u&7)&1) << c
			px, py = px+rx, py+ry
		}
		w.rows[r] = word
		sx, sy = sx+dx, sy+dy
	}
}

// compare counts for each shift the samples of the tile that agree.
func (w *window) compare(tile uint64, to *counts) {
	var four [windowSide / 4]uint64 // rows, 16 bits each
	for r, row := range w.rows {
		four[r/4] |= uint64(row) << (r % 4 * 16)
	}
	var below [shifts]uint64
	for h := range shifts {
		low := squeeze(four[0]>>h) | squeeze(four[1]>>h)<<32
		high := squeeze(four[2] >> h)
		to[h] = agreeing(low, tile) | agreeing(low>>8|high<<56, tile)<<16 |
			agreeing(low>>16|high<<48, tile)<<32 | agreeing(low>>24|high<<40, tile)<<48
		below[h] = agreeing(low>>32|high<<32, tile)
	}
	to[last] = below[0] | below[1]<<16 | below[2]<<32 | below[3]<<48
	to[tally] = below[4] | 1<<16
}

func agreeing(a, b uint64) uint64 { return uint64(64 - bits.OnesCount64(a^b)) }

// squeeze puts the lower bytes of four 16-bit numbers side by side.
func squeeze(v uint64) uint64 {
	v &= 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return (v | v>>16) & 0xffffffff
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
