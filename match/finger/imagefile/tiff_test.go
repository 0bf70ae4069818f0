package imagefile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/tiff"
)

// The tests' own writers of the packed forms, checked against an independent
// reader in TestPackedTIFF.

func packBits(in []byte) (out []byte) {
	for len(in) > 0 {
		n := 1
		for n < len(in) && n < 128 && in[n] == in[0] {
			n++
		}
		if n > 1 {
			out, in = append(out, byte(1-n), in[0]), in[n:]
			continue
		}
		for n < len(in) && n < 128 && (n+1 == len(in) || in[n] != in[n+1]) {
			n++
		}
		out, in = append(append(out, byte(n-1)), in[:n]...), in[n:]
	}
	return out
}

func packLZWBytes(in []byte) (out []byte) {
	held, bits, width := uint32(0), 0, 9
	put := func(code int) {
		held, bits = held<<width|uint32(code), bits+width
		for ; bits >= 8; bits -= 8 {
			out = append(out, byte(held>>(bits-8)))
		}
	}
	table := map[string]int{}
	reset := func() {
		put(lzwClear)
		clear(table)
		for i := range 256 {
			table[string([]byte{byte(i)})] = i
		}
		width = 9
	}
	reset()
	next, omega := lzwFirst, ""
	for _, b := range in {
		if _, ok := table[omega+string([]byte{b})]; ok {
			omega += string([]byte{b})
			continue
		}
		put(table[omega])
		table[omega+string([]byte{b})] = next
		next++
		switch next { // section 13: one code early
		case 512, 1024, 2048:
			width++
		case 4095:
			reset()
			next = lzwFirst
		}
		omega = string([]byte{b})
	}
	put(table[omega])
	put(lzwEnd)
	if bits > 0 {
		out = append(out, byte(held<<(8-bits)))
	}
	return out
}

func pack(strip []byte, compression int) []byte {
	switch compression {
	case packPackBits:
		return packBits(strip)
	case packLZW:
		return packLZWBytes(strip)
	case packDeflate, packDeflateOld:
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(strip)
		w.Close()
		return b.Bytes()
	}
	return strip
}

// tiffWith writes a file of the given fields (SHORT or LONG, one or more values).
func tiffWith(order binary.AppendByteOrder, fields map[uint16][]uint32, strips [][]byte) []byte {
	b := []byte("II*\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 0)
	fields[tagStripOffsets], fields[tagStripByteCounts] = nil, nil
	for _, s := range strips {
		fields[tagStripOffsets] = append(fields[tagStripOffsets], uint32(len(b)))
		fields[tagStripByteCounts] = append(fields[tagStripByteCounts], uint32(len(s)))
		b = append(b, s...)
	}
	var directory []byte
	n := 0
	for tag := uint16(0); tag < 400; tag++ {
		values, ok := fields[tag]
		if !ok {
			continue
		}
		n++
		kind := uint16(4)
		if tag == tagBits || tag == tagColorMap {
			kind = 3
		}
		directory = order.AppendUint32(order.AppendUint16(order.AppendUint16(directory, tag), kind), uint32(len(values)))
		var v []byte
		for _, x := range values {
			if kind == 3 {
				v = order.AppendUint16(v, uint16(x))
			} else {
				v = order.AppendUint32(v, x)
			}
		}
		if len(v) > 4 {
			directory = order.AppendUint32(directory, uint32(len(b)))
			b = append(b, v...)
		} else {
			directory = append(directory, append(v, 0, 0, 0, 0)[:4]...)
		}
	}
	at := len(b)
	b = append(append(order.AppendUint16(b, uint16(n)), directory...), 0, 0, 0, 0)
	copy(b[4:], order.AppendUint32(nil, uint32(at)))
	return b
}

// packedTIFF writes img in strips of some rows, in either byte order.
func packedTIFF(img Image, compression, rows int, rng *rand.Rand) []byte {
	var strips [][]byte
	for y := 0; y < img.Height; y += rows {
		strips = append(strips, pack(img.Pixels[y*img.Width:min(y+rows, img.Height)*img.Width], compression))
	}
	var order binary.AppendByteOrder = binary.LittleEndian
	if rng.IntN(2) == 1 {
		order = binary.BigEndian
	}
	return tiffWith(order, map[uint16][]uint32{
		tagWidth: {uint32(img.Width)}, tagHeight: {uint32(img.Height)}, tagBits: {8}, tagSamples: {1},
		tagCompression: {uint32(compression)}, tagPhotometric: {blackIsZero}, tagRowsPerStrip: {uint32(rows)},
	}, strips)
}

// TestPackedTIFF compares with golang.org/x/image, which production code here
// may not use.
func TestPackedTIFF(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := pattern(300, 97, 0)
	for i := range noise.Pixels {
		noise.Pixels[i] = uint8(rng.IntN(256))
	}
	flat := Image{Width: 300, Height: 97, Pixels: make([]byte, 300*97)}
	for _, compression := range []int{packNone, packPackBits, packLZW, packDeflate, packDeflateOld} {
		for name, img := range map[string]Image{"ridges": pattern(300, 97, 0), "noise": noise, "flat": flat} {
			for _, rows := range []int{1, 10, 97, 100} {
				data := packedTIFF(img, compression, rows, rng)
				got, _, err := Read(data)
				if err != nil {
					t.Fatalf("%s, compression %d, %d rows: %v", name, compression, rows, err)
				}
				if !bytes.Equal(got.Pixels, img.Pixels) {
					t.Errorf("%s, compression %d, %d rows: pixels differ", name, compression, rows)
				}
				other, err := tiff.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatalf("%s, compression %d, %d rows: the other reader: %v", name, compression, rows, err)
				}
				if !bytes.Equal(grey(other).Pixels, img.Pixels) {
					t.Errorf("%s, compression %d, %d rows: the other reader sees other pixels", name, compression, rows)
				}
			}
		}
	}
}

func TestWrittenTIFFReadsElsewhere(t *testing.T) {
	img := pattern(161, 150, 500)
	data, err := Write(img, TIFF)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tiff.Decode(bytes.NewReader(data))
	if err != nil || !bytes.Equal(grey(m).Pixels, img.Pixels) {
		t.Errorf("%v", err)
	}
}

func TestTIFFKinds(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	colourMap := make([]uint32, 3*256)
	for i := range 256 {
		colourMap[i], colourMap[256+i], colourMap[512+i] = uint32(255-i)<<8, uint32(255-i)<<8, uint32(255-i)<<8
	}
	base := func(more map[uint16][]uint32) map[uint16][]uint32 {
		f := map[uint16][]uint32{tagWidth: {2}, tagHeight: {2}, tagBits: {8}, tagPhotometric: {blackIsZero}, tagRowsPerStrip: {2}}
		for k, v := range more {
			f[k] = v
		}
		return f
	}
	for name, c := range map[string]struct {
		order  binary.AppendByteOrder
		fields map[uint16][]uint32
		strip  []byte
		want   []byte
		err    error
	}{
		"grey":           {le, base(nil), []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}, nil},
		"white is zero":  {le, base(map[uint16][]uint32{tagPhotometric: {whiteIsZero}}), []byte{0, 255, 1, 4}, []byte{255, 0, 254, 251}, nil},
		"palette":        {le, base(map[uint16][]uint32{tagPhotometric: {palette}, tagColorMap: colourMap}), []byte{0, 255, 1, 4}, []byte{255, 0, 254, 251}, nil},
		"rgb":            {be, base(map[uint16][]uint32{tagPhotometric: {rgb}, tagSamples: {3}, tagBits: {8, 8, 8}}), []byte{9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255}, []byte{9, 76, 150, 29}, nil},
		"16 bits little": {le, base(map[uint16][]uint32{tagBits: {16}}), []byte{7, 1, 7, 2, 7, 3, 7, 4}, []byte{1, 2, 3, 4}, nil},
		"16 bits big":    {be, base(map[uint16][]uint32{tagBits: {16}}), []byte{1, 7, 2, 7, 3, 7, 4, 7}, []byte{1, 2, 3, 4}, nil},
		"differences":    {le, base(map[uint16][]uint32{tagPredictor: {2}}), []byte{10, 5, 20, 250}, []byte{10, 15, 20, 14}, nil},
		"tiles":          {le, base(map[uint16][]uint32{tagTileWidth: {16}}), []byte{1, 2, 3, 4}, nil, ErrUnsupported},
		"one bit":        {le, base(map[uint16][]uint32{tagBits: {1}}), []byte{1, 2}, nil, ErrUnsupported},
		"fax":            {le, base(map[uint16][]uint32{tagCompression: {4}}), []byte{1, 2, 3, 4}, nil, ErrUnsupported},
		"short strip":    {le, base(nil), []byte{1, 2, 3}, nil, ErrFormat},
		"strip of none":  {le, base(map[uint16][]uint32{tagRowsPerStrip: {0}}), []byte{1, 2, 3, 4}, nil, ErrFormat},
		"strips missing": {le, base(map[uint16][]uint32{tagRowsPerStrip: {1}}), []byte{1, 2, 3, 4}, nil, ErrFormat},
		"size":           {le, base(map[uint16][]uint32{tagWidth: {1 << 31}}), []byte{1, 2, 3, 4}, nil, ErrTooLarge},
	} {
		img, _, err := Read(tiffWith(c.order, c.fields, [][]byte{c.strip}))
		if !errors.Is(err, c.err) || !bytes.Equal(img.Pixels, c.want) {
			t.Errorf("%s: %v %v, want %v %v", name, img.Pixels, err, c.want, c.err)
		}
	}
}
