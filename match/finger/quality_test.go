package finger

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
)

// spreadShade returns the image with every pixel replaced by the darkest (or
// lightest) within radius: ridges as a wet (or dry) finger prints them.
func spreadShade(img Image, radius int, darkest bool) Image {
	out := img
	out.Pixels = make([]byte, len(img.Pixels))
	for y := range img.Height {
		for x := range img.Width {
			best := img.Pixels[y*img.Width+x]
			for v := max(y-radius, 0); v <= min(y+radius, img.Height-1); v++ {
				for u := max(x-radius, 0); u <= min(x+radius, img.Width-1); u++ {
					p := img.Pixels[v*img.Width+u]
					if darkest {
						best = min(best, p)
					} else {
						best = max(best, p)
					}
				}
			}
			out.Pixels[y*img.Width+x] = best
		}
	}
	return out
}

func flat(w, h int, grey byte) Image {
	return Image{Width: w, Height: h, DPI: DPI, Pixels: slices.Repeat([]byte{grey}, w*h)}
}

// onlyCentre keeps the pixels within radius of the centre.
func onlyCentre(img Image, radius int) Image {
	out := flat(img.Width, img.Height, 240)
	for y := range img.Height {
		for x := range img.Width {
			dx, dy := x-img.Width/2, y-img.Height/2
			if dx*dx+dy*dy < radius*radius {
				out.Pixels[y*img.Width+x] = img.Pixels[y*img.Width+x]
			}
		}
	}
	return out
}

// noise is a grey level with a random deviation of up to spread.
func noise(w, h, grey, spread int) Image {
	rng := rand.New(rand.NewPCG(3, 4))
	img := flat(w, h, 0)
	for i := range img.Pixels {
		img.Pixels[i] = byte(grey + rng.IntN(2*spread+1) - spread)
	}
	return img
}

// smear averages n pixels in a row, as a finger does that slides sideways.
func smear(img Image, n int) Image {
	out := flat(img.Width, img.Height, 240)
	for y := range img.Height {
		row := img.Pixels[y*img.Width:][:img.Width]
		for x := range row {
			sum := 0
			for k := range n {
				sum += int(row[min(x+k, img.Width-1)])
			}
			out.Pixels[y*img.Width+x] = byte(sum / n)
		}
	}
	return out
}

// shifted moves the finger to the right by n pixels.
func shifted(img Image, n int) Image {
	out := flat(img.Width, img.Height, 240)
	for y := range img.Height {
		copy(out.Pixels[y*img.Width+n:(y+1)*img.Width], img.Pixels[y*img.Width:])
	}
	return out
}

func TestQualityReasons(t *testing.T) {
	good := Image(*ridge.Grow(7).Impression(0, ridge.WindowZFM))
	for _, c := range []struct {
		name   string
		img    Image
		reason string
		atMost int
	}{
		{"white sensor", flat(256, 288, 250), ReasonNoFinger, 0},
		{"black image", flat(256, 288, 0), ReasonNoFinger, 0},
		{"noisy sensor", noise(256, 288, 235, 6), ReasonNoFinger, 0},
		{"noise only", noise(300, 300, 128, 120), ReasonNoFinger, 0},
		{"moved", smear(good, 14), ReasonMoved, 90},
		{"off centre", shifted(good, 100), ReasonOffCentre, 100},
		{"fingertip only", onlyCentre(good, 55), ReasonSmallArea, 50},
		{"wet", spreadShade(good, 1, true), ReasonWet, 90},
		{"dry", spreadShade(good, 1, false), ReasonDry, 90},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, q, err := Extract(c.img)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(q.Reasons, c.reason) || q.Score > c.atMost {
				t.Errorf("quality %d %v, want at most %d with %s (dark share %.2f)", q.Score, q.Reasons, c.atMost, c.reason, share(c.img))
			}
		})
	}
	if _, q, err := Extract(good); err != nil || q.Score < 70 || len(q.Reasons) != 0 {
		t.Errorf("a good impression has quality %d %v, error %v (dark share %.2f)", q.Score, q.Reasons, err, share(good))
	}
}

func share(img Image) float64 {
	g := newGrey(img)
	f := newField(g.w, g.h)
	f.measureContrast(g)
	f.fingerByContrast()
	return darkShare(g, f)
}

// TestQualityOfImpressions: natural variation of pressure must not be refused.
func TestQualityOfImpressions(t *testing.T) {
	for seed := range uint64(6) {
		f := ridge.Grow(2000 + seed)
		for n := range 4 {
			img := Image(*f.Impression(n, ridge.WindowZFM))
			_, q, err := Extract(img)
			if err != nil {
				t.Fatal(err)
			}
			if q.Score < 60 {
				t.Errorf("seed %d impression %d: quality %d %v (dark share %.2f)", seed, n, q.Score, q.Reasons, share(img))
			}
		}
	}
}
