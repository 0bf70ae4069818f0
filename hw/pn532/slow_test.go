package pn532_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/pn532"
	"github.com/enrold/enrold/hw/serial"
)

// slowLine keeps back what the module says for some time after each write.
type slowLine struct {
	pn532.Line
	pause time.Duration
	wrote time.Time
}

func (l *slowLine) Write(b []byte) (int, error) {
	l.wrote = time.Now()
	return l.Line.Write(b)
}

func (l *slowLine) ReadTimeout(b []byte, d time.Duration) (int, error) {
	if held := time.Until(l.wrote.Add(l.pause)); held > 0 {
		time.Sleep(min(held, d))
		return 0, serial.ErrTimeout
	}
	return l.Line.ReadTimeout(b, d)
}

// TestLateAcknowledgement: a module that acknowledges late has executed the
// command; sending it again would lose a part of a chained answer.
func TestLateAcknowledgement(t *testing.T) {
	m, pty := module(t, false)
	m.Put(&echo{name: 'a'})
	port, err := serial.Open(pty.Path, 115200)
	if err != nil {
		t.Fatal(err)
	}
	line := &slowLine{Line: port}
	d := pn532.New(line)
	defer d.Close()
	c, err := d.WaitCard(context.Background(), time.Second, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	command := make([]byte, 263)
	binary.BigEndian.PutUint16(command, 263)
	line.pause = 700 * time.Millisecond
	answer, err := c.Transmit(context.Background(), command)
	line.pause = 0
	if want := (&echo{name: 'a'}).Process(command); err != nil || !bytes.Equal(answer, want) {
		t.Fatalf("%d bytes came, want %d (%v)", len(answer), len(want), err)
	}
}

// noisyLine says something before what the module says to the next write.
type noisyLine struct {
	pn532.Line
	first []byte
	lose  bool // the write after which it says so
}

func (l *noisyLine) Write(b []byte) (int, error) {
	if l.lose {
		l.lose = false
		return len(b), nil
	}
	return l.Line.Write(b)
}

func (l *noisyLine) ReadTimeout(b []byte, d time.Duration) (int, error) {
	if len(l.first) > 0 {
		n := copy(b, l.first)
		l.first = l.first[n:]
		return n, nil
	}
	return l.Line.ReadTimeout(b, d)
}

// TestBeforeTheAcknowledgement: the rest of an older answer is passed over, and
// a command that the module got damaged goes again, chained or not.
func TestBeforeTheAcknowledgement(t *testing.T) {
	m, pty := module(t, false)
	m.Put(&echo{name: 'a'})
	port, err := serial.Open(pty.Path, 115200)
	if err != nil {
		t.Fatal(err)
	}
	line := &noisyLine{Line: port}
	d := pn532.New(line)
	defer d.Close()
	c, err := d.WaitCard(context.Background(), time.Second, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	command := make([]byte, 263)
	binary.BigEndian.PutUint16(command, 263)
	for name, first := range map[string]string{
		"older answer": "\x00\x00\xFF\x03\xFD\xD5\x4B\x00\xE0\x00",
		"NACK":         "\x00\x00\xFF\xFF\x00\x00",
	} {
		line.first, line.lose = []byte(first), name == "NACK"
		start := time.Now()
		answer, err := c.Transmit(context.Background(), command)
		if want := (&echo{name: 'a'}).Process(command); err != nil || !bytes.Equal(answer, want) {
			t.Errorf("%s: %d bytes came, want %d (%v)", name, len(answer), len(want), err)
		}
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("%s: it took %s, a time-out was waited for", name, took)
		}
	}
}
