package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	faceformat "github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/match/finger/wsq"
)

// visit is the request of person as a desk with emulated devices makes it.
func visit(t *testing.T, index int, foreign bool, window ridge.Window) station.Request {
	t.Helper()
	p, err := persons.Get(index)
	if err != nil {
		t.Fatal(err)
	}
	id, kind := p.Citizen, eid.DocumentCCCD
	if foreign {
		id, kind = p.Foreigner, eid.DocumentPassport
	}
	r := station.Request{
		ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2, DueAt: "2026-11-20",
		Documents: []eid.Document{{Type: kind, Chip: &eid.ChipDocument{
			Kind: kind, PA: eid.Check{State: eid.CheckOK}, Origin: eid.OriginEmulated,
			Holder: eid.Holder{
				PersonalNumber: eid.Private(id.PersonalNumber), DocumentNumber: eid.Private(id.DocumentNumber),
				Name: eid.Private(id.Name), Birth: id.Birth, Nationality: id.Nationality,
			},
		}}},
		Portraits: portraits(t, index),
	}
	for _, position := range []eid.FingerPosition{eid.RightIndex, eid.LeftIndex} {
		r.Fingers = append(r.Fingers, impressions(t, index, position, window)...)
	}
	return r
}

func portraits(t *testing.T, index int) (out []eid.PortraitRecord) {
	t.Helper()
	p, err := persons.Get(index)
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Photos(photos)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files[1:4] {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		record, err := faceformat.Write(faceformat.Image{Data: data, Width: c.Width, Height: c.Height})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, eid.PortraitRecord{Record: record, Origin: eid.OriginEmulated})
	}
	return out
}

func impressions(t *testing.T, index int, position eid.FingerPosition, window ridge.Window) (out []eid.FingerRecord) {
	t.Helper()
	p, err := persons.Get(index)
	if err != nil {
		t.Fatal(err)
	}
	f := ridge.Grow(p.FingerSeed(position))
	for n := range 2 {
		img := f.Impression(n, window)
		gray := &image.Gray{Pix: img.Pixels, Stride: img.Width, Rect: image.Rect(0, 0, img.Width, img.Height)}
		data, err := wsq.Encode(gray, wsq.Options{DPI: img.DPI})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, eid.FingerRecord{Position: position, WSQ: data, Width: img.Width, Height: img.Height, DPI: img.DPI, Origin: eid.OriginEmulated})
	}
	return out
}
