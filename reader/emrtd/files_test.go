package emrtd

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

var today = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// facial writes a facial record (ISO/IEC 19794-5:2005 §5) with feature points.
func facial(points int, image []byte) []byte {
	length := facialInfo + points*featurePoint + imageInfo + len(image)
	r := append([]byte("FAC\x00010\x00"), binary.BigEndian.AppendUint32(nil, uint32(facialHeader+length))...)
	r = append(r, 0, 1)
	r = binary.BigEndian.AppendUint32(r, uint32(length))
	r = binary.BigEndian.AppendUint16(r, uint16(points))
	r = append(r, make([]byte, facialInfo-6+points*featurePoint+imageInfo)...)
	return append(r, image...)
}

// template wraps a record as DG2 (Doc 9303-10 §4.7.2).
func template(record []byte) []byte {
	info := append(tlv.Append(nil, 0xA1, []byte{0x81, 1, 2}), tlv.Append(nil, 0x5F2E, record)...)
	group := append([]byte{2, 1, 1}, tlv.Append(nil, 0x7F60, info)...)
	return tlv.Append(nil, 0x75, tlv.Append(nil, 0x7F61, group))
}

func TestParseDG2(t *testing.T) {
	jpeg := []byte{0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3}
	jp2 := []byte("\x00\x00\x00\x0CjP  \r\n\x87\nrest")
	codestream := []byte{0xFF, 0x4F, 0xFF, 0x51, 9}
	for _, c := range []struct {
		name  string
		file  []byte
		image []byte
		kind  string
	}{
		{"JPEG", template(facial(0, jpeg)), jpeg, "image/jpeg"},
		{"JPEG with feature points", template(facial(3, jpeg)), jpeg, "image/jpeg"},
		{"JPEG 2000", template(facial(0, jp2)), jp2, "image/jp2"},
		{"JPEG 2000 codestream", template(facial(1, codestream)), codestream, "image/jp2"},
	} {
		p, err := ParseDG2(c.file)
		if err != nil || !bytes.Equal(p.Image, c.image) || p.Type != c.kind {
			t.Errorf("%s: %s %v", c.name, p.Type, err)
		}
	}
	edit := func(at int, b ...byte) []byte {
		r := facial(0, jpeg)
		copy(r[at:], b)
		return template(r)
	}
	for name, file := range map[string][]byte{
		"empty":                    nil,
		"another group":            tlv.Append(nil, 0x61, nil),
		"no template":              tlv.Append(nil, 0x75, []byte{2, 1, 0}),
		"no record":                template(nil),
		"short record":             template(facial(0, jpeg)[:40]),
		"other magic":              edit(0, 'F', 'I', 'R'),
		"version of 2011":          edit(4, '0', '3', '0'),
		"longer than it is":        edit(8, 0xFF),
		"no image in it":           edit(12, 0, 0),
		"image longer than it is":  edit(14, 0xFF),
		"more points than it has":  edit(18, 0xFF, 0xFF),
		"neither JPEG nor JP2":     template(facial(0, []byte("GIF89a"))),
		"larger than any document": append(make([]byte, MaxFile), 0),
	} {
		if _, err := ParseDG2(file); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseCOM(t *testing.T) {
	groups, err := ParseCOM(unhex(t, "60185F0104303130375F36063034303030305C06 61756D6E6F6E"))
	if err != nil || !slices.Equal(groups, []int{1, 2, 13, 14, 15}) {
		t.Error(groups, err)
	}
	for _, bad := range []string{"", "6000", "61025C00", "60035C0561"} {
		if _, err := ParseCOM(unhex(t, bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestParseDG1(t *testing.T) {
	zone := "IDVNM1900000118099190000011<<49001158F3001156VNM<<<<<<<<<<<6NGUYEN<<THI<ANH<TUYET<<<<<<<<<"
	file := tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1F, []byte(zone)))
	d, err := ParseDG1(file, today)
	if err != nil || strings.Join(d.Lines, "") != zone || d.PersonalNumber != "099190000011" {
		t.Error(d.Format, err)
	}
	wrong := bytes.Replace(file, []byte("9001158"), []byte("9001159"), 1)
	if _, err := ParseDG1(wrong, today); eid.CodeOf(err) != eid.CodeMRZCheck {
		t.Error(err)
	}
	for name, b := range map[string][]byte{"empty": nil, "no zone": {0x61, 0}, "odd size": tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1F, []byte("X")))} {
		if _, err := ParseDG1(b, today); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDG1(f *testing.F) {
	f.Add(tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1F, []byte("IDVNM1900000118099190000011<<49001158F3001156VNM<<<<<<<<<<<6NGUYEN<<THI<ANH<TUYET<<<<<<<<<"))))
	f.Add([]byte{0x61, 0x03, 0x5F, 0x1F, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDG1(b, today); err == nil && (d.Number == "" && d.PersonalNumber != "" || len(d.Lines) < 2) {
			t.Fatal("an incomplete zone was accepted")
		}
	})
}

func FuzzDG2(f *testing.F) {
	f.Add(template(facial(0, []byte{0xFF, 0xD8, 0xFF, 0xE0})))
	f.Add(template(facial(2, []byte{0xFF, 0x4F, 0xFF, 0x51})))
	f.Add([]byte{0x75, 0x82, 0xFF, 0xFF, 0x7F, 0x61, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseDG2(b); err == nil && !bytes.Contains(b, p.Image) {
			t.Fatal("the image is not part of the file")
		}
	})
}

func FuzzCOM(f *testing.F) {
	f.Add([]byte{0x60, 0x04, 0x5C, 0x02, 0x61, 0x75})
	f.Fuzz(func(t *testing.T, b []byte) {
		if groups, err := ParseCOM(b); err == nil && len(groups) > 16 {
			t.Fatal("more data groups than there are")
		}
	})
}
