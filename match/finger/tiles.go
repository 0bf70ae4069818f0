package finger

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

// sound returns r if its parts fit together, or nil.
func (r *Ridges) sound() *Ridges {
	if r == nil || r.Columns < 1 || r.Rows < 1 || r.Columns > MaxSide || r.Rows > MaxSide ||
		len(r.Tiles) != r.Columns*r.Rows || len(r.Finger) != len(r.Tiles) {
		return nil
	}
	return r
}

// samples is Ridges by rows, as lay reads them: any 25 samples of a row are
// one load away.
type samples struct {
	columns, rows int // of tiles
	stride        int // bytes a row of samples
	bits          []byte
	finger        []bool
}

// rowEnd is how many bytes behind a row may be read.
const rowEnd = 3

func newSamples(r *Ridges) *samples {
	if r = r.sound(); r == nil {
		return nil
	}
	s := &samples{columns: r.Columns, rows: r.Rows, stride: r.Columns, finger: r.Finger}
	s.bits = make([]byte, r.Rows*tileSamples*s.stride+rowEnd)
	for i, tile := range r.Tiles {
		at := i/r.Columns*tileSamples*s.stride + i%r.Columns
		for y := range tileSamples {
			s.bits[at+y*s.stride] = byte(tile >> (8 * y))
		}
	}
	return s
}

// tile is the samples of one tile, bit y*8+x.
func (s *samples) tile(column, row int) (word uint64) {
	at := row*tileSamples*s.stride + column
	for y := range tileSamples {
		word |= uint64(s.bits[at+y*s.stride]) << (8 * y)
	}
	return word
}
