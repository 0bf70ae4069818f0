package evaluation

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Named is a curve with the name that a plot shows.
type Named struct {
	Name  string
	Curve Curve
}

const (
	plotSide   = 480
	plotMargin = 60
	lowestRate = 1e-4 // left and lower edge
)

var colours = []string{"#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce", "#b91c1c", "#0f766e", "#a16207", "#1e293b"}

// PlotDET writes the curves as an SVG: FNMR over FMR, both logarithmic from
// 0.01 % to 100 %, with the line of equal errors.
func PlotDET(w io.Writer, title string, curves []Named) error {
	var b strings.Builder
	side := plotSide + 2*plotMargin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", side, side)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="%d" y="30" font-size="15">%s</text>`+"\n", side, side, plotMargin, html.EscapeString(title))
	for _, rate := range []float64{1e-4, 1e-3, 1e-2, 1e-1, 1} {
		p, q := place(rate), plotSide-place(rate)
		label := fmt.Sprintf("%g %%", 100*rate)
		fmt.Fprintf(&b, `<path d="M%.1f %d v%d M%d %.1f h%d" stroke="#ddd"/>`+"\n", plotMargin+p, plotMargin, plotSide, plotMargin, plotMargin+q, plotSide)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			plotMargin+p, plotMargin+plotSide+18, label, plotMargin-6, plotMargin+q+4, label)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">FMR</text><text x="16" y="%d">FNMR</text>`+"\n", side/2, side-16, plotMargin-14)
	fmt.Fprintf(&b, `<path d="M%d %d l%d -%d" stroke="#bbb" stroke-dasharray="4 4"/>`+"\n", plotMargin, plotMargin+plotSide, plotSide, plotSide)
	for i, c := range curves {
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<path fill="none" stroke="%s" stroke-width="1.5" d="`, colour)
		last := ""
		for k, p := range c.Curve.DET() {
			x, y := plotMargin+place(p.FMR), plotMargin+plotSide-place(p.FNMR) // whole pixels
			to := fmt.Sprintf("H%.0fV%.0f", x, y)                              // rates are steps
			switch {
			case k == 0:
				fmt.Fprintf(&b, "M%.0f %.0f", x, y)
			case to != last: // thousands of thresholds fall on one place
				b.WriteString(to)
			}
			last = to
		}
		y := plotMargin + 18 + 18*i
		fmt.Fprintf(&b, `"/>`+"\n"+`<path d="M%d %d h20" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n",
			plotMargin+plotSide-180, y, colour, plotMargin+plotSide-154, y+4, html.EscapeString(c.Name))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// place of a rate on an axis, pixels from the lower end.
func place(rate float64) float64 {
	return plotSide * (1 - math.Log10(max(rate, lowestRate))/math.Log10(lowestRate))
}
