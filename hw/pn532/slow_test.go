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
