package format_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"testing"

	"github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/match/face/jpeg2000"
	"github.com/enrold/enrold/reader/lds"
)

var (
	jpeg = append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte{7}, 50)...)
	jp2  = append([]byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), bytes.Repeat([]byte{8}, 60)...)
)

func TestWriteRead(t *testing.T) {
	want := []format.Image{{Data: jpeg, Width: 640, Height: 480}, {Data: jp2, Width: 3000, Height: 65535}}
	record, err := format.Write(want...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := format.Read(record)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Read = %d images, %v", len(got), err)
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Width != want[i].Width || got[i].Height != want[i].Height {
			t.Errorf("image %d differs", i)
		}
	}
	// ISO/IEC 19794-5:2005 §5.4: the length of the record stands at byte 8.
	if n := 14 + 2*32 + len(jpeg) + len(jp2); len(record) != n || record[11] != byte(n) {
		t.Errorf("record of %d bytes, length byte %d, want %d", len(record), record[11], n)
	}
}

// TestChipReaderReads takes the record through the parser of chips, which was
// written apart from this one: inside the templates of DG2 (Doc 9303-10 §4.7.2).
func TestChipReaderReads(t *testing.T) {
	file, err := jpeg2000.Encode(image.NewRGBA(image.Rect(0, 0, 90, 120)), 2000)
	if err != nil {
		t.Fatal(err)
	}
	tlv := func(tag []byte, content []byte) []byte {
		out := binary.BigEndian.AppendUint16(append(bytes.Clone(tag), 0x82), uint16(len(content)))
		return append(out, content...)
	}
	for kind, data := range map[string][]byte{"image/jpeg": jpeg, "image/jp2": file} {
		record, err := format.Write(format.Image{Data: data, Width: 90, Height: 120})
		if err != nil {
			t.Fatal(err)
		}
		block := tlv([]byte{0x7f, 0x60}, append([]byte{0xa1, 0x00}, tlv([]byte{0x5f, 0x2e}, record)...))
		group := tlv([]byte{0x7f, 0x61}, append([]byte{0x02, 0x01, 0x01}, block...))
		images, err := lds.ParseDG2(tlv([]byte{0x75}, group))
		if err != nil || len(images) != 1 || !bytes.Equal(images[0].Data, data) || images[0].Type != kind {
			t.Errorf("%s: ParseDG2 = %d images, %v", kind, len(images), err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, images := range map[string][]format.Image{
		"none":      nil,
		"png":       {{Data: []byte("\x89PNG\r\n\x1a\n"), Width: 1, Height: 1}},
		"no width":  {{Data: jpeg, Height: 1}},
		"too large": {{Data: jpeg, Width: 1 << 16, Height: 1}},
	} {
		if _, err := format.Write(images...); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good, err := format.Write(format.Image{Data: jpeg, Width: 640, Height: 480})
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[at] = b
		return bad
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": good[:len(good)-1], "long": append(bytes.Clone(good), 0), "version": change(5, '3'),
		"count": change(13, 2), "block": change(17, 1), "points": change(18, 200), "data type": change(35, 1),
	} {
		if _, err := format.Read(bad); !errors.Is(err, format.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	good, err := format.Write(format.Image{Data: jpeg, Width: 640, Height: 480}, format.Image{Data: jp2, Width: 1, Height: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		images, err := format.Read(data)
		total := 0
		for _, img := range images {
			total += len(img.Data)
		}
		if err == nil && (len(images) == 0 || total > len(data)) {
			t.Fatal("accepted a record without images or with more than it holds")
		}
	})
}
