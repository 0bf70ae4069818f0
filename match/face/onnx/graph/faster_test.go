package graph

import (
	"slices"
	"testing"
)

// model is one of a single PRelu of these slopes of this shape.
func model(slopes []float32, dims ...int) []byte {
	var g, m message
	g.bytes(graphNode, operator("PRelu", []string{"x", "s"}, "y"))
	g.bytes(graphInitializer, tensor("s", slopes, dims...))
	g.bytes(graphInfo, []byte{0x0a, 1, 'y'})
	m.varint(1, 7) // ir_version
	m.bytes(modelGraph, g)
	return m
}

// kinds are the operators of a model, in order.
func kinds(t *testing.T, model []byte) (kinds []string) {
	t.Helper()
	err := Each(model, func(f Field) error {
		if f.Number != modelGraph {
			return nil
		}
		return Each(f.Content, func(f Field) error {
			if f.Number == graphInfo {
				t.Error("a stale shape is kept")
			}
			if f.Number != graphNode {
				return nil
			}
			n, err := readNode(f.Content)
			kinds = append(kinds, n.kind)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestFaster(t *testing.T) {
	step := []string{"Conv", "Relu", "Conv", "Add"}
	for _, c := range []struct {
		what   string
		slopes []float32
		dims   []int
		want   []string
	}{
		{"one slope", []float32{3}, []int{1, 1, 1}, []string{"LeakyRelu"}},
		{"one for each channel", []float32{0.1, -2, 1}, []int{3, 1, 1}, step},
		{"with a batch", []float32{0.1, 0.2}, []int{1, 2, 1, 1}, step},
		{"one above one", []float32{0.1, 1.5}, []int{2, 1, 1}, []string{"PRelu"}},
		{"one for each column", []float32{0.1, 0.2}, []int{2}, []string{"PRelu"}},
		{"one for each row", []float32{0.1, 0.2}, []int{1, 2, 1}, []string{"PRelu"}},
		{"a wrong shape", []float32{0.1, 0.2}, []int{3, 1, 1}, []string{"PRelu"}},
	} {
		out, err := Faster(model(c.slopes, c.dims...))
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(t, out); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	if _, err := Faster([]byte{0x3a, 200, 1}); err == nil {
		t.Error("a cut model is taken")
	}
}

func FuzzFaster(f *testing.F) {
	f.Add(model([]float32{0.5, 0.1}, 2, 1, 1))
	f.Add(model([]float32{0.5}, 1, 1, 1))
	f.Add([]byte{0x3a, 2, 0x0a, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Faster(data)
		if err != nil {
			return
		}
		if _, err := Faster(out); err != nil {
			t.Errorf("what was written is not read: %v", err)
		}
	})
}
