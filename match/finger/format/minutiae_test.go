package format

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// unhex joins commented pieces of hexadecimal.
func unhex(t testing.TB, pieces ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(pieces, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sample is the content of the golden records below.
func sample() Record {
	return Record{Views: []View{{
		Position: 2, Number: 0, Impression: LivePlain, Quality: 80,
		Width: 256, Height: 288, PixelsPerCmX: 197, PixelsPerCmY: 197,
		Minutiae: []Minutia{
			{X: 100, Y: 200, Angle: 90, Type: Ending, Quality: 70},
			{X: 16, Y: 287, Angle: 270, Type: Bifurcation, Quality: 0},
			{X: 255, Y: 0, Angle: 0, Type: Other, Quality: 100},
		},
	}}}
}

func goldens(t testing.TB) map[Format][]byte {
	return map[Format][]byte{
		ISO2005: unhex(t, "464d5200 20323000", // FMR, " 20"
			"00000030 0000",       // 48 bytes, no device
			"0100 0120 00c5 00c5", // 256x288 at 197 pixels a cm
			"01 00",               // one view
			"02 00 50 03",         // right index, view 0 live plain, quality 80, three minutiae
			"4064 00c8 40 46", "8010 011f c0 00", "00ff 0000 00 64",
			"0000"), // no extended data
		ANSI378: unhex(t, "464d5200 20323000",
			"0032 01030000 0000", // 50 bytes, owner unknown, no device
			"0100 0120 00c5 00c5", "01 00", "02 00 50 03",
			"4064 00c8 2d 46", "8010 011f 87 00", "00ff 0000 00 64",
			"0000"),
		ISO2011: unhex(t, "464d5200 30333000",
			"00000048 0001 00",             // 72 bytes, one representation, no certificates
			"00000039",                     // of 57 bytes
			"ffff ff ff ff ff ff ffff",     // capture time not known
			"00 0000 0000",                 // device
			"01 50 0000 0000",              // one quality block: 80
			"02 00 00c5 00c5 00 0100 0120", // right index, number 0, rates, live plain, size
			"61 03",                        // six bytes, ridge skeleton ends; three minutiae
			"4064 00c8 40 46", "8010 011f c0 fe", "00ff 0000 00 64",
			"0000"),
	}
}

func TestGoldenRecords(t *testing.T) {
	for f, want := range goldens(t) {
		got, err := WriteMinutiae(sample(), f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if hex.EncodeToString(got) != hex.EncodeToString(want) {
			t.Errorf("%s is written as\n%x, want\n%x", f, got, want)
		}
		r, detected, err := ReadMinutiae(want)
		if err != nil || detected != f {
			t.Fatalf("%s: read as %s: %v", f, detected, err)
		}
		if !reflect.DeepEqual(r, sample()) {
			t.Errorf("%s is read as %+v", f, r)
		}
	}
}

// TestAnglesAreExact: every code of a format comes back as itself.
func TestAnglesAreExact(t *testing.T) {
	for f, codes := range map[Format]int{ISO2005: 256, ISO2011: 256, ANSI378: 180} {
		for code := range codes {
			r := sample()
			r.Views[0].Minutiae[0].Angle = float64(code) * 360 / float64(codes)
			data, err := WriteMinutiae(r, f)
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := ReadMinutiae(data)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := back.Views[0].Minutiae[0].Angle, r.Views[0].Minutiae[0].Angle; got != want {
				t.Errorf("%s: %g comes back as %g", f, want, got)
			}
		}
	}
}

// random is a record that all formats hold.
func random(rng *rand.Rand) Record {
	var r Record
	w, h, rate := 1+rng.IntN(1<<14), 1+rng.IntN(1<<14), 1+rng.IntN(1000)
	for range 1 + rng.IntN(4) {
		v := View{
			Position: position(rng.IntN(11)), Number: rng.IntN(16), Impression: Impression(rng.IntN(10)), Quality: rng.IntN(101),
			Width: w, Height: h, PixelsPerCmX: rate, PixelsPerCmY: rate, Minutiae: make([]Minutia, rng.IntN(256)),
		}
		for i := range v.Minutiae {
			v.Minutiae[i] = Minutia{
				X: rng.IntN(1 << 14), Y: rng.IntN(1 << 14), Angle: rng.Float64() * 360,
				Type: MinutiaType(rng.IntN(3)), Quality: rng.IntN(101),
			}
		}
		r.Views = append(r.Views, v)
	}
	return r
}

// TestWriteThenReadKeepsAllButTheAnglesStep: only angles are rounded, to half a
// step at most.
func TestWriteThenReadKeepsAllButTheAnglesStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for range 60 {
		r := random(rng)
		for f, step := range map[Format]float64{ISO2005: stepISO, ISO2011: stepISO, ANSI378: stepANSI} {
			data, err := WriteMinutiae(r, f)
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			back, detected, err := ReadMinutiae(data)
			if err != nil || detected != f {
				t.Fatalf("%s of %d bytes is read as %s: %v", f, len(data), detected, err)
			}
			for i, v := range back.Views {
				for k := range v.Minutiae {
					want := r.Views[i].Minutiae[k].Angle
					if d := math.Abs(math.Remainder(v.Minutiae[k].Angle-want, 360)); d > step/2+1e-9 {
						t.Fatalf("%s: angle %g comes back as %g", f, want, v.Minutiae[k].Angle)
					}
					v.Minutiae[k].Angle = want
				}
			}
			if !reflect.DeepEqual(back, r) {
				t.Fatalf("%s: a record comes back changed", f)
			}
		}
	}
}

// TestConversionIsStable: once in a format, further conversions to it change nothing.
func TestConversionIsStable(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	for range 20 {
		first, err := WriteMinutiae(random(rng), ANSI378)
		if err != nil {
			t.Fatal(err)
		}
		data := first
		for _, f := range []Format{ISO2005, ANSI378, ISO2011, ANSI378} {
			r, _, err := ReadMinutiae(data)
			if err != nil {
				t.Fatal(err)
			}
			if data, err = WriteMinutiae(r, f); err != nil {
				t.Fatal(err)
			}
		}
		a, _, _ := ReadMinutiae(first)
		b, _, _ := ReadMinutiae(data)
		for i := range a.Views {
			for k := range a.Views[i].Minutiae {
				// The finer step of 19794-2 in between keeps 378's.
				if a.Views[i].Minutiae[k].Angle != b.Views[i].Minutiae[k].Angle {
					t.Fatalf("angle %g became %g", a.Views[i].Minutiae[k].Angle, b.Views[i].Minutiae[k].Angle)
				}
			}
		}
	}
}

func TestExtendedDataIsSkipped(t *testing.T) {
	for f, golden := range goldens(t) {
		b := append([]byte{}, golden...)
		b = append(b[:len(b)-2], 0, 6, 0, 1, 0, 6, 0xab, 0xcd) // a block of type 1
		grow := func(at, n int) { b[at+n-1] += 6 }
		switch f {
		case ISO2005:
			grow(8, 4)
		case ANSI378:
			grow(8, 2)
		case ISO2011:
			grow(8, 4)
			grow(15, 4)
		}
		if r, _, err := ReadMinutiae(b); err != nil || !reflect.DeepEqual(r, sample()) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestLong378: records of over 65,535 bytes have a longer length field, which
// makes them look like 19794-2 at first.
func TestLong378(t *testing.T) {
	r := sample()
	r.Views[0].Minutiae = make([]Minutia, 255)
	for len(r.Views) < 50 {
		r.Views = append(r.Views, r.Views[0])
	}
	for _, f := range []Format{ANSI378, ISO2005} {
		data, err := WriteMinutiae(r, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, trailing := range []int{0, 7} {
			data = append(data, make([]byte, trailing)...)
			if back, detected, err := ReadMinutiae(data); err != nil || detected != f || !reflect.DeepEqual(back, r) {
				t.Errorf("%d bytes of %s read as %s: %v", len(data), f, detected, err)
			}
		}
	}
}

// TestCertifiedRepresentations: certification blocks of 19794-2:2011 are passed over.
func TestCertifiedRepresentations(t *testing.T) {
	b := append([]byte{}, goldens(t)[ISO2011]...)
	at := 15 + 4 + 9 + 5 + 6 // behind the quality block
	b = append(b[:at], append([]byte{2, 1, 2, 3, 4, 5, 6}, b[at:]...)...)
	b[14], b[11], b[18] = 1, b[11]+7, b[18]+7
	if r, _, err := ReadMinutiae(b); err != nil || !reflect.DeepEqual(r, sample()) {
		t.Errorf("%+v %v", r, err)
	}
}

func TestMinutiaeWithoutQuality(t *testing.T) {
	b := unhex(t, "464d5200 30333000 00000040 0001 00 00000031 ffffffffffffffffff 0000000000",
		"00", // no quality block
		"02 00 00c5 00c5 00 0100 0120 51 03", "4064 00c8 40", "8010 011f c0", "00ff 0000 00", "0000")
	want := sample()
	want.Views[0].Quality = -1
	for i := range want.Views[0].Minutiae {
		want.Views[0].Minutiae[i].Quality = 0
	}
	if r, _, err := ReadMinutiae(b); err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%+v %v", r, err)
	}
}

func TestWritersRefuseWhatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		formats []Format
		change  func(r *Record)
	}{
		"no view":             {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views = nil }},
		"position":            {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Position = 11 }},
		"no image":            {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Width = 0 }},
		"no resolution":       {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].PixelsPerCmY = 0 }},
		"x":                   {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae[1].X = 1 << 14 }},
		"negative y":          {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae[1].Y = -1 }},
		"angle":               {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae[1].Angle = 360 }},
		"no angle":            {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae[1].Angle = math.NaN() }},
		"type":                {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae[1].Type = 3 }},
		"256 minutiae":        {[]Format{ISO2005, ISO2011, ANSI378}, func(r *Record) { r.Views[0].Minutiae = make([]Minutia, 256) }},
		"contactless in 2005": {[]Format{ISO2005, ANSI378}, func(r *Record) { r.Views[0].Impression = LiveContactless }},
		"two sizes in one": {[]Format{ISO2005, ANSI378}, func(r *Record) {
			v := r.Views[0]
			v.Width++
			r.Views = append(r.Views, v)
		}},
	} {
		for _, f := range c.formats {
			r := sample()
			c.change(&r)
			if _, err := WriteMinutiae(r, f); !errors.Is(err, ErrRange) {
				t.Errorf("%s in %s: %v", name, f, err)
			}
		}
	}
	if _, err := WriteMinutiae(sample(), ISO39794); !errors.Is(err, ErrUnsupported) {
		t.Errorf("39794: %v", err)
	}
}

// TestDamage: each cut is an error, and the error names a byte but no content.
func TestDamage(t *testing.T) {
	for f, golden := range goldens(t) {
		for n := range len(golden) {
			if _, _, err := ReadMinutiae(golden[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are read", f, n, len(golden))
			}
		}
		b := append([]byte{}, golden...)
		b[len(b)-2] = 0xff // extended data beyond the end
		if _, _, err := ReadMinutiae(b); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "byte") {
			t.Errorf("%s: %v", f, err)
		}
	}
	b := append([]byte{}, goldens(t)[ANSI378]...)
	b[30+4] = 180 // 360 degrees
	if _, _, err := ReadMinutiae(b); !errors.Is(err, ErrFormat) {
		t.Errorf("angle code 180 in 378: %v", err)
	}
	b = append([]byte{}, goldens(t)[ISO2011]...)
	b[15+4+9+5+6+13-1] = 0x71 // minutiae of seven bytes
	if _, _, err := ReadMinutiae(b); !errors.Is(err, ErrFormat) {
		t.Errorf("minutiae of seven bytes: %v", err)
	}
}

func TestLargeRecordsAreRefused(t *testing.T) {
	b := slices.Concat(goldens(t)[ISO2005], make([]byte, MaxMinutiaeBytes))
	if _, _, err := ReadMinutiae(b); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func FuzzReadMinutiae(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g)
	}
	f.Add(der39794Minutiae())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _, err := ReadMinutiae(data)
		if err != nil {
			return
		}
		// What was read and holds together can be written and read again.
		if r.check() != nil {
			return
		}
		again, err := WriteMinutiae(r, ISO2011)
		if err != nil {
			t.Fatal(err)
		}
		if back, _, err := ReadMinutiae(again); err != nil || len(back.Views) != len(r.Views) {
			t.Errorf("%v", err)
		}
	})
}
