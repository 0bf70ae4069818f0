package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestOnAReaderThatRunsAlready plays vpcd's side of the wire: power on, ask for
// the ATR, select the application; then the end of standard input removes the card.
func TestOnAReaderThatRunsAlready(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command("/proc/self/exe", "--vpcd", l.Addr().String(), "--photos", photographs(t), "--person", "2", "--personality", "bac", "--exit-on-eof")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	send := func(body ...byte) {
		if _, err := conn.Write(append([]byte{0, byte(len(body))}, body...)); err != nil {
			t.Fatal(err)
		}
	}
	receive := func() []byte {
		var head [2]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(conn, body); err != nil {
			t.Fatal(err)
		}
		return body
	}
	send(1) // power on
	send(4) // ATR
	if atr := receive(); len(atr) < 2 || atr[0] != 0x3B {
		t.Fatalf("ATR %X", atr)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("standard output: %q, %v", line, err)
	}
	send(0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01)
	if sw := receive(); len(sw) != 2 || sw[0] != 0x90 {
		t.Fatalf("SELECT answers %X", sw)
	}
	stdin.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Fatal("the card still lies there")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
