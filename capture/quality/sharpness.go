package quality

import (
	"image"
	"math"

	"github.com/enrold/enrold/match/face"
)

// The inner face is looked at as large as ICAO's least eye distance shows it.
const (
	sharpEyes = 90
	sharpSide = 152 // 1.7 eye distances
	sharpTop  = 40  // of the patch above the eyes
	blurHalf  = 3   // the comparison is blurred over 7 pixels
)

// sharpness compares the steps between neighbours with those that are left when
// the picture is blurred (Crété-Roffet and others 2007): of a sharp picture
// little is left. The value does not depend on contrast.
func sharpness(img *image.RGBA, way face.Similarity) Result {
	s := grid(img, way, sharpEyes, sharpSide/2, sharpTop)
	n := 1
	if way.Scale() > 1.3*sharpEyes {
		n = 2
	}
	g := make([]int32, sharpSide*sharpSide)
	for y := range sharpSide {
		for x := range sharpSide {
			r, gr, b, ok := s.rgb(x, y, n)
			if !ok {
				continue
			}
			g[y*sharpSide+x] = int32(luma(r, gr, b))
		}
	}
	lost := math.Min(lostSteps(g, 1, sharpSide), lostSteps(g, sharpSide, 1))
	return Result{Sharpness, ramp(lost, 0.25, 0.65), round2(lost), "share"}
}

// lostSteps is the share of steps along a direction (stride) that blurring along
// it takes away.
func lostSteps(g []int32, stride, across int) float64 {
	var all, kept float64
	const window = 2*blurHalf + 1
	for line := range sharpSide {
		row := line * across
		var sum, before int32
		for k := range window {
			sum += g[row+k*stride]
		}
		before = sum
		for k := blurHalf + 1; k < sharpSide-blurHalf; k++ {
			sum += g[row+(k+blurHalf)*stride] - g[row+(k-blurHalf-1)*stride]
			step := abs32(g[row+k*stride] - g[row+(k-1)*stride])
			blurred := float64(abs32(sum-before)) / window
			all += float64(step)
			kept += math.Min(float64(step), blurred)
			before = sum
		}
	}
	if all < sharpSide*sharpSide/8 { // next to nothing to see
		return 0
	}
	return 1 - kept/all
}

func abs32(v int32) int32 {
	if v < 0 {
		return -v
	}
	return v
}

// blockiness compares steps at the borders of JPEG's blocks of 8 pixels with
// those inside, over every fourth row of the face.
func blockiness(img *image.RGBA, box image.Rectangle) Result {
	r := box.Intersect(img.Rect)
	var at, inside, nAt, nInside float64
	for y := r.Min.Y; y < r.Max.Y; y += 4 {
		row := img.Pix[img.PixOffset(r.Min.X, y):]
		for x := r.Min.X + 1; x < r.Max.X; x++ {
			o := 4 * (x - r.Min.X)
			d := math.Abs(float64(int(row[o+1]) - int(row[o-3]))) // green
			if x&7 == 0 {
				at, nAt = at+d, nAt+1
			} else {
				inside, nInside = inside+d, nInside+1
			}
		}
	}
	ratio := 1.0
	if nAt > 0 && nInside > 0 && at > 0 {
		ratio = math.Min(99, (at/nAt)/math.Max(1e-3, inside/nInside))
	}
	return Result{Compression, ramp(ratio, 2.5, 1.15), round2(ratio), "ratio"}
}
