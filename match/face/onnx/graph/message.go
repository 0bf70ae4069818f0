package graph

import (
	"encoding/binary"
	"errors"
)

var errMalformed = errors.New("malformed model")

// Wire types of protobuf's encoding.
const (
	varint  = 0
	fixed64 = 1
	bytes   = 2
	fixed32 = 5
)

// Field is one field of a message. Its slices alias the message.
type Field struct {
	Number  int
	Wire    int
	Tag     []byte // as encoded: number and wire type
	Whole   []byte // tag and content
	Content []byte // of a varint its own bytes, of bytes those after the length
}

// Each calls do with the fields of a message of protobuf's encoding (varints,
// fixed and length-delimited fields); others are an error. It never reads
// beyond data.
func Each(data []byte, do func(Field) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 || key>>3 > 1<<20 {
			return errMalformed
		}
		rest := data[n:]
		var length uint64
		head := 0
		switch key & 7 {
		case varint:
			_, w := binary.Uvarint(rest)
			if w <= 0 {
				return errMalformed
			}
			length = uint64(w)
		case fixed64:
			length = 8
		case bytes:
			if length, head = binary.Uvarint(rest); head <= 0 {
				return errMalformed
			}
		case fixed32:
			length = 4
		default:
			return errMalformed
		}
		if length > uint64(len(rest)-head) {
			return errMalformed
		}
		end := head + int(length)
		f := Field{Number: int(key >> 3), Wire: int(key & 7), Tag: data[:n], Whole: data[:n+end], Content: rest[head:end]}
		if err := do(f); err != nil {
			return err
		}
		data = rest[end:]
	}
	return nil
}

// message is one that is being written.
type message []byte

func (m *message) bytes(number int, content []byte) {
	*m = binary.AppendUvarint(*m, uint64(number)<<3|bytes)
	*m = binary.AppendUvarint(*m, uint64(len(content)))
	*m = append(*m, content...)
}

func (m *message) text(number int, content string) { m.bytes(number, []byte(content)) }

func (m *message) varint(number int, v uint64) {
	*m = binary.AppendUvarint(*m, uint64(number)<<3|varint)
	*m = binary.AppendUvarint(*m, v)
}

func (m *message) fixed32(number int, v uint32) {
	*m = binary.AppendUvarint(*m, uint64(number)<<3|fixed32)
	*m = binary.LittleEndian.AppendUint32(*m, v)
}
