package portrait_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/jpeg2000"
	"github.com/enrold/enrold/match/face/portrait"
)

func TestDecode(t *testing.T) {
	red := image.NewRGBA(image.Rect(0, 0, 160, 200))
	draw.Draw(red, red.Rect, image.NewUniform(color.RGBA{200, 20, 30, 255}), image.Point{}, draw.Src)
	jp2, err := jpeg2000.Encode(red, 3000)
	if err != nil {
		t.Fatal(err)
	}
	_, bare, ok := bytes.Cut(jp2, []byte("jp2c"))
	if !ok {
		t.Fatal("no codestream box")
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, red, nil); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"jpeg": jpg.Bytes(), "jp2 file": jp2, "codestream": bare,
	} {
		img, err := portrait.Decode(data)
		if err != nil || img.Rect != red.Rect {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c := img.RGBAAt(80, 100); c.R < 190 || c.G > 30 || c.B > 40 {
			t.Errorf("%s: colour %v, want red", name, c)
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "png": []byte("\x89PNG\r\n\x1a\n"), "half": jp2[:len(jp2)/2], "half jpeg": jpg.Bytes()[:jpg.Len()/2]} {
		if _, err := portrait.Decode(data); eid.CodeOf(err) != eid.CodeInput {
			t.Errorf("%s: %v, want %s", name, err, eid.CodeInput)
		}
	}
}
