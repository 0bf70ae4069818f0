package finger

import (
	"bytes"
	"testing"
)

func decodeAll(stream []byte, chunk int) (got []packet, d decoder) {
	d.address = 0xffffffff
	for len(stream) > 0 {
		n := min(chunk, len(stream))
		d.feed(stream[:n])
		stream = stream[n:]
		for {
			p, ok := d.next()
			if !ok {
				break
			}
			got = append(got, p)
		}
	}
	return got, d
}

func TestDecoder(t *testing.T) {
	ack := appendPacket(nil, 0xffffffff, kindAck, []byte{0})
	data := appendPacket(nil, 0xffffffff, kindData, bytes.Repeat([]byte{0xef, 0x01}, 64))
	broken := append([]byte(nil), data...)
	broken[40] ^= 1
	long := append([]byte(nil), ack...)
	long[7] = 0xff
	cases := []struct {
		name   string
		stream []byte
		want   int
	}{
		{"one", ack, 1},
		{"back to back", append(append([]byte(nil), data...), ack...), 2},
		{"noise before", append([]byte{0xef, 0xef, 0x01, 0x00, 0xff}, ack...), 1},
		{"cut packet before", append(append([]byte(nil), data[:70]...), bytes.Repeat(ack, 30)...), 30},
		{"wrong sum", append(broken, ack...), 1},
		{"length out of bounds", append(long, ack...), 1},
		{"other address", append(appendPacket(nil, 1, kindAck, []byte{0}), ack...), 1},
		{"empty content", append(appendPacket(nil, 0xffffffff, kindAck, nil), ack...), 1},
		{"own command echoed", append(appendPacket(nil, 0xffffffff, kindCommand, []byte{1}), ack...), 1},
	}
	for _, c := range cases {
		for _, chunk := range []int{1, 7, 4096} {
			got, _ := decodeAll(c.stream, chunk)
			if len(got) != c.want {
				t.Errorf("%s, %d bytes at a time: %d packets, want %d", c.name, chunk, len(got), c.want)
				continue
			}
			if last := got[len(got)-1]; last.kind != kindAck || !bytes.Equal(last.content, []byte{0}) {
				t.Errorf("%s: last packet %+v", c.name, last)
			}
		}
	}
}

// VfyPwd of the R503 manual: EF01 FFFFFFFF 01 0007 13 00000000 001B.
func TestCommandBytes(t *testing.T) {
	got := appendPacket(nil, 0xffffffff, kindCommand, []byte{insVfyPwd, 0, 0, 0, 0})
	want := []byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00, 0x07, 0x13, 0, 0, 0, 0, 0x00, 0x1b}
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

// Whatever a hostile device sends: no panic, bounded memory, every packet
// whole, and the next true packet is always found.
func FuzzDecoder(f *testing.F) {
	ack := appendPacket(nil, 0xffffffff, kindAck, []byte{0})
	f.Add(ack, 1)
	f.Add(append(appendPacket(nil, 0xffffffff, kindEnd, make([]byte, 256)), 0xef), 512)
	f.Add([]byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x02, 0xff, 0xff}, 3)
	f.Add([]byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x02}, 3)
	f.Fuzz(func(t *testing.T, stream []byte, chunk int) {
		chunk = min(max(chunk, 1), 512)
		got, d := decodeAll(stream, chunk)
		total := d.skipped + len(d.buf)
		for _, p := range got {
			if len(p.content) == 0 || len(p.content) > maxContent {
				t.Fatalf("packet of %d bytes", len(p.content))
			}
			total += headerBytes + len(p.content) + sumBytes
		}
		if total != len(stream) {
			t.Fatalf("%d bytes in, %d accounted for", len(stream), total)
		}
		if len(d.buf) >= maxPacket {
			t.Fatalf("%d bytes held back", len(d.buf))
		}
		// Enough true packets overcome any header that the stream ended in.
		d.feed(bytes.Repeat(ack, maxPacket/len(ack)+1))
		found := false
		for p, ok := d.next(); ok; p, ok = d.next() {
			found = found || p.kind == kindAck && len(p.content) == 1 && p.content[0] == 0
		}
		if !found {
			t.Fatal("the decoder lost its place for good")
		}
	})
}
