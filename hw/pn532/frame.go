package pn532

import "errors"

// maxData is the most that a frame carries, its first byte (TFI) included: the
// firmware's limit for extended frames (UM0701-02 §6.2.1.2).
const maxData = 265

const (
	toModule   = 0xD4 // TFI of commands
	fromModule = 0xD5 // TFI of answers
	syntax     = 0x7F // the only byte of the application level error frame (§6.2.1.5)
)

// Frames without content (§6.2.1.3 and §6.2.1.4).
var (
	ackFrame  = []byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	nackFrame = []byte{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00}
)

type kind int

const (
	kindData kind = iota
	kindACK
	kindNACK
	kindDamaged // a frame whose checksum is wrong
)

type frame struct {
	kind kind
	data []byte // with TFI
}

// encode makes a frame of data, TFI first, at most maxData bytes: a normal one
// where it fits, else an extended one.
func encode(data []byte) []byte {
	n := len(data)
	out := []byte{0x00, 0x00, 0xFF}
	if n <= 255 {
		out = append(out, byte(n), byte(-n))
	} else {
		out = append(out, 0xFF, 0xFF, byte(n>>8), byte(n), byte(-(n>>8 + n)))
	}
	out = append(out, data...)
	return append(out, -sum(data), 0x00)
}

func sum(b []byte) (s byte) {
	for _, v := range b {
		s += v
	}
	return s
}

// errShort means that the frame has not arrived whole.
var errShort = errors.New("frame is not complete")

// parse takes the first frame of b and says how many bytes it and the noise
// before it have. With errShort, used is the noise that may be dropped. The
// data alias b.
func parse(b []byte) (f frame, used int, err error) {
	for at := 0; ; at++ {
		at = start(b, at)
		f, n, err := body(b[at:])
		if errors.Is(err, errBad) {
			continue // a start code by chance
		}
		if err != nil {
			return frame{}, at, err
		}
		return f, at + n, nil
	}
}

// start finds the next start code, or the end, keeping back what may begin one.
func start(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		if b[i] == 0x00 && (i+1 == len(b) || b[i+1] == 0xFF) {
			return i
		}
	}
	return len(b)
}

var errBad = errors.New("no frame begins here")

// body reads a frame from its start code on.
func body(b []byte) (frame, int, error) {
	if len(b) < 4 {
		return frame{}, 0, errShort
	}
	n, head := int(b[2]), 4
	switch {
	case b[2] == 0x00 && b[3] == 0xFF:
		return frame{kind: kindACK}, 4, nil
	case b[2] == 0xFF && b[3] == 0x00:
		return frame{kind: kindNACK}, 4, nil
	case b[2] == 0xFF && b[3] == 0xFF:
		if len(b) < 7 {
			return frame{}, 0, errShort
		}
		if sum(b[4:7]) != 0 {
			return frame{}, 0, errBad
		}
		n, head = int(b[4])<<8|int(b[5]), 7
	case b[2]+b[3] != 0:
		return frame{}, 0, errBad
	}
	if n < 1 || n > maxData {
		return frame{}, 0, errBad
	}
	if len(b) < head+n+1 {
		return frame{}, 0, errShort
	}
	f := frame{data: b[head : head+n]}
	if sum(b[head:head+n+1]) != 0 {
		f.kind = kindDamaged
	}
	return f, head + n + 1, nil
}
