package graph

import (
	"encoding/binary"
	"math"
)

// Numbers of the fields of onnx.proto3.
const (
	modelGraph = 7

	graphNode        = 1
	graphInitializer = 5
	graphInfo        = 13 // shapes of what lies between nodes: left out, they follow from the input

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeType      = 4
	nodeAttribute = 5

	attributeName  = 1
	attributeFloat = 2
	attributeInt   = 3
	attributeInts  = 8
	attributeType  = 20

	tensorDims   = 1
	tensorType   = 2
	tensorFloats = 4
	tensorName   = 8
	tensorRaw    = 9

	typeFloat = 1 // of a tensor, and of an attribute
	typeInt   = 2 // of an attribute
	typeInts  = 7 // of an attribute
)

// node is what is read of a NodeProto.
type node struct {
	kind            string
	inputs, outputs []string
}

func readNode(data []byte) (n node, err error) {
	err = Each(data, func(f Field) error {
		switch f.Number {
		case nodeInput:
			n.inputs = append(n.inputs, string(f.Content))
		case nodeOutput:
			n.outputs = append(n.outputs, string(f.Content))
		case nodeType:
			n.kind = string(f.Content)
		}
		return nil
	})
	return n, err
}

// readTensor reads the name of a TensorProto and its numbers, where they are floats
// and one a channel; else values is nil: most of a model is of no use here.
func readTensor(data []byte) (name string, values []float32, err error) {
	var dims []uint64
	kind := uint64(0)
	var numbers []byte
	err = Each(data, func(f Field) error {
		switch {
		case f.Number == tensorDims && f.Wire == varint:
			d, _ := binary.Uvarint(f.Content)
			dims = append(dims, d)
		case f.Number == tensorDims && f.Wire == bytes: // packed
			for rest := f.Content; len(rest) > 0; {
				d, n := binary.Uvarint(rest)
				if n <= 0 {
					return errMalformed
				}
				dims, rest = append(dims, d), rest[n:]
			}
		case f.Number == tensorName:
			name = string(f.Content)
		case f.Number == tensorType && f.Wire == varint:
			kind, _ = binary.Uvarint(f.Content)
		case f.Number == tensorRaw && f.Wire == bytes, f.Number == tensorFloats && f.Wire == bytes:
			numbers = f.Content
		}
		return nil
	})
	if err != nil || kind != typeFloat || len(numbers)%4 != 0 || !perChannel(dims, len(numbers)/4) {
		return name, nil, err
	}
	for i := 0; i < len(numbers); i += 4 {
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(numbers[i:])))
	}
	return name, values, nil
}

// tensor writes a TensorProto of floats.
func tensor(name string, values []float32, dims ...int) message {
	var m, raw message
	for _, d := range dims {
		m.varint(tensorDims, uint64(d))
	}
	m.varint(tensorType, typeFloat)
	m.text(tensorName, name)
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	m.bytes(tensorRaw, raw)
	return m
}

// operator writes a NodeProto of one output, which also names the node.
func operator(kind string, inputs []string, output string, attributes ...message) message {
	var m message
	for _, in := range inputs {
		m.text(nodeInput, in)
	}
	m.text(nodeOutput, output)
	m.text(nodeName, output)
	m.text(nodeType, kind)
	for _, a := range attributes {
		m.bytes(nodeAttribute, a)
	}
	return m
}

func floatAttribute(name string, v float32) message {
	var m message
	m.text(attributeName, name)
	m.fixed32(attributeFloat, math.Float32bits(v))
	m.varint(attributeType, typeFloat)
	return m
}

func intAttribute(name string, v int) message {
	var m message
	m.text(attributeName, name)
	m.varint(attributeInt, uint64(v))
	m.varint(attributeType, typeInt)
	return m
}

func intsAttribute(name string, values ...int) message {
	var m message
	m.text(attributeName, name)
	for _, v := range values {
		m.varint(attributeInts, uint64(v))
	}
	m.varint(attributeType, typeInts)
	return m
}
