package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

const (
	headerBytes = 10       // tag, size, code: TPM 2.0 Library Part 1 §18
	maxAnswer   = 64 << 10 // no command of ours answers with more than some KB

	// longestCommand covers the slowest command: an RSA key may take a chip half a minute.
	longestCommand = 90 * time.Second
)

// open connects to a character device or to a unix socket.
func open(path string) (transport.TPMCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSocket != 0 {
		return socket(path), nil
	}
	return linuxtpm.Open(path) // the kernel bounds how long a chip may take
}

// socket is a TPM behind a unix socket, one connection a command: swtpm serves
// one client at a time, and others (the desk's tools) must get their turn.
type socket string

// Send writes one command and reads its answer.
func (s socket) Send(command []byte) ([]byte, error) {
	conn, err := net.DialTimeout("unix", string(s), longestCommand) //nolint:noctx // the interface of a TPM knows no context
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(longestCommand)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(command); err != nil {
		return nil, err
	}
	return readAnswer(conn)
}

// Close has nothing to do between commands.
func (s socket) Close() error { return nil }

// readAnswer reads one answer: its header says how long it is.
func readAnswer(r io.Reader) ([]byte, error) {
	head := make([]byte, headerBytes)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("read answer's header: %w", err)
	}
	size := binary.BigEndian.Uint32(head[2:])
	if size < headerBytes || size > maxAnswer {
		return nil, errors.New("read answer: impossible size")
	}
	answer := make([]byte, size)
	copy(answer, head)
	if _, err := io.ReadFull(r, answer[headerBytes:]); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return answer, nil
}
