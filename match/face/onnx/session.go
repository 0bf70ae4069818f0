package onnx

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face/onnx/graph"
)

// lanesPerSession bounds how many callers run one model at the same time; each
// runs in one thread.
const lanesPerSession = 2

// session is one loaded model with one input of a fixed shape.
type session struct {
	s     *ort.DynamicAdvancedSession
	lanes chan *lane
	names []string // of the outputs
}

// lane is the memory of one run.
type lane struct {
	in      *ort.Tensor[float32]
	out     []*ort.Tensor[float32]
	inputs  []ort.Value
	outputs []ort.Value
}

// open loads a model from its bytes and makes sure that it takes one image of
// the shape (1, channels, height, width) and gives the outputs named; no names
// means all. Anything else is eid.CodeModels.
func (r *Runtime) open(data []byte, channels, height, width int, outputs ...string) (*session, error) {
	data, err := graph.Faster(data)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load model", err)
	}
	s, err := r.load(data, ort.NewShape(1, int64(channels), int64(height), int64(width)), outputs)
	if err != nil {
		return nil, eid.Fail(eid.CodeModels, "load model", err)
	}
	return s, nil
}

func (r *Runtime) load(data []byte, want ort.Shape, names []string) (s *session, err error) {
	ins, outs, err := ort.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, err
	}
	if len(ins) != 1 || ins[0].OrtValueType != ort.ONNXTypeTensor || !fits(ins[0].Dimensions, want) {
		return nil, fmt.Errorf("the model does not take one image of %v", want)
	}
	shapes := map[string]ort.Shape{}
	var all []string
	for _, o := range outs {
		shapes[o.Name] = fixed(o.Dimensions)
		all = append(all, o.Name)
	}
	if len(names) == 0 {
		names = all
	}
	for _, n := range names {
		if shapes[n].Validate() != nil {
			return nil, fmt.Errorf("the model has no output %q of a fixed shape", n)
		}
	}
	options, err := sessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	run, err := ort.NewDynamicAdvancedSessionWithONNXData(data, []string{ins[0].Name}, names, options)
	if err != nil {
		return nil, err
	}
	s = &session{s: run, lanes: make(chan *lane, lanesPerSession), names: names}
	for range lanesPerSession {
		l, err := newLane(want, names, shapes)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.lanes <- l
	}
	return s, nil
}

// sessionOptions: one thread a run, since the callers are the threads; numbers
// below the normal range count as zero, since some weights produce them and
// processors take a hundred times longer over them.
func sessionOptions() (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		o.SetIntraOpNumThreads(1),
		o.SetInterOpNumThreads(1),
		o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		o.AddSessionConfigEntry("session.set_denormal_as_zero", "1"),
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	)
	if err != nil {
		return nil, errors.Join(err, o.Destroy())
	}
	return o, nil
}

// fits tells whether a model's input, whose free dimensions are -1, takes shape.
func fits(model, shape ort.Shape) bool {
	return slices.EqualFunc(model, shape, func(m, s int64) bool { return m == s || m < 1 })
}

// fixed takes a free first dimension, the batch, as one.
func fixed(s ort.Shape) ort.Shape {
	s = s.Clone()
	if len(s) > 0 && s[0] < 1 {
		s[0] = 1
	}
	return s
}

func newLane(in ort.Shape, names []string, shapes map[string]ort.Shape) (*lane, error) {
	l := &lane{}
	var err error
	if l.in, err = ort.NewEmptyTensor[float32](in); err != nil {
		return nil, err
	}
	l.inputs = []ort.Value{l.in}
	for _, n := range names {
		t, err := ort.NewEmptyTensor[float32](shapes[n])
		if err != nil {
			return nil, errors.Join(err, l.destroy())
		}
		l.out = append(l.out, t)
		l.outputs = append(l.outputs, t)
	}
	return l, nil
}

func (l *lane) destroy() error {
	err := l.in.Destroy()
	for _, t := range l.out {
		err = errors.Join(err, t.Destroy())
	}
	return err
}

// run fills the input by fill, runs the model and hands the outputs, in the
// order of their names, to read. Both see memory that is used again afterwards.
func (s *session) run(fill func(in []float32), read func(out [][]float32) error) error {
	l := <-s.lanes
	defer func() { s.lanes <- l }()
	fill(l.in.GetData())
	if err := s.s.Run(l.inputs, l.outputs); err != nil {
		return fmt.Errorf("run model: %w", err)
	}
	out := make([][]float32, len(l.out))
	for i, t := range l.out {
		out[i] = t.GetData()
	}
	return read(out)
}

// close frees the model. No run may be under way.
func (s *session) close() error {
	var err error
	for {
		select {
		case l := <-s.lanes:
			err = errors.Join(err, l.destroy())
			continue
		default:
		}
		return errors.Join(err, s.s.Destroy())
	}
}
