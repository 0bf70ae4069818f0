package vision

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"gocv.io/x/gocv"

	"github.com/enrold/enrold/internal/eid"
)

// jpeg2000 makes a picture of a gradient, red in its upper left corner.
func jpeg2000(t testing.TB, width, height int) []byte {
	t.Helper()
	bgr := make([]byte, 3*width*height)
	for y := range height {
		for x := range width {
			p := bgr[3*(y*width+x):]
			p[0], p[1], p[2] = uint8(255*x/width), uint8(255*y/height), 200
		}
	}
	m, err := gocv.NewMatFromBytes(height, width, gocv.MatTypeCV8UC3, bgr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	buf, err := gocv.IMEncode(".jp2", m)
	if err != nil {
		t.Fatal(err)
	}
	defer buf.Close()
	if len(buf.GetBytes()) == 0 {
		t.Fatal("OpenCV was built without JPEG 2000")
	}
	return bytes.Clone(buf.GetBytes())
}

func TestDecodePortrait(t *testing.T) {
	jp2 := jpeg2000(t, 160, 200)
	bare := jp2[bytes.Index(jp2, sizMarker):]
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 160, 200)), nil); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"jp2 file": jp2, "codestream": bare, "gray jpeg": jpg.Bytes()} {
		img, err := decodePortrait(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if img.Bounds() != image.Rect(0, 0, 160, 200) {
			t.Errorf("%s: bounds %v", name, img.Bounds())
		}
		if name == "gray jpeg" {
			continue
		}
		c := color.RGBAModel.Convert(img.At(5, 5)).(color.RGBA)
		if c.R < 180 || c.G > 40 || c.B > 40 {
			t.Errorf("%s: colour %v, want red", name, c)
		}
	}
}

func TestDecodePortraitRefuses(t *testing.T) {
	jp2 := jpeg2000(t, 160, 200)
	at := bytes.Index(jp2, sizMarker) + len(sizMarker)
	patch := func(offset int, b ...byte) []byte {
		out := bytes.Clone(jp2)
		copy(out[at+offset:], b)
		return out
	}
	// A box before the codestream that pretends to hold the size.
	decoy := append(bytes.Clone(jp2[:12]), 0, 0, 0, 54, 'f', 'r', 'e', 'e')
	decoy = append(decoy, jp2[at-4:at+42]...)
	decoy = append(decoy, patch(4, 0x7f, 0xff, 0xff, 0xff)[12:]...)
	for name, data := range map[string][]byte{
		"nothing":          nil,
		"png":              []byte("\x89PNG\r\n\x1a\n"),
		"signature only":   jp2[:12],
		"half":             jp2[:at+20],
		"huge":             patch(4, 0x7f, 0xff, 0xff, 0xff),
		"huge behind free": decoy,
		"no width":         patch(4, 0, 0, 0, 0),
		"offset past end":  patch(12, 0xff, 0xff, 0xff, 0xff),
		"tiny tiles":       patch(20, 0, 0, 0, 1, 0, 0, 0, 1),
		"no tiles":         patch(20, 0, 0, 0, 0),
		"many components":  patch(36, 0xff, 0xff),
		"too long":         append(bytes.Clone(jp2), make([]byte, 5<<20)...),
	} {
		if _, err := decodePortrait(data); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeInput)
		}
	}
}

// TestDamagedCodestream: whatever OpenCV makes of a damaged image, it does not
// end the process, and the bounds hold.
func TestDamagedCodestream(t *testing.T) {
	jp2 := jpeg2000(t, 64, 64)
	for i := bytes.Index(jp2, sizMarker) + 4; i < len(jp2); i += 7 {
		bad := bytes.Clone(jp2)
		bad[i] ^= 0xff
		if img, err := decodePortrait(bad); err == nil && img.Bounds().Dx() > 4096 {
			t.Fatalf("byte %d changed: bounds %v", i, img.Bounds())
		}
	}
}

func FuzzCheckCodestream(f *testing.F) {
	jp2 := jpeg2000(f, 40, 40)
	f.Add(jp2)
	f.Add(jp2[bytes.Index(jp2, sizMarker):])
	f.Add([]byte("\x00\x00\x00\x01jp2c\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, data []byte) {
		stream, err := codestream(data)
		if err != nil {
			return
		}
		if checkSIZ(stream) == nil && len(stream) < 42 {
			t.Error("accepted a codestream without a size")
		}
	})
}
