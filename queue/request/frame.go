package request

// frame is a message that is built around what it carries, in one piece of memory:
// a request of 400 KB is encoded into its place, framed, signed there and encrypted
// there, and never copied.
type frame struct {
	mem        []byte
	begin, end int
}

func newFrame(carried []byte) *frame {
	f := &frame{mem: make([]byte, frontRoom+len(carried)+backRoom), begin: frontRoom, end: frontRoom + len(carried)}
	copy(f.bytes(), carried)
	return f
}

// What a message of one recipient and two signers has before and after its request;
// a frame that needs more grows.
const (
	frontRoom = 3 << 10
	backRoom  = 2 << 10
)

func (f *frame) bytes() []byte { return f.mem[f.begin:f.end] }

// reserve makes room for so many bytes before and after. What was in other memory
// is wiped there.
func (f *frame) reserve(before, after int) {
	if f.begin >= before && len(f.mem)-f.end >= after {
		return
	}
	old := f.bytes()
	before, after = max(before, frontRoom), max(after, backRoom)
	mem := make([]byte, before+len(old)+after)
	copy(mem[before:], old)
	clear(old)
	f.mem, f.begin, f.end = mem, before, before+len(old)
}

func (f *frame) prepend(parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	f.reserve(n, 0)
	f.begin -= n
	for at := f.begin; len(parts) > 0; parts = parts[1:] {
		at += copy(f.mem[at:], parts[0])
	}
}

func (f *frame) append(p []byte) {
	f.reserve(0, len(p))
	f.end += copy(f.mem[f.end:], p)
}

func (f *frame) wipe() { clear(f.mem) }
