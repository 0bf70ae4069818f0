package finger

import "encoding/binary"

// Packet of the R503/ZFM family (ZFM-20 manual, "data package format"; R503
// manual 1.2.2 chapter IV):
//
//	EF 01 | address, 4 bytes | kind | length BE16 | content | sum BE16
//
// length counts content and sum; sum is the low 16 bits of kind + length bytes
// + content.
const (
	kindCommand = 0x01
	kindData    = 0x02
	kindAck     = 0x07
	kindEnd     = 0x08 // last data packet

	headerBytes = 9
	sumBytes    = 2
	maxContent  = 256
	maxPacket   = headerBytes + maxContent + sumBytes
)

type packet struct {
	kind    byte
	content []byte
}

func appendPacket(dst []byte, address uint32, kind byte, content []byte) []byte {
	dst = append(dst, 0xef, 0x01)
	dst = binary.BigEndian.AppendUint32(dst, address)
	start := len(dst)
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(content)+sumBytes))
	dst = append(dst, content...)
	return binary.BigEndian.AppendUint16(dst, sum16(dst[start:]))
}

func sum16(b []byte) (s uint16) {
	for _, v := range b {
		s += uint16(v)
	}
	return s
}

// decoder finds packets in what the line delivers. It trusts nothing: a header
// that does not fit or a wrong sum costs one byte and the search goes on, so
// that line noise, a packet cut by an unplugged cable or a hostile device never
// blocks what follows. It holds at most one packet and one read.
type decoder struct {
	address uint32
	buf     []byte
	skipped int // bytes that belonged to no packet, since reset
}

func (d *decoder) reset() { d.buf, d.skipped = d.buf[:0], 0 }

// feed takes bytes from the line; call next until it finds nothing before
// feeding again, which keeps buf bounded.
func (d *decoder) feed(b []byte) { d.buf = append(d.buf, b...) }

// next returns the first whole packet. Its content is a copy.
func (d *decoder) next() (packet, bool) {
	for {
		d.align()
		if len(d.buf) < headerBytes {
			return packet{}, false
		}
		kind := d.buf[6]
		length := int(binary.BigEndian.Uint16(d.buf[7:]))
		fits := binary.BigEndian.Uint32(d.buf[2:]) == d.address &&
			(kind == kindData || kind == kindAck || kind == kindEnd) &&
			length > sumBytes && length <= maxContent+sumBytes
		if !fits {
			d.drop(1)
			continue
		}
		end := headerBytes + length
		if len(d.buf) < end {
			return packet{}, false
		}
		if sum16(d.buf[6:end-sumBytes]) != binary.BigEndian.Uint16(d.buf[end-sumBytes:]) {
			d.drop(1)
			continue
		}
		p := packet{kind: kind, content: append([]byte(nil), d.buf[headerBytes:end-sumBytes]...)}
		d.buf = d.buf[:copy(d.buf, d.buf[end:])]
		return p, true
	}
}

// align drops what precedes the next possible header.
func (d *decoder) align() {
	for i := range d.buf {
		if d.buf[i] == 0xef && (i+1 == len(d.buf) || d.buf[i+1] == 0x01) {
			d.drop(i)
			return
		}
	}
	d.drop(len(d.buf))
}

func (d *decoder) drop(n int) {
	d.skipped += n
	d.buf = d.buf[:copy(d.buf, d.buf[n:])]
}
