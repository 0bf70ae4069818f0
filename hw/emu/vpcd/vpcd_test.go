package vpcd

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers every command with itself and counts resets.
type echo struct{ resets int }

func (e *echo) ATR() []byte             { return []byte{0x3B, 0x80, 0x80} }
func (e *echo) Reset()                  { e.resets++ }
func (e *echo) Process(b []byte) []byte { return b }

// TestWire is the reader's side of the wire, byte for byte. The real driver is
// met in hw/emu/emu-card.
func TestWire(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	card, powered := &echo{}, make(chan struct{})
	ctx, remove := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Insert(ctx, l.Addr().String(), card, func() { close(powered) }) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ send, want []byte }{
		{[]byte{powerOn}, nil},
		{[]byte{getATR}, []byte{0x3B, 0x80, 0x80}},
		{[]byte{0x00, 0x84, 0x00, 0x00, 0x08}, []byte{0x00, 0x84, 0x00, 0x00, 0x08}},
		{bytes.Repeat([]byte{7}, 0xFFFF), bytes.Repeat([]byte{7}, 0xFFFF)},
		{[]byte{reset}, nil},
		{[]byte{powerOff}, nil},
		{[]byte{getATR}, []byte{0x3B, 0x80, 0x80}},
	} {
		if _, err := conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(c.send)))); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(c.send); err != nil {
			t.Fatal(err)
		}
		if c.want == nil {
			continue
		}
		got := make([]byte, 2+len(c.want))
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatal(err)
		}
		if int(binary.BigEndian.Uint16(got)) != len(c.want) || !bytes.Equal(got[2:], c.want) {
			t.Errorf("answer to %d bytes: %d bytes, want %d", len(c.send), len(got)-2, len(c.want))
		}
	}
	<-powered
	remove()
	if err := <-ended; err != nil {
		t.Errorf("removal: %v", err)
	}
	if card.resets != 3 {
		t.Errorf("%d resets, want 3", card.resets)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("the reader still gets %d bytes after the removal", n)
	}
}

func TestReaderGoesAway(t *testing.T) {
	for name, c := range map[string]struct {
		send   []byte
		failed bool
	}{
		"at once":            {nil, false},
		"unknown control":    {[]byte{0, 1, 9}, true},
		"empty message":      {[]byte{0, 0}, true},
		"in the midst of it": {[]byte{0, 5, 1, 2}, true},
	} {
		near, far := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- serve(near, &echo{}, func() {}) }()
		if _, err := far.Write(c.send); err != nil {
			t.Fatal(err)
		}
		far.Close()
		if err := <-ended; err == nil {
			t.Errorf("%s: no error", name)
		} else if c.failed == bytes.HasSuffix([]byte(err.Error()), []byte(": EOF")) {
			t.Errorf("%s: %v", name, err)
		}
		near.Close()
	}
}
