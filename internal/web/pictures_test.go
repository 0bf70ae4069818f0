package web_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/enrold/enrold/internal/eid"
)

// portraitJPEG draws a head, shifted a little by n.
func portraitJPEG(n int) eid.Blob {
	const w, h = 320, 240
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	in := func(x, y int, cx, cy, rx, ry float64) bool {
		dx, dy := (float64(x)-cx)/rx, (float64(y)-cy)/ry
		return dx*dx+dy*dy <= 1
	}
	for y := range h {
		for x := range w {
			c := color.RGBA{186, 200, uint8(206 + y/8), 255}
			cx := 160 + float64(n)
			switch {
			case in(x, y, cx-20, 105, 6, 4), in(x, y, cx+20, 105, 6, 4), in(x, y, cx, 150, 16, 4):
				c = color.RGBA{70, 52, 44, 255}
			case in(x, y, cx, 118, 48, 64):
				c = color.RGBA{222, 180, 150, 255}
			case in(x, y, cx, 90, 56, 62):
				c = color.RGBA{40, 36, 34, 255}
			case in(x, y, cx, 260, 104, 78):
				c = color.RGBA{52, 78, 112, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// fingerPNG draws concentric ridges.
func fingerPNG(seed int) eid.Blob {
	const w, h = 160, 200
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-80, float64(y)-90
			v := 255.0
			if dx*dx/5800+dy*dy/9000 < 1 {
				r := math.Hypot(dx*1.2, dy) + 6*math.Sin(math.Atan2(dy, dx)*2+float64(seed))
				v = 150 + 100*math.Sin(r*0.75)
			}
			img.SetGray(x, y, color.Gray{uint8(max(0, min(255, v)))})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func sampleDocument(key eid.AccessKey) *eid.ChipDocument {
	d := &eid.ChipDocument{
		Kind: eid.DocumentCCCD,
		Holder: eid.Holder{
			PersonalNumber: "099064000101", DocumentNumber: "064000101", Name: "NGUYỄN VĂN AN", NameMRZ: "NGUYEN<<VAN<AN",
			Birth: key.Birth, Sex: "M", Nationality: "VNM", IssuingState: "VNM", Expiry: key.Expiry,
			Residence: "Số 1 phố Thử Nghiệm, Phường Hoàn Kiếm, Hà Nội",
		},
		Portrait: portraitJPEG(0), PortraitType: "image/jpeg", Access: "BAC",
		PA:    eid.Check{State: eid.CheckNotPossible, Word: "no-csca", Reason: "no CSCA certificate of the issuing state"},
		CA:    eid.Check{State: eid.CheckNotPossible, Word: "no-file", Reason: "the chip has no DG14"},
		AA:    eid.Check{State: eid.CheckNotPossible, Word: "no-file", Reason: "the chip has no DG15"},
		APDUs: 148, Bytes: 31_744, Reader: "Virtual PCD 00 00", Origin: eid.OriginEmulated,
	}
	if key.Number == "X00000101" {
		d.Kind = eid.DocumentPassport
		d.Holder = eid.Holder{
			DocumentNumber: "X00000101", Name: "ERIKSSON JOHN PETER", NameMRZ: "ERIKSSON<<JOHN<PETER",
			Birth: key.Birth, Sex: "M", Nationality: "UTO", IssuingState: "UTO", Expiry: key.Expiry,
		}
		d.PA = eid.Check{State: eid.CheckOK}
	}
	return d
}
