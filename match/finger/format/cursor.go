package format

import (
	"encoding/binary"
	"fmt"
	"math"
)

// cursor reads fields in order. After the first error every field is zero, so
// that a reader checks err once a block; it checks before it loops.
type cursor struct {
	data []byte
	pos  int
	err  error
}

// fail records what is wrong at byte at, unless something was wrong before.
func (c *cursor) fail(at int, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s at byte %d", ErrFormat, fmt.Sprintf(format, args...), at)
	}
}

// bytes takes the next n bytes, without copying.
func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.data)-c.pos) {
		c.fail(c.pos, "%d bytes wanted, %d there", n, len(c.data)-c.pos)
	}
	if c.err != nil {
		return nil
	}
	b := c.data[c.pos : c.pos+n]
	c.pos += n
	return b
}

// number takes an unsigned big-endian number of n bytes, at most 8.
func (c *cursor) number(n int) int {
	var v uint64
	for _, b := range c.bytes(n) {
		v = v<<8 | uint64(b)
	}
	if v > math.MaxInt32 { // no length or size of a record is as large
		c.fail(c.pos-n, "number out of range")
		return 0
	}
	return int(v)
}

func (c *cursor) u8() int  { return c.number(1) }
func (c *cursor) u16() int { return c.number(2) }
func (c *cursor) u32() int { return c.number(4) }

// skip passes n bytes over.
func (c *cursor) skip(n int) { c.bytes(n) }

// limit ends the data at byte end, a length that the record claims.
func (c *cursor) limit(end int) {
	if end < c.pos || end > len(c.data) {
		c.fail(c.pos, "a length that ends at byte %d of %d", end, len(c.data))
		return
	}
	c.data = c.data[:end]
}

func (c *cursor) left() int { return len(c.data) - c.pos }

// builder appends big-endian fields.
type builder struct{ out []byte }

func (b *builder) u8(v int)       { b.out = append(b.out, byte(v)) }
func (b *builder) u16(v int)      { b.out = binary.BigEndian.AppendUint16(b.out, uint16(v)) }
func (b *builder) u32(v int)      { b.out = binary.BigEndian.AppendUint32(b.out, uint32(v)) }
func (b *builder) text(s string)  { b.out = append(b.out, s...) }
func (b *builder) bytes(p []byte) { b.out = append(b.out, p...) }
func (b *builder) zeros(n int)    { b.out = append(b.out, make([]byte, n)...) }

// setU32 writes a length into a place that was left for it.
func (b *builder) setU32(at, v int) { binary.BigEndian.PutUint32(b.out[at:], uint32(v)) }
