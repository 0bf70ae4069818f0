// Package control is how the emulated person acts on emulated devices: each
// emulator listens on a unix socket for one-line JSON commands ("insert this
// card", "place this finger"). Real transports carry everything else.
package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Command is what the person does. Fields that do not concern the device are zero.
type Command struct {
	Do         string `json:"do"`                   // card: insert, remove · scanner: place, lift · camera: sit, leave
	Person     int    `json:"person"`               // 0..persons.Count-1
	Document   string `json:"document,omitempty"`   // card: citizen, foreigner
	Fault      string `json:"fault,omitempty"`      // card: what emu-card --list names, several separated by commas
	Position   int    `json:"position,omitempty"`   // scanner: ISO finger position
	Impression int    `json:"impression,omitempty"` // scanner: which of the finger's impressions

	// Personality says what kind of card is inserted (emu-card --list names them);
	// "" is the one that the emulator was started with.
	Personality string `json:"personality,omitempty"`
	Curve       string `json:"curve,omitempty"`        // card: domain parameters of PACE and chip authentication
	Cipher      string `json:"cipher,omitempty"`       // card: 3des, aes-128, aes-192, aes-256
	Signature   string `json:"signature,omitempty"`    // card: of EF.SOD, rsa-pss-sha256
	PadDG2      int    `json:"pad_dg2,omitempty"`      // card: bytes of padding in the portrait
	MaxResponse int    `json:"max_response,omitempty"` // card: bytes of response data; 256 or less: no extended lengths
	Slot        int    `json:"slot,omitempty"`         // card: which of the two virtual readers, 0 or 1
}

type reply struct {
	Error string `json:"error,omitempty"`
}

// Serve answers commands on the unix socket path until the listener is closed.
// One connection may send many commands; each is answered before the next.
func Serve(l net.Listener, handle func(Command) error) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept control connection: %w", err)
		}
		go serveConn(c, handle)
	}
}

func serveConn(c net.Conn, handle func(Command) error) {
	defer c.Close()
	in := bufio.NewScanner(c)
	out := json.NewEncoder(c)
	for in.Scan() {
		var cmd Command
		r := reply{}
		if err := json.Unmarshal(in.Bytes(), &cmd); err != nil {
			r.Error = err.Error()
		} else if err := handle(cmd); err != nil {
			r.Error = err.Error()
		}
		if out.Encode(r) != nil {
			return
		}
	}
}

// Send gives one command to the emulator listening at path and waits for its answer.
func Send(path string, cmd Command) error {
	c, err := net.DialTimeout("unix", path, 2*time.Second)
	if err != nil {
		return fmt.Errorf("reach emulator: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if err := json.NewEncoder(c).Encode(cmd); err != nil {
		return fmt.Errorf("send command: %w", err)
	}
	var r reply
	if err := json.NewDecoder(c).Decode(&r); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if r.Error != "" {
		return fmt.Errorf("emulator: %s", r.Error)
	}
	return nil
}
