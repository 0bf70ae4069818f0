// Package external lets a face engine that is not part of this project decide
// at a desk: a program of its own, spoken to over a Unix socket or its standard
// input and output, as docs/ENGINE-PROTOCOL.md says.
package external

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/match/face"
)

// Protocol is the version that this package speaks.
const Protocol = 1

// Bounds of messages, templates and faces.
const (
	MaxRequest   = 64 << 20 // an image of 4096x4096 pixels and some
	MaxAnswer    = 1 << 20
	MaxDimension = 4096
	maxFaces     = 64
	maxText      = 200
)

// Operations.
const (
	opHello    = "hello"
	opDescribe = "describe"
)

// Error codes of an engine.
const (
	codeInput       = "input"       // the request is not what the protocol says
	codeNoFace      = "no_face"     // nothing can be described
	codeUnsupported = "unsupported" // no such operation
	codeInternal    = "internal"
)

type request struct {
	ID       uint64      `cbor:"id"`
	Op       string      `cbor:"op"`
	Protocol int         `cbor:"protocol,omitempty"` // of hello
	Image    *picture    `cbor:"image,omitempty"`
	Points   [][]float64 `cbor:"points,omitempty"` // five of [x, y]
}

// picture is 8 bits each of red, green and blue, row by row.
type picture struct {
	Width  int    `cbor:"width"`
	Height int    `cbor:"height"`
	Pixels []byte `cbor:"pixels"`
}

type answer struct {
	ID    uint64      `cbor:"id"`
	Error *failure    `cbor:"error,omitempty"`
	Hello *Hello      `cbor:"hello,omitempty"`
	Faces []described `cbor:"faces,omitempty"`
}

type failure struct {
	Code string `cbor:"code"`
	Text string `cbor:"text,omitempty"`
}

type described struct {
	Box      []int     `cbor:"box,omitempty"` // left, top, right, bottom
	Template []float32 `cbor:"template"`
}

// Hello is how an engine introduces itself.
type Hello struct {
	Protocol  int         `cbor:"protocol"`
	ID        string      `cbor:"id"`   // of the model and its version; scores of different IDs are never compared
	Name      string      `cbor:"name"` // for people
	Origin    string      `cbor:"origin"`
	Licence   string      `cbor:"licence"`
	Dimension int         `cbor:"dimension"` // numbers of a template
	Metric    face.Metric `cbor:"metric"`    // cosine, euclidean
	Detects   bool        `cbor:"detects"`   // describes without points
	PilotOnly bool        `cbor:"pilot_only"`
}

func (h Hello) check() error {
	switch {
	case h.Protocol != Protocol:
		return fmt.Errorf("protocol %d, want %d", h.Protocol, Protocol)
	case h.ID == "" || h.Name == "" || h.Origin == "" || h.Licence == "":
		return errors.New("id, name, origin and licence are required")
	case len(h.ID) > maxText || len(h.Name) > maxText || len(h.Origin) > maxText || len(h.Licence) > maxText:
		return fmt.Errorf("a text is longer than %d bytes", maxText)
	case h.Dimension < 1 || h.Dimension > MaxDimension:
		return fmt.Errorf("templates of %d numbers, want 1 to %d", h.Dimension, MaxDimension)
	case h.Metric != face.Cosine && h.Metric != face.Euclidean:
		return fmt.Errorf("metric %q", h.Metric)
	}
	return nil
}

// template checks the numbers of an answer.
func (h Hello) template(values []float32) (face.Template, error) {
	if len(values) != h.Dimension {
		return face.Template{}, fmt.Errorf("a template of %d numbers, want %d", len(values), h.Dimension)
	}
	var sum float64
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) || sum == 0 {
		return face.Template{}, errors.New("a template without a finite length")
	}
	return face.Template{Model: h.ID, Values: values}, nil
}

var decoding = decodeMode()

func decodeMode() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8, MaxArrayElements: 1 << 13, MaxMapPairs: 64,
	}.DecMode()
	if err != nil {
		panic(err) // options are constant
	}
	return m
}

// write sends one message: its length in four bytes, the greatest first, then CBOR.
func write(w io.Writer, message any) error {
	body, err := cbor.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	frame := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)))
	if _, err := w.Write(append(frame, body...)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// read takes one message of at most limit bytes into message. io.EOF is the end
// between two messages.
func read(r io.Reader, limit uint32, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > limit {
		return fmt.Errorf("read message: %d bytes are over the limit of %d", n, limit)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(n))) // grows with what comes, not with what was said
	if err == nil && uint32(len(body)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := decoding.Unmarshal(body, message); err != nil {
		return malformed{err}
	}
	return nil
}

// malformed is a whole message that says nothing; the stream goes on after it.
type malformed struct{ error }
