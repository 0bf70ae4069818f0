package face

import "fmt"

// Marks is the number of points of the Multi-PIE mark-up.
const Marks = 68

// FivePoints takes the five points that alignment needs from the 68 of a
// Landmarker: eyes as the middles of their lids, corners of the mouth as the
// middles of outer and inner lip.
func FivePoints(marks []Point) (Points, error) {
	if len(marks) != Marks {
		return Points{}, fmt.Errorf("%d landmarks, want %d", len(marks), Marks)
	}
	mean := func(at ...int) Point {
		points := make([]Point, len(at))
		for i, a := range at {
			points[i] = marks[a]
		}
		return centroid(points)
	}
	return Points{
		RightEye: mean(37, 38, 40, 41), LeftEye: mean(43, 44, 46, 47), Nose: marks[30],
		RightMouth: mean(48, 60), LeftMouth: mean(54, 64),
	}, nil
}
