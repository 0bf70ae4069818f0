package pn532_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	emu "github.com/enrold/enrold/hw/emu/pn532"
	"github.com/enrold/enrold/hw/emu/pty"
	"github.com/enrold/enrold/hw/pn532"
	"github.com/enrold/enrold/internal/eid"
)

// echo answers with its own name and the command, doubled, and 9000; a command
// of one byte pulls it.
type echo struct {
	name   byte
	resets int
}

func (e *echo) Reset() { e.resets++ }
func (e *echo) Process(apdu []byte) []byte {
	if len(apdu) == 1 {
		return nil
	}
	out := append([]byte{e.name}, apdu...)
	return append(append(out, apdu...), 0x90, 0x00)
}

// module is the emulator on a pseudo-terminal, with the line that the driver opens.
func module(t *testing.T, typeB bool) (*emu.Module, *pty.Terminal) {
	t.Helper()
	pty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	m := emu.New(typeB)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := m.Serve(pty); err != nil {
			t.Log(err)
		}
	})
	t.Cleanup(func() { pty.Close(); serving.Wait() })
	return m, pty
}

func open(t *testing.T, path string) *pn532.Module {
	t.Helper()
	d, err := pn532.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestExchange(t *testing.T) {
	for _, typeB := range []bool{false, true} {
		m, pty := module(t, typeB)
		d, ctx := open(t, pty.Path), context.Background()
		if _, err := d.WaitCard(ctx, 0, time.Minute); eid.CodeOf(err) != eid.CodeNoCard {
			t.Errorf("empty field: %v", err)
		}
		card := &echo{name: 'a'}
		m.Put(card)
		c, err := d.WaitCard(ctx, time.Second, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{false: "A", true: "B"}[typeB]; c.Kind() != want {
			t.Errorf("kind %s, want %s", c.Kind(), want)
		}
		// Around the sizes of a frame and of chaining.
		for _, n := range []int{2, 5, 130, 131, 252, 253, 254, 261, 262, 263, 524, 525, 3000} {
			command := make([]byte, n)
			for i := range command {
				command[i] = byte(i)
			}
			binary.BigEndian.PutUint16(command, uint16(n))
			answer, err := c.Transmit(ctx, command)
			if want := (&echo{name: 'a'}).Process(command); err != nil || !bytes.Equal(answer, want) {
				t.Fatalf("%d bytes: %d came, want %d (%v)", n, len(answer), len(want), err)
			}
		}
		if err := c.Release(ctx); err != nil {
			t.Error(err)
		}
		if _, err := c.Transmit(ctx, []byte{0, 1}); err == nil {
			t.Error("a released card answers")
		}
		if card.resets < 2 {
			t.Error("the card was not released")
		}
	}
}

// A bad line: answers are asked for again.
func TestDamagedAnswers(t *testing.T) {
	m, pty := module(t, false)
	m.Put(&echo{name: 'a'})
	d, ctx := open(t, pty.Path), context.Background()
	c, err := d.WaitCard(ctx, time.Second, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	m.Spoil(2)
	if answer, err := c.Transmit(ctx, []byte{1, 2}); err != nil || len(answer) != 7 {
		t.Errorf("two damaged answers: %X %v", answer, err)
	}
	m.Spoil(9)
	if _, err := c.Transmit(ctx, []byte{1, 2}); eid.CodeOf(err) != eid.CodeNoReader {
		t.Errorf("nothing but damaged answers: %v", err)
	}
	m.Spoil(0)
	if _, err := c.Transmit(ctx, []byte{1, 2}); err == nil {
		t.Error("a card goes on after a failure")
	}
}

func TestRemovalAndSwap(t *testing.T) {
	m, pty := module(t, false)
	d, ctx := open(t, pty.Path), context.Background()
	for name, act := range map[string]func(){
		"taken":    m.Take,
		"swapped":  func() { m.Take(); m.Put(&echo{name: 'b'}) },
		"replaced": func() { m.Put(&echo{name: 'b'}) },
	} {
		m.Put(&echo{name: 'a'})
		c, err := d.WaitCard(ctx, time.Second, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		act()
		for range 2 {
			start := time.Now()
			if _, err := c.Transmit(ctx, []byte{1, 2}); eid.CodeOf(err) != eid.CodeChipRemoved || time.Since(start) > 500*time.Millisecond {
				t.Errorf("%s: %v after %s", name, err, time.Since(start))
			}
		}
	}
	m.Put(&echo{name: 'c'})
	c, err := d.WaitCard(ctx, time.Second, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	if _, err := c.Transmit(ctx, []byte{1, 2}); eid.CodeOf(err) != eid.CodeChipRead {
		t.Errorf("after the session's time: %v", err)
	}
}

// Ports that are none, silent ones, and one that is pulled.
func TestPorts(t *testing.T) {
	ctx := context.Background()
	if _, err := pn532.Open(ctx, t.TempDir()+"/none"); eid.CodeOf(err) != eid.CodeNoReader {
		t.Error(err)
	}
	silent, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	defer silent.Close()
	start := time.Now()
	if _, err := pn532.Open(ctx, silent.Path); eid.CodeOf(err) != eid.CodeNoReader {
		t.Error(err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("a silent port takes %s", took)
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	start = time.Now()
	if _, err := pn532.Open(short, silent.Path); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 300*time.Millisecond {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	m, pty := module(t, false)
	m.Put(&echo{name: 'a'})
	d := open(t, pty.Path)
	if _, err := pn532.Open(ctx, pty.Path); eid.CodeOf(err) != eid.CodeDeviceBusy {
		t.Errorf("a second user: %v", err)
	}
	c, err := d.WaitCard(ctx, time.Second, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	pty.Close()
	if _, err := c.Transmit(ctx, []byte{1, 2}); eid.CodeOf(err) != eid.CodeNoReader {
		t.Errorf("pulled: %v", err)
	}
}

// loop is a line whose other side is the fuzzer: it acknowledges and then says
// what it likes.
type loop struct{ out bytes.Buffer }

func (l *loop) Write(b []byte) (int, error) { return len(b), nil }
func (l *loop) Close() error                { return nil }
func (l *loop) ReadTimeout(b []byte, _ time.Duration) (int, error) {
	if l.out.Len() == 0 {
		return 0, fmt.Errorf("the line has ended")
	}
	return l.out.Read(b)
}

func FuzzModule(f *testing.F) {
	ack := "\x00\x00\xFF\x00\xFF\x00"
	listed := "\x00\x00\xFF\x0F\xF1\xD5\x4B\x01\x01\x00\x04\x20\x04\x08\x11\x22\x33\x02\x78\x80"
	f.Add([]byte(ack + listed))
	f.Add([]byte(ack + "\x00\x00\xFF\x03\xFD\xD5\x4B\x00\xE0\x00"))
	f.Add([]byte(ack + "\x00\x00\xFF\x01\xFF\x7F\x81\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		l := &loop{}
		l.out.Write(in)
		m := pn532.New(l)
		c, err := m.WaitCard(context.Background(), 0, time.Minute)
		if c == nil && err == nil {
			t.Fatal("neither card nor error")
		}
		if c == nil {
			return
		}
		if answer, err := c.Transmit(context.Background(), []byte{0, 0xA4, 4, 0}); err != nil && answer != nil {
			t.Fatal("an answer and an error")
		}
	})
}
