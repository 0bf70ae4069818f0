package format

import (
	"errors"
	"reflect"
	"testing"

	"github.com/enrold/enrold/hw/emu/ridge"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/imagefile"
)

// TestEngineTemplates: a template goes through each format and matches as before.
func TestEngineTemplates(t *testing.T) {
	made := ridge.Grow(21)
	var templates [2]*finger.Template
	for i := range templates {
		img := made.Impression(i, ridge.WindowZFM)
		tpl, q, err := finger.Extract(finger.Image{Width: img.Width, Height: img.Height, DPI: img.DPI, Pixels: img.Pixels})
		if err != nil || len(tpl.Minutiae) == 0 {
			t.Fatalf("%v %v", err, q)
		}
		tpl.Ridges = nil // records hold minutiae only
		templates[i] = tpl
	}
	want := finger.Compare(templates[0], templates[1])
	if want < finger.Threshold {
		t.Fatalf("the engine's own score is %.1f", want)
	}
	for _, f := range []Format{ISO2005, ISO2011, ANSI378} {
		data, err := WriteMinutiae(Record{Views: []View{FromTemplate(templates[0], eid.LeftThumb, 90)}}, f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		r, _, err := ReadMinutiae(data)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		back, err := r.Views[0].Template()
		if err != nil || r.Views[0].Position != eid.LeftThumb || r.Views[0].Quality != 90 {
			t.Fatalf("%s: %+v %v", f, r.Views[0], err)
		}
		score := finger.Compare(back, templates[1])
		if f != ANSI378 && score != want || score < 0.9*want {
			t.Errorf("%s: score %.2f, without the format %.2f", f, score, want)
		}
	}
}

func TestTemplateIsRescaled(t *testing.T) {
	v := sample().Views[0]
	v.PixelsPerCmX, v.PixelsPerCmY = 394, 394 // 1000 dpi
	tpl, err := v.Template()
	if err != nil {
		t.Fatal(err)
	}
	want := finger.Minutia{X: 50, Y: 100, Angle: 64, Kind: finger.Ending, Quality: 70}
	if tpl.Width != 128 || tpl.Height != 144 || !reflect.DeepEqual(tpl.Minutiae[0], want) {
		t.Errorf("%+v", tpl)
	}
	v.Width, v.Height = 0, 0
	if tpl, err = v.Template(); err != nil || tpl.Width != 129 || tpl.Height != 145 {
		t.Errorf("without a size: %+v %v", tpl, err)
	}
	v.PixelsPerCmY = 197
	if _, err = v.Template(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("pixels that are not square: %v", err)
	}
}

// TestMinutiaeSurviveWSQ: an impression that was stored in a finger image record
// at the FBI's 0.75 bits a pixel still matches another of the same finger.
func TestMinutiaeSurviveWSQ(t *testing.T) {
	made := ridge.Grow(22)
	var templates []*finger.Template
	for i := range 2 {
		m := made.Impression(i, ridge.WindowZFM)
		img := imagefile.Image{Width: m.Width, Height: m.Height, DPI: m.DPI, Pixels: m.Pixels}
		if i == 0 {
			stored, err := NewFingerImage(eid.RightThumb, img, imagefile.WSQ)
			if err != nil {
				t.Fatal(err)
			}
			data, err := WriteImages([]FingerImage{stored}, ImageISO2011)
			if err != nil {
				t.Fatal(err)
			}
			images, _, err := ReadImages(data)
			if err != nil {
				t.Fatal(err)
			}
			if img, err = images[0].Decode(); err != nil {
				t.Fatal(err)
			}
		}
		tpl, _, err := finger.Extract(finger.Image{Width: img.Width, Height: img.Height, DPI: img.DPI, Pixels: img.Pixels})
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, tpl)
	}
	if score := finger.Compare(templates[0], templates[1]); score < finger.Threshold {
		t.Errorf("score %.1f, threshold %.1f", score, finger.Threshold)
	}
}
