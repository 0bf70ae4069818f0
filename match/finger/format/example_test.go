package format_test

import (
	"fmt"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/format"
)

// A template travels as an ISO record and comes back as a template.
func Example() {
	template := &finger.Template{Width: 256, Height: 288, Minutiae: []finger.Minutia{
		{X: 100, Y: 200, Angle: 64, Kind: finger.Ending, Quality: 70},
	}}
	view := format.FromTemplate(template, eid.RightIndex, 80)
	data, err := format.WriteMinutiae(format.Record{Views: []format.View{view}}, format.ISO2011)
	if err != nil {
		fmt.Println(err)
		return
	}
	record, f, err := format.ReadMinutiae(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	v := record.Views[0]
	back, err := v.Template()
	fmt.Println(f, len(data), "bytes, position", v.Position, "at", v.DPI(), "dpi, quality", v.Quality)
	fmt.Println(back.Minutiae[0], err)
	// Output:
	// iso2011 60 bytes, position 2 at 500 dpi, quality 80
	// {100 200 64 1 70} <nil>
}
