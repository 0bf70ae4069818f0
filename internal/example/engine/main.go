// Command engine is an example of docs/ENGINE-PROTOCOL.md: a face engine as
// a program of its own, over its standard input and output, or a Unix socket. It
// describes a face by the directions of its edges (histograms of oriented
// gradients, Dalal and Triggs 2005), which tells pictures apart but not persons:
// it is for tests and for writers of engines, never for decisions.
package main

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"math"
	"net"
	"os"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
	"github.com/enrold/enrold/match/face/external"
)

const (
	side  = 112 // of the aligned face
	cell  = 14
	cells = side / cell
	bins  = 8
)

var hello = external.Hello{
	ID: "example-edges-1", Name: "Histograms of oriented gradients (example)", Origin: "this project", Licence: "Apache-2.0",
	Dimension: cells * cells * bins, Metric: face.Cosine, PilotOnly: true,
}

func main() {
	socket := flag.String("socket", "", "serve this Unix socket instead of standard input and output")
	flag.Parse()
	if err := run(*socket); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func run(socket string) error {
	layout, err := face.LayoutNamed("arcface112")
	if err != nil {
		return err
	}
	e := edges{layout}
	if socket == "" {
		return external.Serve(struct {
			io.Reader
			io.Writer
		}{os.Stdin, os.Stdout}, hello, e)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer l.Close()
	for { // one desk, one connection at a time
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		if err := errors.Join(external.Serve(conn, hello, e), conn.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
		}
	}
}

type edges struct{ layout face.Layout }

// Describe implements external.Describer.
func (e edges) Describe(img *image.RGBA, points *face.Points) ([]face.Face, error) {
	patch, ok := e.layout.Align(img, *points, side, side)
	if !ok {
		return nil, eid.Fail(eid.CodeNoFace, "align face", nil)
	}
	gray := make([]float32, side*side)
	patch.Luma(gray)
	values := make([]float32, hello.Dimension)
	for y := 1; y < side-1; y++ {
		for x := 1; x < side-1; x++ {
			dx := float64(gray[y*side+x+1] - gray[y*side+x-1])
			dy := float64(gray[(y+1)*side+x] - gray[(y-1)*side+x])
			bin := int((math.Atan2(dy, dx)+math.Pi)/(2*math.Pi)*bins) % bins
			values[((y/cell)*cells+x/cell)*bins+bin] += float32(math.Hypot(dx, dy))
		}
	}
	if !centre(values) {
		return nil, eid.Fail(eid.CodeNoFace, "describe face", errors.New("the picture has no edges"))
	}
	return []face.Face{{Template: face.Template{Model: hello.ID, Values: values}}}, nil
}

// noise is what rounding leaves of a picture without edges.
const noise = 1

// centre takes away the mean and makes the length one; false for a flat picture.
func centre(values []float32) bool {
	var mean, square float64
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	for _, v := range values {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	if square < noise {
		return false
	}
	for i, v := range values {
		values[i] = float32((float64(v) - mean) / math.Sqrt(square))
	}
	return true
}
