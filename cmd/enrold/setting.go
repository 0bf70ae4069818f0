package main

import (
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/format"
)

// portraitRecord puts a live frame into the face record that requests carry.
func portraitRecord(s eid.FaceSample) (eid.Blob, error) {
	return format.Write(format.Image{Data: s.JPEG, Width: s.Width, Height: s.Height})
}
