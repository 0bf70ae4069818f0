package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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

var errProtobuf = errors.New("malformed model")

// resized returns the model for an input of 320x192.
func resized(model []byte) ([]byte, error) {
	model = bytes.Clone(model)
	changed := 0
	err := eachField(model, func(number int, _, content []byte) error {
		if number != modelGraph {
			return nil
		}
		return eachField(content, func(number int, tag, content []byte) error {
			switch number {
			case graphInfo:
				tag[0] = unused<<3 | 2
			case graphInput, graphOutput:
				for _, d := range dimensions {
					if at := bytes.Index(content, d.old); at >= 0 {
						copy(content[at:], d.new)
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

// eachField walks a message (protobuf encoding: varints, fixed and
// length-delimited fields); both slices given to do alias data.
func eachField(data []byte, do func(number int, tag, content []byte) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 || key>>3 > 1<<20 {
			return errProtobuf
		}
		tag, rest := data[:n], data[n:]
		var length uint64
		head := 0
		switch key & 7 {
		case 0:
			_, w := binary.Uvarint(rest)
			length = uint64(max(w, 0))
			if w <= 0 {
				return errProtobuf
			}
		case 1:
			length = 8
		case 2:
			if length, head = binary.Uvarint(rest); head <= 0 {
				return errProtobuf
			}
		case 5:
			length = 4
		default:
			return errProtobuf
		}
		if length > uint64(len(rest)-head) {
			return errProtobuf
		}
		end := head + int(length)
		if err := do(int(key>>3), tag, rest[head:end]); err != nil {
			return err
		}
		data = rest[end:]
	}
	return nil
}
