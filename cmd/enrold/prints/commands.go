package prints

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/finger"
	"github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/imagefile"
	"github.com/enrold/enrold/match/finger/native"
)

// Command is `finger`: templates from images, and their comparison.
type Command struct {
	Extract  extractCmd  `cmd:"" help:"Make a template of an image."`
	Match    matchCmd    `cmd:"" help:"Compare two prints. Exit status 3: they do not match."`
	Identify identifyCmd `cmd:"" help:"Find a print in a folder of prints."`
}

type extractCmd struct {
	Image   string `arg:"" type:"existingfile" help:"Grey image: PNG, TIFF, BMP, JPEG, WSQ or PGM."`
	Output  string `short:"o" required:"" type:"path" help:"File to write."`
	Format  string `enum:"iso2005,iso2011,ansi378,native" default:"iso2011" help:"Format of the template: ${enum}. Native keeps the ridges, which match better."`
	DPI     int    `name:"dpi" help:"Resolution of the image; by default what the file says, else 500."`
	Replace bool   `help:"Replace the file if it is there."`
}

func (c *extractCmd) Run(out io.Writer) error {
	p, err := readPrint(c.Image, c.DPI)
	if err != nil {
		return err
	}
	if !p.image {
		return fmt.Errorf("%s is a template, not an image", c.Image)
	}
	if err := p.usable(); err != nil {
		return err
	}
	data, err := writeTemplate(p, c.Format)
	if err != nil {
		return err
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Replace {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(c.Output, mode, 0o600)
	if err != nil {
		return fmt.Errorf("write template: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write template: %w", err)
	}
	fmt.Fprintf(out, "%d minutiae, quality %d%s, %d bytes\n", len(p.template.Minutiae), p.quality.Score, p.reasons(), len(data))
	return nil
}

func writeTemplate(p fingerprint, to string) ([]byte, error) {
	if to == "native" {
		return native.Write(p.template)
	}
	view := format.FromTemplate(p.template, eid.FingerPosition(0), p.quality.Score)
	return format.WriteMinutiae(format.Record{Views: []format.View{view}}, format.Format(to))
}

// fingerprint is one impression, from an image or from a template file.
type fingerprint struct {
	path     string
	template *finger.Template
	quality  finger.Quality // zero for templates
	image    bool
}

// usable is the error of a print that matches nothing.
func (p *fingerprint) usable() error {
	if len(p.template.Minutiae) > 0 {
		return nil
	}
	return fmt.Errorf("%s: no usable finger%s", p.path, p.reasons())
}

func (p *fingerprint) reasons() string {
	if len(p.quality.Reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(p.quality.Reasons, ", ") + ")"
}

// errNoPrint means that a file is neither an image nor a template.
var errNoPrint = errors.New("neither an image nor a template of a known format")

// readPrint reads an image or a template, the first view of a record. dpi 0
// means what the image's file says, else 500.
func readPrint(path string, dpi int) (fingerprint, error) {
	p := fingerprint{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return p, err
	}
	if info.Size() > format.MaxBytes {
		return p, fmt.Errorf("%s: %w", path, errNoPrint)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	switch {
	case native.Is(data):
		p.template, err = native.Read(data)
	case imagefile.Detect(data) != "":
		p.image = true
		var img finger.Image
		if img, err = decodeImage(data, dpi); err == nil {
			p.template, p.quality, err = finger.Extract(img)
		}
	case format.Detect(data) != "":
		p.template, err = readRecord(data)
	default:
		err = errNoPrint
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func decodeImage(data []byte, dpi int) (finger.Image, error) {
	img, _, err := imagefile.Read(data)
	if err != nil {
		return finger.Image{}, err
	}
	return finger.Image{Width: img.Width, Height: img.Height, DPI: cmp.Or(dpi, img.DPI, finger.DPI), Pixels: img.Pixels}, nil
}

func readRecord(data []byte) (*finger.Template, error) {
	record, _, err := format.ReadMinutiae(data)
	if err != nil {
		return nil, err
	}
	if len(record.Views) == 0 {
		return nil, errors.New("the record has no view")
	}
	return record.Views[0].Template()
}

type matchCmd struct {
	A    string `arg:"" type:"existingfile" help:"Image or template."`
	B    string `arg:"" type:"existingfile" help:"Image or template."`
	DPI  int    `name:"dpi" help:"Resolution of the images; by default what the files say, else 500."`
	JSON bool   `help:"Print JSON."`
}

// unlike is the outcome of a comparison that ended well and says no.
type unlike struct{}

func (unlike) Error() string { return "the prints do not match" }

// ExitCode is kong's interface.
func (unlike) ExitCode() int { return 3 }

func (c *matchCmd) Run(out io.Writer) error {
	a, err := readPrint(c.A, c.DPI)
	if err != nil {
		return err
	}
	b, err := readPrint(c.B, c.DPI)
	if err != nil {
		return err
	}
	score := finger.Compare(a.template, b.template)
	result := struct {
		Score     float64 `json:"score"`
		Threshold float64 `json:"threshold"`
		Match     bool    `json:"match"`
		Minutiae  [2]int  `json:"minutiae"`
		Engine    string  `json:"engine"`
	}{score, finger.Threshold, score >= finger.Threshold, [2]int{len(a.template.Minutiae), len(b.template.Minutiae)}, finger.Engine}
	if c.JSON {
		if err := json.NewEncoder(out).Encode(result); err != nil {
			return err
		}
	} else {
		verdict := "no match"
		if result.Match {
			verdict = "match"
		}
		fmt.Fprintf(out, "%s: score %.2f, threshold %.2f\n", verdict, score, finger.Threshold)
	}
	if !result.Match {
		return unlike{}
	}
	return nil
}
