package pn532

// The module's side of UM0701-02 §6.2, written apart from the driver so that
// each tests the other.

const (
	hostFrame   = 0xD4
	moduleFrame = 0xD5
	longest     = 265 // bytes of a frame from TFI on, §6.2.1.2
)

var (
	acknowledge = []byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	syntaxError = []byte{0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00}
)

func wrap(data []byte) []byte {
	head := []byte{0x00, 0x00, 0xFF, byte(len(data)), byte(0x100 - len(data)&0xFF)}
	if len(data) > 255 {
		hi, lo := byte(len(data)>>8), byte(len(data))
		head = []byte{0x00, 0x00, 0xFF, 0xFF, 0xFF, hi, lo, 0 - hi - lo}
	}
	check := byte(0)
	for _, v := range data {
		check -= v
	}
	return append(append(head, data...), check, 0x00)
}

type event int

const (
	nothing event = iota
	gotCommand
	gotACK  // the host abandons a command
	gotNACK // the host wants the last answer again
	gotError
)

// receiver is the module's UART, one byte at a time. Asleep it loses all up to
// the wake-up's end, which is long enough here when a start code can follow.
type receiver struct {
	state int // bytes of the start code and the length seen
	head  []byte
	data  []byte
	want  int
}

func (r *receiver) push(b byte) (event, []byte) {
	switch r.state {
	case 0:
		if b == 0x00 {
			r.state = 1
		}
	case 1:
		switch b {
		case 0xFF:
			r.state, r.head = 2, r.head[:0]
		case 0x00:
		default:
			r.state = 0
		}
	case 2:
		r.head = append(r.head, b)
		return r.length()
	default:
		r.data = append(r.data, b)
		if len(r.data) < r.want+1 {
			break
		}
		r.state = 0
		check := byte(0)
		for _, v := range r.data {
			check += v
		}
		if check != 0 || r.data[0] != hostFrame || r.want < 2 {
			return gotError, nil
		}
		return gotCommand, r.data[1:r.want]
	}
	return nothing, nil
}

// length judges what follows the start code.
func (r *receiver) length() (event, []byte) {
	h := r.head
	switch {
	case len(h) < 2:
		return nothing, nil
	case len(h) == 2 && h[0] == 0x00 && h[1] == 0xFF:
		r.state = 0
		return gotACK, nil
	case len(h) == 2 && h[0] == 0xFF && h[1] == 0x00:
		r.state = 0
		return gotNACK, nil
	case h[0] == 0xFF && h[1] == 0xFF:
		if len(h) < 5 {
			return nothing, nil
		}
		r.want = int(h[2])<<8 | int(h[3])
		if h[2]+h[3]+h[4] != 0 {
			r.want = 0
		}
	default:
		r.want = int(h[0])
		if h[0]+h[1] != 0 {
			r.want = 0
		}
	}
	if r.want == 0 || r.want > longest {
		r.state = 0
		return gotError, nil
	}
	r.state, r.data = 3, r.data[:0]
	return nothing, nil
}
