// Package vpcd is the card side of vpcd's wire: the driver that vsmartcard gives
// to pcscd. A card is inserted by connecting and removed by closing. Each
// message is a length (two bytes, big endian) and a body; a body of one byte is
// a control command, anything longer a command APDU.
package vpcd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// Control bytes.
const (
	powerOff = 0
	powerOn  = 1
	reset    = 2
	getATR   = 4
)

// Card is what lies on the reader.
type Card interface {
	ATR() []byte
	Reset()
	Process(apdu []byte) []byte // at most 65535 bytes; nil when the card is pulled instead
}

// Insert connects to the reader at address and serves card until ctx ends, the
// card pulls itself or the reader goes away; all are a removal and no error. powered is called once,
// when the reader has powered the card, so that a caller can wait until the
// insertion was seen.
func Insert(ctx context.Context, address string, card Card, powered func()) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach virtual reader: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = serve(conn, card, powered)
	if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	return err
}

func serve(conn net.Conn, card Card, powered func()) error {
	buffer := make([]byte, 0xFFFF)
	for {
		body, err := receive(conn, buffer)
		if err != nil {
			return err
		}
		var answer []byte
		switch {
		case len(body) > 1:
			if answer = card.Process(body); answer == nil {
				return nil
			}
		case len(body) == 1 && body[0] == getATR:
			answer = card.ATR()
		case len(body) == 1 && body[0] == powerOn:
			card.Reset()
			powered()
			continue
		case len(body) == 1 && (body[0] == powerOff || body[0] == reset):
			card.Reset()
			continue
		default:
			return errors.New("read from virtual reader: unknown control message")
		}
		if len(answer) > 0xFFFF {
			return fmt.Errorf("answer virtual reader: %d bytes do not fit", len(answer))
		}
		message := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(answer)), uint16(len(answer))), answer...)
		if _, err := conn.Write(message); err != nil {
			return fmt.Errorf("answer virtual reader: %w", err)
		}
	}
}

// receive reads one message into buffer. vpcd sends length and body in two
// writes with Nagle's algorithm on, so the body leaves only when the length is
// acknowledged: without quick acknowledgement, which the kernel forgets after
// every read, each APDU costs 40 ms.
func receive(conn net.Conn, buffer []byte) ([]byte, error) {
	acknowledge(conn)
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, fmt.Errorf("read from virtual reader: %w", err)
	}
	acknowledge(conn)
	body := buffer[:binary.BigEndian.Uint16(length[:])]
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, fmt.Errorf("read from virtual reader: %w", err)
	}
	return body, nil
}

func acknowledge(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// A connection that is closing refuses the option; the read after it says so.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
}
