package lds

import (
	"bytes"
	"encoding/binary"
	"image"
	stdjpeg "image/jpeg"
	"slices"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

var (
	jpeg  = []byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 17, 8, 0, 7, 0, 5, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}
	jp2   = append([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x00jp2c"), codes...)
	codes = append([]byte{0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 2}, make([]byte, 16)...)
)

// facial writes a facial record (ISO/IEC 19794-5:2005 §5) with feature points.
func facial(points int, images ...[]byte) []byte {
	var body []byte
	for _, image := range images {
		length := facialInfo + points*featurePoint + imageInfo + len(image)
		body = binary.BigEndian.AppendUint32(body, uint32(length))
		body = binary.BigEndian.AppendUint16(body, uint16(points))
		body = append(body, make([]byte, facialInfo-6+points*featurePoint+imageInfo)...)
		body = append(body, image...)
	}
	r := append([]byte("FAC\x00010\x00"), binary.BigEndian.AppendUint32(nil, uint32(facialHeader+len(body)))...)
	return append(binary.BigEndian.AppendUint16(r, uint16(len(images))), body...)
}

// faceBlock writes a face image data block (ISO/IEC 39794-5 annex A) with the
// optional parts that stand before and after the image.
func faceBlock(images ...[]byte) []byte {
	var list []byte
	for i, image := range images {
		two := object(0xA0, object(0x80, image), object(0xA1, object(0xA0, object(0x80, []byte{2}))))
		list = append(list, object(0x30, object(0x80, []byte{byte(i)}), object(0xA1, object(0xA0, two)), object(0xA2, object(0x80, []byte{7, 0xEA})))...)
	}
	return object(0x65, object(0xA0, object(0x80, []byte{3}), object(0x81, []byte{7, 0xE3})), object(0xA1, list))
}

// template wraps records (5F2E or 7F2E objects) as a biometric file
// (Doc 9303-10 §4.7.2).
func template(tag uint32, records ...[]byte) []byte {
	group := []byte{2, 1, byte(len(records))}
	for _, r := range records {
		group = append(group, object(0x7F60, object(0xA1, []byte{0x81, 1, 2, 0x88, 2, 0, 8}), r)...)
	}
	return object(tag, object(0x7F61, group))
}

func record(r []byte) []byte { return object(0x5F2E, r) }

func TestParseDG2(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   []byte
		images [][]byte
		kind   string
		w, h   int
	}{
		{"JPEG", template(0x75, record(facial(0, jpeg))), [][]byte{jpeg}, "image/jpeg", 5, 7},
		{"JPEG with feature points", template(0x75, record(facial(3, jpeg))), [][]byte{jpeg}, "image/jpeg", 5, 7},
		{"JPEG 2000", template(0x75, record(facial(0, jp2))), [][]byte{jp2}, "image/jp2", 8, 8},
		{"JPEG 2000 codestream", template(0x75, record(facial(1, codes))), [][]byte{codes}, "image/jp2", 8, 8},
		{"two images of a record", template(0x75, record(facial(0, jpeg, codes))), [][]byte{jpeg, codes}, "image/jpeg", 5, 7},
		{"two templates", template(0x75, record(facial(0, codes)), record(facial(2, jpeg))), [][]byte{codes, jpeg}, "image/jp2", 8, 8},
		{"constructed block", template(0x75, object(0x7F2E, record(facial(0, jpeg)))), [][]byte{jpeg}, "image/jpeg", 5, 7},
		{"39794-5", template(0x75, object(0x7F2E, object(0xA1, faceBlock(jpeg)))), [][]byte{jpeg}, "image/jpeg", 5, 7},
		{"39794-5 without the outer tag", template(0x75, object(0x7F2E, faceBlock(codes, jpeg))), [][]byte{codes, jpeg}, "image/jp2", 8, 8},
		{"no outer tag, as vsmartcard's card", template(0x75, record(facial(0, jpeg)))[2:], [][]byte{jpeg}, "image/jpeg", 5, 7},
		{"39794-5, octet string in pieces", template(0x75, object(0x7F2E, object(0x65, object(0xA1, object(0x30, object(0xA1, object(0xA0, object(0xA0,
			object(0xA0, object(0x04, jpeg[:9]), object(0x04, jpeg[9:])))))))))), [][]byte{jpeg}, "image/jpeg", 5, 7},
	} {
		list, err := ParseDG2(c.file)
		if err != nil || len(list) != len(c.images) {
			t.Errorf("%s: %d images, %v", c.name, len(list), err)
			continue
		}
		for i, want := range c.images {
			if !bytes.Equal(list[i].Data, want) {
				t.Errorf("%s: image %d differs", c.name, i)
			}
		}
		if p := list[0]; p.Type != c.kind || p.Width != c.w || p.Height != c.h {
			t.Errorf("%s: %s %dx%d", c.name, p.Type, p.Width, p.Height)
		}
	}
}

func TestDamagedDG2(t *testing.T) {
	edit := func(at int, b ...byte) []byte {
		r := facial(0, jpeg)
		copy(r[at:], b)
		return template(0x75, record(r))
	}
	huge := bytes.Clone(jpeg)
	copy(huge[13:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	many := make([][]byte, maxBlocks+1)
	for i := range many {
		many[i] = jpeg
	}
	for name, file := range map[string][]byte{
		"empty":                     nil,
		"another group":             object(0x61),
		"no template":               object(0x75, []byte{2, 1, 0}),
		"no record":                 object(0x75, object(0x7F61, object(0x7F60))),
		"no person":                 template(0x75),
		"short record":              template(0x75, record(facial(0, jpeg)[:40])),
		"shorter than its header":   template(0x75, record([]byte("FAC\x00010"))),
		"other magic":               edit(0, 'F', 'I', 'R'),
		"version of 2011":           edit(4, '0', '3', '0'),
		"longer than it is":         edit(8, 0xFF),
		"no image in it":            edit(12, 0, 0),
		"more images than it has":   edit(12, 0, 2),
		"many images":               template(0x75, record(facial(0, many...))),
		"image longer than it is":   edit(14, 0xFF),
		"more points than it has":   edit(18, 0xFF, 0xFF),
		"neither JPEG nor JP2":      template(0x75, record(facial(0, []byte("GIF89a")))),
		"claims four gigapixels":    template(0x75, record(facial(0, huge))),
		"larger than any document":  append(make([]byte, maxFile), 0),
		"39794-5 without images":    template(0x75, object(0x7F2E, object(0x65, object(0xA1, nil)))),
		"39794-5 of a shape":        template(0x75, object(0x7F2E, object(0x65, object(0xA1, object(0x30, object(0xA1, object(0xA0, object(0xA1)))))))),
		"39794-5 of too many":       template(0x75, object(0x7F2E, faceBlock(many...))),
		"too many templates":        template(0x75, slices.Repeat([][]byte{record(facial(0, jpeg))}, maxBlocks+1)...),
		"39794-5 pieces of nothing": template(0x75, object(0x7F2E, object(0x65, object(0xA1, object(0x30, object(0xA1, object(0xA0, object(0xA0, object(0xA0, object(0x05)))))))))),
	} {
		if list, err := ParseDG2(file); err == nil {
			t.Errorf("%s: %d images, no error", name, len(list))
		}
	}
}

// The size that we read is the one that a decoder finds.
func TestSizeOfRealJPEG(t *testing.T) {
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 61, 83)), nil); err != nil {
		t.Fatal(err)
	}
	i, err := imageOf(b.Bytes())
	if err != nil || i.Width != 61 || i.Height != 83 {
		t.Errorf("%dx%d %v", i.Width, i.Height, err)
	}
}

func TestParseDG7(t *testing.T) {
	list, err := ParseDG7(object(0x67, []byte{2, 1, 1}, object(0x5F43, jpeg)))
	if err != nil || len(list) != 1 || list[0].Type != "image/jpeg" || list[0].Width != 5 {
		t.Errorf("%v %v", list, err)
	}
	many := []byte{2, 1, 17}
	for range 17 {
		many = append(many, object(0x5F43, jpeg)...)
	}
	for _, bad := range [][]byte{nil, object(0x67, []byte{2, 1, 0}), object(0x67, object(0x5F43, []byte("BM"))), object(0x67, []byte{1}), object(0x67, many)} {
		if _, err := ParseDG7(bad); err == nil {
			t.Errorf("%X: no error", bad)
		}
	}
}

// fingers writes a finger image record of raw images of 4 by 2 pixels.
func fingers(compression byte, positions ...byte) []byte {
	var body []byte
	for _, p := range positions {
		data := bytes.Repeat([]byte{p}, 8)
		body = binary.BigEndian.AppendUint32(body, uint32(fingerInfo+len(data)))
		body = append(body, p, 1, 1, 80, 0, 0, 4, 0, 2, 0)
		body = append(body, data...)
	}
	r := append([]byte("FIR\x00010\x00"), 0, 0)
	r = binary.BigEndian.AppendUint32(r, uint32(fingerHeader+len(body)))
	r = append(r, 0, 1, 0, 31, byte(len(positions)), 2, 0, 197, 0, 197, 0, 197, 0, 197, 8, compression, 0, 0)
	return append(r, body...)
}

func TestParseDG3(t *testing.T) {
	list, err := ParseDG3(template(0x63, record(fingers(0, 2, 7)), record(fingers(2, 12))))
	if err != nil || len(list) != 3 {
		t.Fatalf("%d fingers, %v", len(list), err)
	}
	f := list[1]
	if f.Position != eid.LeftIndex || f.Width != 4 || f.Height != 2 || f.DPI != 500 || f.Quality != 80 || f.Compression != FingerRaw || len(f.Data) != 8 || f.Data[0] != 7 {
		t.Errorf("%+v", f)
	}
	if list[2].Position != 0 || list[2].Compression != FingerWSQ {
		t.Errorf("%+v", list[2])
	}
	if list, err := ParseDG3(object(0x63, object(0x7F61, []byte{2, 1, 0}, object(0x53, []byte{1, 2, 3})))); err != nil || len(list) != 0 {
		t.Errorf("a holder without fingers: %v %v", list, err)
	}
	edit := func(at int, b ...byte) []byte {
		r := fingers(0, 2)
		copy(r[at:], b)
		return template(0x63, record(r))
	}
	for name, file := range map[string][]byte{
		"empty": nil, "another group": template(0x75, record(fingers(0, 2))), "no group": object(0x63),
		"cut": template(0x63, record(fingers(0, 2)[:31])), "magic": edit(0, 'X'), "version": edit(4, '9'), "length": edit(9, 1),
		"count": edit(18, 2), "compression": edit(29, 9), "finger's length": edit(fingerHeader, 1), "finger of nothing": edit(fingerHeader, 0, 0, 0, 1),
		"more pixels than data": edit(fingerHeader+9, 0, 9), "too large": edit(fingerHeader+9, 0xFF, 0xFF),
	} {
		if list, err := ParseDG3(file); err == nil {
			t.Errorf("%s: %d fingers, no error", name, len(list))
		}
	}
}
