package faces

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"runtime/debug"
	"time"
	"unsafe"
)

// reader walks over the records of a mapped file. The zero value has none.
type reader struct {
	aead   cipher.AEAD
	header []byte
	rest   []byte
	place  uint64
	buffer []byte // for the opened record; aligned to 4
}

// next returns the record at this place; ok is false at the end. An error means
// that what is left is torn, was altered or cannot be read from the disk, which
// in a mapped file is a fault and not an error.
func (r *reader) next() (e Entry, ok bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			ok, err = false, fmt.Errorf("read record: %v", fault)
		}
	}()
	if len(r.rest) == 0 {
		return e, false, nil
	}
	if len(r.rest) < 4 {
		return e, false, errRecord
	}
	n := binary.BigEndian.Uint32(r.rest)
	if n > maxRecord || int(n) > len(r.rest)-4 {
		return e, false, errRecord
	}
	plain, err := r.aead.Open(r.buffer[:0], nonce(r.place), r.rest[4:4+n], r.header)
	if err != nil {
		return e, false, errRecord
	}
	r.rest = r.rest[4+n:]
	r.place++
	e, err = decode(plain)
	return e, err == nil, err
}

// fixed is how long a record is before its values.
const fixed = 64

// encode lays out: number, 8 bytes; request, 16; person, 16; expiry in seconds, 0
// for none, 8; dimension, 2; zeros up to 64; the values; the model. In the
// machine's own byte order: the file never leaves it.
func encode(e Entry) []byte {
	out := make([]byte, fixed, fixed+4*len(e.Template)+len(e.Model))
	binary.NativeEndian.PutUint64(out, e.Number)
	copy(out[8:], e.Request[:])
	copy(out[24:], e.Person[:])
	if !e.Expires.IsZero() {
		binary.NativeEndian.PutUint64(out[40:], uint64(e.Expires.Unix()))
	}
	binary.NativeEndian.PutUint16(out[48:], uint16(len(e.Template)))
	for _, v := range e.Template {
		out = binary.NativeEndian.AppendUint32(out, math.Float32bits(v))
	}
	return append(out, e.Model...)
}

// decode gives an entry whose template lies in plain.
func decode(plain []byte) (Entry, error) {
	if len(plain) < fixed {
		return Entry{}, errRecord
	}
	e := Entry{
		Number:  binary.NativeEndian.Uint64(plain),
		Request: [16]byte(plain[8:24]), Person: [16]byte(plain[24:40]),
	}
	if at := binary.NativeEndian.Uint64(plain[40:]); at != 0 {
		e.Expires = time.Unix(int64(at), 0)
	}
	n := int(binary.NativeEndian.Uint16(plain[48:]))
	rest := plain[fixed:]
	if 4*n > len(rest) || len(rest)-4*n > math.MaxUint8 {
		return Entry{}, errRecord
	}
	if n > 0 {
		e.Template = unsafe.Slice((*float32)(unsafe.Pointer(&rest[0])), n)
	}
	e.Model = string(rest[4*n:])
	return e, nil
}
