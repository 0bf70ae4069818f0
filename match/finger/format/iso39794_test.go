package format

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/enrold/enrold/match/finger/imagefile"
)

// tlv writes an element in DER.
func tlv(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	switch n := len(content); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, content...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
	}
}

// open writes a constructed element of indefinite length, which BER allows.
func open(tag byte, parts ...[]byte) []byte {
	return append(append([]byte{tag, 0x80}, bytes.Join(parts, nil)...), 0, 0)
}

func version() []byte { return tlv(0xa0, tlv(0x80, []byte{3}), tlv(0x81, []byte{0x07, 0xe3})) }

func der39794Images(t testing.TB) []byte {
	data, err := imagefile.Write(picture(20, 16, 0), imagefile.PGM)
	if err != nil {
		t.Fatal(err)
	}
	return tlv(0x64, version(), tlv(0xa1, tlv(0x30,
		tlv(0xa0, tlv(0x80, []byte{7})),                            // left index
		tlv(0xa1, tlv(0x80, []byte{1})),                            // rolled contact
		tlv(0xa2, tlv(0xa1, tlv(0x80, []byte{0}), tlv(0x81, nil))), // an extension that falls back on PGM
		tlv(0x83, data),
		tlv(0xa6, tlv(0x30, tlv(0xa0, tlv(0x80, []byte{1}), tlv(0x81, []byte{1})), tlv(0xa1, tlv(0x80, []byte{85})))),
		tlv(0xa7, tlv(0x80, []byte{0, 197}), tlv(0x81, []byte{1})), // 197 a cm
	)))
}

func TestRead39794Images(t *testing.T) {
	images, f, err := ReadImages(der39794Images(t))
	if err != nil || f != ImageISO39794 || len(images) != 1 {
		t.Fatalf("%s %v: %d images", f, err, len(images))
	}
	m := images[0]
	if m.Position != 7 || m.Impression != LiveRolled || m.Quality != 85 || m.DPI != 500 || m.Encoding != imagefile.PGM {
		t.Errorf("%+v", m)
	}
	img, err := m.Decode()
	if err != nil || img.DPI != 500 || !bytes.Equal(img.Pixels, picture(20, 16, 0).Pixels) {
		t.Errorf("%v", err)
	}
}

// der39794Minutiae has BER's indefinite lengths outside and DER inside.
func der39794Minutiae() []byte {
	minutia := func(x, y, angle, kind byte) []byte {
		return tlv(0x30, tlv(0xa0, tlv(0x80, []byte{x}), tlv(0x81, []byte{0, y})), tlv(0x81, []byte{0, angle}), tlv(0xa2, tlv(0x80, []byte{kind})))
	}
	return open(0x62, version(), open(0xa1, open(0x30,
		tlv(0xa0, tlv(0x80, []byte{2})), tlv(0xa1, tlv(0x80, []byte{0})),
		tlv(0xa3, tlv(0x80, []byte{1, 0}), tlv(0x81, []byte{1, 0x20})),
		tlv(0xa9, minutia(100, 200, 64, 1), minutia(16, 250, 192, 2)))))
}

func TestRead39794Minutiae(t *testing.T) {
	r, f, err := ReadMinutiae(der39794Minutiae())
	want := Record{Views: []View{{Position: 2, Quality: -1, Minutiae: []Minutia{
		{X: 100, Y: 200, Angle: 90, Type: Ending}, {X: 16, Y: 250, Angle: 270, Type: Bifurcation},
	}}}}
	if err != nil || f != ISO39794 || !reflect.DeepEqual(r, want) {
		t.Errorf("%s %+v %v", f, r, err)
	}
}

func Test39794Damage(t *testing.T) {
	for name, data := range map[string][]byte{
		"images": der39794Images(t), "minutiae": der39794Minutiae(),
	} {
		for n := range len(data) {
			if n < 14 {
				continue // not even recognised
			}
			_, _, err := ReadMinutiae(data[:n])
			_, _, err2 := ReadImages(data[:n])
			if err == nil || err2 == nil {
				t.Errorf("%s: %d of %d bytes are read", name, n, len(data))
			}
		}
	}
	empty := tlv(0x64, version(), tlv(0xa1), tlv(0x85, make([]byte, 8)))
	if _, _, err := ReadImages(empty); !errors.Is(err, ErrFormat) {
		t.Errorf("no representation: %v", err)
	}
	unlike := tlv(0x62, version(), tlv(0xa1, tlv(0x30, tlv(0xa9, tlv(0x30, tlv(0x80, []byte{1}))))))
	if _, _, err := ReadMinutiae(unlike); !errors.Is(err, ErrUnsupported) {
		t.Errorf("no list that looks like minutiae: %v", err)
	}
	many := tlv(0x62, version(), tlv(0xa1, bytes.Repeat([]byte{0x30, 0}, maxChildren+1)))
	if _, _, err := ReadMinutiae(many); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%d representations: %v", maxChildren+1, err)
	}
	deep := bytes.Repeat([]byte{0xa1, 0x80}, 100000)
	if _, _, err := ReadMinutiae(append([]byte{0x62, 0x80}, deep...)); err == nil {
		t.Error("100,000 nested elements are read")
	}
}
