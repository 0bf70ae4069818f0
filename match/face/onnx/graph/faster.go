// Package graph changes ONNX models in memory, after their files were checked,
// into others that compute the same and that onnxruntime runs faster. The
// format is onnx.proto3 in protobuf's encoding; weights stay as they are.
package graph

import (
	"fmt"
	"slices"
)

// Faster returns model with its PRelu operators, f(x) = x above zero and s·x
// below, written by others. onnxruntime (1.30) computes convolutions in blocks
// of channels and has no PRelu for that layout: it turns everything back before
// each one and forth again after it, and its PRelu takes longer than the
// convolutions.
//
//   - One slope for all channels is LeakyRelu, which is computed with the
//     convolution before it.
//   - A slope s for each channel, none above one, is s·x + Relu((1-s)·x): two
//     convolutions of one weight a channel, both in blocks, the sum within the
//     second.
//
// Any other PRelu stays. The results differ by rounding only.
func Faster(model []byte) ([]byte, error) {
	out := make(message, 0, len(model)+len(model)/8)
	err := Each(model, func(f Field) error {
		if f.Number != modelGraph || f.Wire != bytes {
			out = append(out, f.Whole...)
			return nil
		}
		graph, err := faster(f.Content)
		if err == nil {
			out.bytes(modelGraph, graph)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rewrite model: %w", err)
	}
	return out, nil
}

func faster(graph []byte) ([]byte, error) {
	slopes := map[string][]float32{}
	err := Each(graph, func(f Field) error {
		if f.Number != graphInitializer {
			return nil
		}
		name, values, err := readTensor(f.Content)
		if err == nil && values != nil {
			slopes[name] = values
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(message, 0, len(graph))
	var weights message
	err = Each(graph, func(f Field) error {
		if f.Number == graphInfo {
			return nil
		}
		if f.Number != graphNode {
			out = append(out, f.Whole...)
			return nil
		}
		n, err := readNode(f.Content)
		if err != nil {
			return err
		}
		if n.kind != "PRelu" || len(n.inputs) != 2 || len(n.outputs) != 1 || !rewrite(n, slopes[n.inputs[1]], &out, &weights) {
			out = append(out, f.Whole...)
		}
		return nil
	})
	return append(out, weights...), err
}

// perChannel tells whether a tensor of n numbers is one number for each channel
// of an image, or one for all: (C, 1, 1) or (1, C, 1, 1).
func perChannel(dims []uint64, n int) bool {
	at := len(dims) - 3
	return n > 0 && at >= 0 && dims[at] == uint64(n) && dims[at+1] == 1 && dims[at+2] == 1
}

// rewrite writes the operators that replace a PRelu of these slopes to nodes and
// their weights to weights; false where it must stay.
func rewrite(n node, slopes []float32, nodes, weights *message) bool {
	x, y := n.inputs[0], n.outputs[0]
	switch {
	case len(slopes) == 0: // not known, or of another shape
		return false
	case len(slopes) == 1:
		nodes.bytes(graphNode, operator("LeakyRelu", []string{x}, y, floatAttribute("alpha", slopes[0])))
		return true
	case !(slices.Max(slopes) <= 1): // then the second summand would be needed with a minus
		return false
	}
	channels := len(slopes)
	rest := make([]float32, channels)
	for i, s := range slopes {
		rest[i] = 1 - s
	}
	weights.bytes(graphInitializer, tensor(y+"/below", slopes, channels, 1, 1, 1))
	weights.bytes(graphInitializer, tensor(y+"/above", rest, channels, 1, 1, 1))
	each := []message{intAttribute("group", channels), intsAttribute("kernel_shape", 1, 1)}
	nodes.bytes(graphNode, operator("Conv", []string{x, y + "/above"}, y+"/step", each...))
	nodes.bytes(graphNode, operator("Relu", []string{y + "/step"}, y+"/positive"))
	nodes.bytes(graphNode, operator("Conv", []string{x, y + "/below"}, y+"/line", each...))
	nodes.bytes(graphNode, operator("Add", []string{y + "/line", y + "/positive"}, y))
	return true
}
