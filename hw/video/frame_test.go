package video

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
	"time"
)

func gradient(t testing.TB, width, height int) *Frame {
	t.Helper()
	bgr := make([]byte, 3*width*height)
	for i := range width * height {
		bgr[3*i], bgr[3*i+1], bgr[3*i+2] = 10, 20, uint8(255*(i%width)/width)
	}
	f, err := NewFrame(1, time.Now(), width, height, bgr)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFrameShapes(t *testing.T) {
	for _, c := range []struct{ width, height, bytes int }{
		{0, 0, 0}, {4, 4, 47}, {4, 4, 49}, {-4, -4, 48}, {100000, 1, 300000},
	} {
		if _, err := NewFrame(1, time.Now(), c.width, c.height, make([]byte, c.bytes)); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
	f := gradient(t, 100, 51)
	for _, c := range []struct {
		width int
		want  image.Point
	}{{0, image.Pt(100, 51)}, {-1, image.Pt(100, 51)}, {50, image.Pt(50, 26)}, {1, image.Pt(1, 1)}, {500, image.Pt(100, 51)}} {
		gray, err := f.Gray(c.width)
		if err != nil || gray.Rect.Size() != c.want || len(gray.Pix) != c.want.X*c.want.Y {
			t.Errorf("gray at %d: %v, %v", c.width, gray, err)
		}
		data, err := f.JPEG(c.width, 90)
		if err != nil {
			t.Errorf("jpeg at %d: %v", c.width, err)
			continue
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Size() != c.want {
			t.Errorf("jpeg at %d: %v", c.width, err)
		}
	}
	if !f.Same(gradient(t, 100, 51)) || f.Same(gradient(t, 51, 100)) || f.Same(gradient(t, 99, 51)) {
		t.Error("same frames are told apart or other ones not")
	}
	gray, err := f.Gray(0)
	if err != nil {
		t.Fatal(err)
	}
	if left, right := gray.GrayAt(0, 20).Y, gray.GrayAt(99, 20).Y; left > 20 || right < 80 {
		t.Errorf("red rises from left to right, gray goes from %d to %d", left, right)
	}
}
