package imagefile

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"golang.org/x/image/bmp"
)

// TestBMPWithAnotherLibrary: golang.org/x/image reads what is written here, and
// what it writes (8, 24 and 32 bits) is read here as the same greys.
func TestBMPWithAnotherLibrary(t *testing.T) {
	img := pattern(161, 97, 500)
	data, err := Write(img, BMP)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bmp.Decode(bytes.NewReader(data))
	if err != nil || !bytes.Equal(grey(m).Pixels, img.Pixels) {
		t.Errorf("the other library reads other pixels: %v", err)
	}
	opaque, translucent := image.NewRGBA(image.Rect(0, 0, 161, 97)), image.NewNRGBA(image.Rect(0, 0, 161, 97))
	for i, v := range img.Pixels {
		opaque.SetRGBA(i%161, i/161, color.RGBA{v, v, v, 255})
		translucent.SetNRGBA(i%161, i/161, color.NRGBA{v, v, v, 128})
	}
	for name, m := range map[string]image.Image{"8 bits": img.gray(), "24 bits": opaque, "32 bits": translucent} {
		var b bytes.Buffer
		if err := bmp.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		got, _, err := Read(b.Bytes())
		if err != nil || !bytes.Equal(got.Pixels, img.Pixels) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
