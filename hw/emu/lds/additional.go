package lds

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
)

// dg7 is a signature or usual mark: one image, drawn here (Doc 9303-10 §4.7.7).
func dg7() ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, 120, 40))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
	}
	for x := 10; x < 110; x++ {
		y := 20 + (x%20-10)*(x%14-7)/8
		img.SetGray(x, y, color.Gray{})
		img.SetGray(x, y+1, color.Gray{})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		return nil, fmt.Errorf("encode signature image: %w", err)
	}
	return ber.TLV(0x67, ber.TLV(0x02, []byte{1}), ber.TLV(0x5F43, b.Bytes())), nil
}

// dg11 is additional personal detail (Doc 9303-10 §4.7.11): the list of tags,
// then each of them.
func dg11(id persons.Identity) []byte {
	return listed(0x6B,
		object{0x5F0E, id.NameMRZ},
		object{0x5F2B, compact(id.Birth)},
		object{0x5F11, "Testville<Utopia"},
		object{0x5F42, "1 Test Street<Testville"},
		object{0x5F12, "000000000"},
	)
}

// dg12 is additional document detail (Doc 9303-10 §4.7.12).
func dg12(id persons.Identity) []byte {
	return listed(0x6C,
		object{0x5F19, "Authority of Utopia, test"},
		object{0x5F26, compact(id.Issued)},
	)
}

type object struct {
	tag   uint32
	value string
}

func listed(tag uint32, objects ...object) []byte {
	var tags, values []byte
	for _, o := range objects {
		tags = append(tags, byte(o.tag>>8), byte(o.tag))
		values = append(values, ber.TLV(o.tag, []byte(o.value))...)
	}
	return ber.TLV(tag, ber.TLV(0x5C, tags), values)
}

// compact is yyyymmdd.
func compact(d eid.Date) string { return strings.ReplaceAll(string(d), "-", "") }
