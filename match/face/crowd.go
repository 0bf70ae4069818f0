package face

import "image"

// sideFace is the share of the largest face's width from which a second face
// counts as a second person and not as a picture on the wall.
const sideFace = 0.5

// Crowded tells whether the next smaller face is large enough beside the
// largest to be a second person before the camera.
func Crowded(largest, next image.Rectangle) bool {
	return float64(next.Dx()) >= sideFace*float64(largest.Dx())
}
