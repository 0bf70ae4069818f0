package zfm

// receiver is the module's packet state machine, one byte at a time.
type receiver struct {
	buf  [9 + maxCommand + 2]byte
	have int
}

const maxCommand = 64 // the longest instruction of the manual is WriteNotepad with 34

func (r *receiver) clear() { r.have = 0 }

// command is an instruction with its parameters; intact is false when the sum
// was wrong.
type command struct {
	instruction byte
	params      []byte
	intact      bool
}

// push takes one byte and returns the command that it completes.
func (r *receiver) push(b byte) (command, bool) {
	r.buf[r.have] = b
	r.have++
	prefix := [7]byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, 0x01}
	if r.have <= len(prefix) {
		if b != prefix[r.have-1] {
			r.have = 0
			if b == prefix[0] {
				r.buf[0], r.have = b, 1
			}
		}
		return command{}, false
	}
	if r.have < 9 {
		return command{}, false
	}
	length := int(r.buf[7])<<8 | int(r.buf[8])
	if length < 3 || length > maxCommand+2 {
		r.have = 0
		return command{}, false
	}
	if r.have < 9+length {
		return command{}, false
	}
	end := 9 + length
	r.have = 0
	var sum uint16
	for _, v := range r.buf[6 : end-2] {
		sum += uint16(v)
	}
	c := command{instruction: r.buf[9], params: append([]byte(nil), r.buf[10:end-2]...)}
	c.intact = sum == uint16(r.buf[end-2])<<8|uint16(r.buf[end-1])
	return c, true
}
