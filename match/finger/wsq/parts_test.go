package wsq

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBandsTileTheImage: with the four that are not coded, every sample lies in
// exactly one band.
func TestBandsTileTheImage(t *testing.T) {
	for _, s := range [][2]int{{256, 288}, {301, 333}, {17, 40}, {3, 1}} {
		p := newPlan(s[0], s[1])
		seen := make([]int, s[0]*s[1])
		for _, b := range append(p.bands[:], p.splits[0].split()[3]) {
			for y := b.y; y < b.y+b.h; y++ {
				for x := b.x; x < b.x+b.w; x++ {
					seen[y*s[0]+x]++
				}
			}
		}
		if i := slices.IndexFunc(seen, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("%v: sample %d lies in %d bands", s, i, seen[i])
		}
	}
}

// TestBandOrder pins the specification's subband structure at 256x256.
func TestBandOrder(t *testing.T) {
	p := newPlan(256, 256)
	for band, want := range map[int]rect{
		0: {0, 0, 4 * 2, 4 * 2, false, false}, 3: {8, 8, 8, 8, true, true},
		4: {16, 0, 16, 16, true, false}, 18: {48, 48, 16, 16, true, true},
		19: {64, 0, 16, 16, false, false}, 34: {112, 48, 16, 16, true, true},
		35: {0, 64, 16, 16, false, false}, 51: {64, 64, 64, 64, true, true},
		52: {128, 0, 64, 64, false, false}, 59: {64, 192, 64, 64, true, true},
	} {
		if p.bands[band] != want {
			t.Errorf("band %d is %v, want %v", band, p.bands[band], want)
		}
	}
}

func TestReconstructUndoesDecompose(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][2]int{{256, 288}, {301, 333}, {65, 31}, {5, 5}, {1, 9}, {2, 2}, {1, 1}} {
		plane := make([]float32, s[0]*s[1])
		for i := range plane {
			plane[i] = float32(rng.Float64()*256 - 128)
		}
		want := slices.Clone(plane)
		p := newPlan(s[0], s[1])
		p.decompose(plane, s[0], standard())
		p.reconstruct(plane, s[0], standard())
		for i := range plane {
			if d := math.Abs(float64(plane[i] - want[i])); d > 0.01 {
				t.Fatalf("%v: sample %d is off by %g", s, i, d)
			}
		}
	}
}

// TestLowPassGain: the low band of a constant is that constant times the square
// root of two a direction, the high bands are empty.
func TestLowPassGain(t *testing.T) {
	p := newPlan(128, 128)
	plane := make([]float32, 128*128)
	for i := range plane {
		plane[i] = 1
	}
	p.decompose(plane, 128, standard())
	for i, b := range p.bands {
		want := 0.0
		if i == 0 {
			want = 32 // sqrt(2)^(2*5)
		}
		if got := float64(plane[b.y*128+b.x]); math.Abs(got-want) > 1e-4 {
			t.Errorf("band %d holds %g, want %g", i, got, want)
		}
	}
}

func TestScaledNumbers(t *testing.T) {
	for v, want := range map[float64]scaled{
		0: {}, 1: {4, 10000}, 0.44: {5, 44000}, 128: {2, 12800}, 65535: {0, 65535}, 6.5536: {3, 6554}, 0.00001: {9, 10000},
	} {
		if got := scale(v); got != want {
			t.Errorf("%g is %v, want %v", v, got, want)
		}
	}
	for v := 1e-6; v < 65000; v *= 1.37 {
		if got := scale(v).float(); math.Abs(got-v) > v/13000 {
			t.Errorf("%g comes back as %g", v, got)
		}
	}
}

func TestQuantiserIsSymmetricWithADeadZone(t *testing.T) {
	b := bin{width: 2, zero: 2.4}
	for c, want := range map[float32]int16{0: 0, 1.2: 0, 1.21: 1, 3.19: 1, 3.21: 2, -1.2: 0, -1.3: -1, -3.3: -2, 1e9: math.MaxInt16} {
		if got := b.index(c); got != want {
			t.Errorf("%g has index %d, want %d", c, got, want)
		}
	}
	// C = 0.44 from the lower edge's side.
	if got := b.value(1, 0.44); math.Abs(float64(got)-(2*0.56+1.2)) > 1e-6 {
		t.Errorf("index 1 is %g", got)
	}
	if b.value(-3, 0.44) != -b.value(3, 0.44) || b.value(0, 0.44) != 0 {
		t.Error("values are not symmetric")
	}
}

func TestSymbols(t *testing.T) {
	type symbol struct {
		s     uint8
		extra uint32
		bits  int
	}
	run := func(n int) []int16 { return make([]int16, n) }
	for _, c := range []struct {
		name string
		in   []int16
		want []symbol
	}{
		{"values", []int16{74, -73, 1, -1}, []symbol{{254, 0, 0}, {107, 0, 0}, {181, 0, 0}, {179, 0, 0}}},
		{"eight bits", []int16{75, 255, -74, -255}, []symbol{{101, 75, 8}, {101, 255, 8}, {102, 74, 8}, {102, 255, 8}}},
		{"sixteen bits", []int16{256, -256, 32767, -32767}, []symbol{{103, 256, 16}, {104, 256, 16}, {103, 32767, 16}, {104, 32767, 16}}},
		{"short runs", append(append(run(1), 5), run(100)...), []symbol{{1, 0, 0}, {185, 0, 0}, {100, 0, 0}}},
		{"run of 101", run(101), []symbol{{105, 101, 8}}},
		{"run of 256", run(256), []symbol{{106, 256, 16}}},
		{"longest run", run(65536), []symbol{{106, 65535, 16}, {1, 0, 0}}},
	} {
		var got []symbol
		symbolise(c.in, func(s uint8, extra uint32, bits int) { got = append(got, symbol{s, extra, bits}) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCodeTables: for even and for extreme frequencies the code is complete but
// for the word of ones, no longer than 16 bits, and read as written.
func TestCodeTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	frequencies := map[string]func(i int) int{
		"one symbol": func(i int) int { return max(0, 1-i) },
		"even":       func(int) int { return 10 },
		"fibonacci":  func(i int) int { return int(math.Pow(1.618, float64(min(i, 60)))) },
		"sparse":     func(i int) int { return (i % 7) * (i % 5) * (i % 3) * rng.IntN(1000) },
	}
	for name, of := range frequencies {
		var frequency [256]int
		for i := range 254 {
			frequency[i+1] = of(i)
		}
		table := newCodeTable(&frequency)
		kraft := 0
		for length, n := range table.counts {
			kraft += n << (maxCodeBits - length)
		}
		if kraft >= 1<<maxCodeBits {
			t.Errorf("%s: the code leaves no word of ones", name)
		}
		d, err := newDecoder(table)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for s, c := range table.codes() {
			if (frequency[s] > 0) != (c.length > 0) {
				t.Fatalf("%s: symbol %d of frequency %d has %d bits", name, s, frequency[s], c.length)
			}
			if c.length == 0 {
				continue
			}
			if c.bits == 1<<c.length-1 {
				t.Errorf("%s: symbol %d is all ones", name, s)
			}
			if got, n := d.next(c.bits << (maxCodeBits - c.length)); int(got) != s || n != c.length {
				t.Errorf("%s: symbol %d is read as %d", name, s, got)
			}
		}
	}
}

func TestOverfullCodeIsRefused(t *testing.T) {
	table := &codeTable{symbols: []uint8{1, 2, 3}}
	table.counts[1] = 3
	if _, err := newDecoder(table); !errors.Is(err, ErrFormat) {
		t.Errorf("three codes of one bit: %v", err)
	}
}

func TestStuffing(t *testing.T) {
	var w bitWriter
	w.write(0xff, 8)
	w.write(0x1, 1)
	w.flush()
	if want := []byte{0xff, 0, 0xff, 0}; !bytes.Equal(w.out, want) {
		t.Errorf("% x, want % x", w.out, want)
	}
	r := &bitReader{data: append(w.out, 0xff, 0xa1)}
	if v, err := r.take(8); v != 0xff || err != nil {
		t.Errorf("%x %v", v, err)
	}
	if v, err := r.take(8); v != 0xff || err != nil {
		t.Errorf("%x %v", v, err)
	}
	if _, err := r.take(1); !errors.Is(err, ErrFormat) {
		t.Errorf("reading on into the marker: %v", err)
	}
}

// minimal is a file written by hand: 32x32, mean 100, only band 0 coded (one
// coefficient, index 3), one code of one bit.
func minimal() []byte {
	b := []byte{0xff, 0xa0}
	b = append(b, 0xff, 0xa4, 0, 58, 9, 7)
	for _, v := range []struct {
		sign, exponent byte
		digits         uint32
	}{
		{0, 9, 852698679},
		{0, 9, 377402856},
		{1, 9, 110624404},
		{1, 9, 23849465},
		{0, 9, 37828456},
		{0, 9, 788485616},
		{1, 9, 418092273},
		{1, 9, 40689418},
		{0, 9, 64538883},
	} {
		b = binary.BigEndian.AppendUint32(append(b, v.sign, v.exponent), v.digits)
	}
	b = append(b, 0xff, 0xa5, 389>>8, 389&0xff, 2, 0, 44)
	b = append(b, 0, 0, 10, 0, 0, 12) // band 0: width 10, dead zone 12
	b = append(b, make([]byte, 63*6)...)
	b = append(b, 0xff, 0xa2, 0, 17, 0, 255, 0, 32, 0, 32, 0, 0, 100, 0, 0, 1, 1, 0, 0)
	b = append(b, 0xff, 0xa6, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 183)
	b = append(b, 0xff, 0xa3, 0, 3, 0, 0x7f) // the code 0, filled with ones
	return append(b, 0xff, 0xa1)
}

func TestMinimalFile(t *testing.T) {
	img, dpi, err := Decode(minimal())
	if err != nil {
		t.Fatal(err)
	}
	// Band 0 of 32x32 is one sample: 10*(3-0.44) + 6 = 31.6. Its share in each
	// pixel averages 1/32, the inverse of the gain.
	sum := 0
	for _, v := range img.Pix {
		sum += int(v)
	}
	if mean := float64(sum) / 1024; math.Abs(mean-100.99) > 0.3 || dpi != 0 {
		t.Errorf("mean %.2f at %d dpi, want 100.99", mean, dpi)
	}
}

func TestDamagedSegmentsAreNamed(t *testing.T) {
	change := func(at int, with ...byte) []byte {
		b := minimal()
		copy(b[at:], with)
		return b
	}
	find := func(marker byte) int { return bytes.Index(minimal(), []byte{0xff, marker}) }
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty":            {nil, ErrFormat},
		"no start":         {change(0, 0xff, 0xd8), ErrFormat},
		"even filters":     {change(find(0xa4)+4, 8, 8), ErrUnsupported},
		"unknown marker":   {change(find(0xa2), 0xff, 0xc0), ErrFormat},
		"segment too long": {change(find(0xa2)+2, 0x7f, 0xff), ErrFormat},
		"no such table":    {change(find(0xa3)+4, 1), ErrFormat},
		"symbol zero":      {change(find(0xa3)-1, 180), ErrFormat},
		"a run too long":   {change(find(0xa3)-1, 2), ErrFormat},
		"zero width":       {change(find(0xa2)+8, 0, 0), ErrTooLarge},
	} {
		if _, _, err := Decode(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
