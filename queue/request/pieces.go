package request

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/enrold/enrold/internal/station"
)

// In the deterministic encoding (RFC 8949 §4.2.1) the body's keys are ordered:
// three come before "request" and four after it.
type (
	bodyBefore struct {
		Seq    int64  `cbor:"seq"`
		Clocks Clocks `cbor:"clocks"`
		DeskID string `cbor:"desk_id"`
	}
	bodyAfter struct {
		Version  int    `cbor:"version"`
		Previous []byte `cbor:"previous"`
		Software string `cbor:"software"`
		SignedBy []Role `cbor:"signed_by"`
	}
)

const (
	bodyMap    = 0xa8               // a map of eight pairs
	requestKey = "\x67" + "request" // a text of seven bytes
)

// around encodes the body into f around its encoded request.
func (b Body) around(f *frame) error {
	if err := b.check(); err != nil {
		return err
	}
	before, err := encMode.Marshal(bodyBefore{b.Seq, b.Clocks, b.DeskID})
	if err != nil {
		return err
	}
	after, err := encMode.Marshal(bodyAfter{b.Version, b.Previous, b.Software, b.SignedBy})
	if err != nil {
		return err
	}
	before[0] = bodyMap
	f.prepend(before, []byte(requestKey))
	f.append(after[1:])
	return nil
}

// encode makes the encoded request all that f carries, in the memory that f has
// from before, and reads it back before
// returning, so that nothing is signed that the central could not read.
func (f *frame) encode(r station.Request) error {
	if len(f.mem) < frontRoom {
		f.mem = make([]byte, frontRoom+backRoom)
	}
	buffer := bytes.NewBuffer(f.mem[:frontRoom])
	err := encMode.MarshalToBuffer(r, buffer)
	all := buffer.Bytes()
	f.mem, f.begin, f.end = all[:cap(all)], frontRoom, len(all)
	if err != nil {
		return err
	}
	if size := f.end - f.begin; size > MaxSealed {
		return fmt.Errorf("%d bytes, at most %d", size, MaxSealed)
	}
	var back station.Request
	if err := decMode.Unmarshal(outline(f.bytes()), &back); err != nil {
		return fmt.Errorf("read back: malformed CBOR (%T)", err)
	}
	return nil
}

// longString is the length from which outline leaves a byte string out.
const longString = 256

// outline is a deterministic encoding without the content of its long byte strings:
// samples, in which a decoder has nothing to refuse. To read it back costs no copy
// of them. What is not well-formed ends it early and is refused by the decoder.
func outline(data []byte) []byte {
	out := make([]byte, 0, 1<<10)
	for len(data) > 0 {
		major, extra, n := data[0]&0xe0, 0, uint64(data[0]&0x1f)
		if n >= 24 && n < 28 {
			extra = 1 << (n - 24)
			if len(data) <= extra {
				return append(out, data...)
			}
			var wide [8]byte
			copy(wide[8-extra:], data[1:1+extra])
			n = binary.BigEndian.Uint64(wide[:])
		}
		head := 1 + extra
		switch {
		case major != majorBytes && major != majorText:
			n = 0
		case n > uint64(len(data)-head):
			return append(out, data...)
		case major == majorBytes && n >= longString:
			out = append(out, majorBytes)
			data = data[head+int(n):]
			continue
		}
		out = append(out, data[:head+int(n)]...)
		data = data[head+int(n):]
	}
	return out
}
