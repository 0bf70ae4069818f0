package camera

import (
	"bytes"
	"fmt"

	"github.com/enrold/enrold/match/face/onnx/graph"
)

// The published YuNet declares an input of 640x640, though it is a convolution
// for any size. Its declarations are rewritten in place, each to the same
// number of bytes; weights stay as they are. Field numbers are those of
// onnx.proto3: a declared dimension is the message Dimension, 0a LENGTH 08 VARINT.
const (
	modelGraph  = 7
	graphInput  = 11
	graphOutput = 12
	graphInfo   = 13 // shapes of everything between: left out, they follow from the input
	unused      = 3  // a number that GraphProto reserves: readers skip it
)

var dimensions = []struct{ old, new []byte }{
	{[]byte("\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"), []byte("\x0a\x03\x08\xc0\x01\x0a\x03\x08\xc0\x02")}, // 640, 640 to 192, 320
	{[]byte("\x0a\x03\x08\x80\x32"), []byte("\x0a\x03\x08\xc0\x07")},                                         // cells of stride 8: 6400 to 960
	{[]byte("\x0a\x03\x08\xc0\x0c"), []byte("\x0a\x03\x08\xf0\x01")},                                         // of 16: 1600 to 240
	{[]byte("\x0a\x03\x08\x90\x03"), []byte("\x0a\x03\x08\xbc\x00")},                                         // of 32: 400 to 60, in two bytes
}

// resized returns the model for an input of 320x192.
func resized(model []byte) ([]byte, error) {
	model = bytes.Clone(model)
	changed := 0
	err := graph.Each(model, func(f graph.Field) error {
		if f.Number != modelGraph {
			return nil
		}
		return graph.Each(f.Content, func(f graph.Field) error {
			switch f.Number {
			case graphInfo:
				f.Tag[0] = unused<<3 | 2
			case graphInput, graphOutput:
				for _, d := range dimensions {
					if at := bytes.Index(f.Content, d.old); at >= 0 {
						copy(f.Content[at:], d.new)
						changed++
					}
				}
			}
			return nil
		})
	})
	if err == nil && changed != 1+12 {
		err = fmt.Errorf("%d declarations, want an input and 12 outputs", changed)
	}
	if err != nil {
		return nil, fmt.Errorf("change the input's size: %w", err)
	}
	return model, nil
}
