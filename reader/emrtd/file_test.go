package emrtd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/pace"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// plainCard answers under secure messaging and says what it was asked in the
// clear: the chip's side of a session, with the habits of cards in the field.
type plainCard struct {
	t       testing.TB
	session *chipSession
	files   map[FileID][]byte
	current []byte
	noShort bool        // short file identifiers are refused
	limit   int         // largest plain response; beyond it refuse
	refuse  apdu.Status // how
	naked   bool        // refusals come unprotected
	beyond  apdu.Status // for an Le beyond the file's end, 0: the rest with 6282
	log     []string
}

func (c *plainCard) Transmit(_ context.Context, raw []byte) ([]byte, error) {
	cmd := c.session.command(raw)
	data, sw := c.answer(cmd)
	if c.naked && sw != apdu.OK && sw != apdu.EndOfFile {
		return []byte{byte(sw >> 8), byte(sw)}, nil
	}
	return c.session.response(data, sw), nil
}

func (c *plainCard) answer(cmd apdu.Command) ([]byte, apdu.Status) {
	c.log = append(c.log, fmt.Sprintf("%02X %02X%02X %d", cmd.INS, cmd.P1, cmd.P2, cmd.Le))
	switch cmd.INS {
	case 0xA4:
		file, ok := c.files[FileID(cmd.Data[0])<<8|FileID(cmd.Data[1])]
		if !ok {
			return nil, apdu.FileNotFound
		}
		c.current = file
		return nil, apdu.OK
	case 0xB0:
		offset := int(cmd.P1)<<8 | int(cmd.P2)
		if cmd.P1&0x80 != 0 {
			file, ok := c.files[0x0100|FileID(cmd.P1&0x1F)]
			if c.noShort || !ok {
				return nil, apdu.FileNotFound
			}
			c.current, offset = file, int(cmd.P2)
		}
		return c.piece(offset, cmd.Le)
	case 0xB1:
		at, err := tlv.Find(cmd.Data, 0x54)
		if err != nil {
			c.t.Error(err)
		}
		offset := 0
		for _, b := range at {
			offset = offset<<8 | int(b)
		}
		n := cmd.Le
		for n+wrapped(n) > cmd.Le {
			n--
		}
		data, sw := c.piece(offset, n)
		if data == nil {
			return nil, sw
		}
		return tlv.Append(nil, 0x53, data), sw
	}
	return nil, apdu.INSNotSupported
}

func (c *plainCard) piece(offset, n int) ([]byte, apdu.Status) {
	switch {
	case c.limit > 0 && n > c.limit:
		return nil, c.refuse
	case offset >= len(c.current):
		return nil, apdu.WrongParameters
	case offset+n > len(c.current) && c.beyond != 0:
		return nil, c.beyond
	case offset+n > len(c.current):
		return c.current[offset:], apdu.EndOfFile
	}
	return c.current[offset : offset+n], apdu.OK
}

// chipSession is the chip's side of secure messaging with AES-128: it decrypts
// by the very suite of the terminal, and counts as the terminal does.
type chipSession struct {
	t     testing.TB
	suite sm.Suite
	ssc   []byte
}

func (s *chipSession) count() {
	for i := len(s.ssc) - 1; i >= 0; i-- {
		if s.ssc[i]++; s.ssc[i] != 0 {
			return
		}
	}
}

func (s *chipSession) command(raw []byte) apdu.Command {
	s.count()
	cmd := apdu.Command{INS: raw[1], P1: raw[2], P2: raw[3]}
	body := raw[5:]
	if raw[4] == 0 {
		body = raw[7:]
	}
	for len(body) > 2 {
		o, rest, err := tlv.Next(body)
		if err != nil {
			s.t.Fatal(err)
		}
		body = rest
		switch o.Tag {
		case 0x87, 0x85:
			v := o.Value
			if o.Tag == 0x87 {
				v = v[1:]
			}
			if cmd.Data, err = sm.Unpad(s.suite.Decrypt(s.ssc, v)); err != nil {
				s.t.Fatal(err)
			}
		case 0x97:
			for _, b := range o.Value {
				cmd.Le = cmd.Le<<8 | int(b)
			}
			if cmd.Le == 0 {
				cmd.Le = 256
			}
		case 0x8E:
			return cmd
		}
	}
	s.t.Fatal("command without checksum")
	return cmd
}

func (s *chipSession) response(data []byte, sw apdu.Status) []byte {
	s.count()
	var out []byte
	if len(data) > 0 {
		out = tlv.Append(out, 0x87, append([]byte{1}, s.suite.Encrypt(s.ssc, sm.Pad(data, s.suite.BlockSize()))...))
	}
	out = tlv.Append(out, 0x99, []byte{byte(sw >> 8), byte(sw)})
	mac := s.suite.MAC(append(bytes.Clone(s.ssc), sm.Pad(out, s.suite.BlockSize())...))
	return append(tlv.Append(out, 0x8E, mac), 0x90, 0x00)
}

func suite(t testing.TB) sm.Suite {
	t.Helper()
	s, err := sm.New(sm.AES128, make([]byte, 16), bytes.Repeat([]byte{1}, 16))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is a chip whose access procedure gives the same keys again and again.
func opened(t testing.TB, card *plainCard, sizes Sizes) *Chip {
	t.Helper()
	card.t = t
	w := again{t, card}
	s, _, _ := w.open(context.Background(), nil, false)
	c := &Chip{card: apdu.NewChannel(card), session: s, way: w, inside: true, sizes: sizes}
	c.maxLe = sizes.first(s)
	return c
}

type again struct {
	t    testing.TB
	card *plainCard
}

func (again) name() string  { return "test" }
func (again) outside() bool { return false }
func (w again) open(context.Context, *apdu.Channel, bool) (*sm.Session, *pace.Proof, error) {
	w.card.session = &chipSession{w.t, suite(w.t), make([]byte, 16)}
	w.card.log = append(w.card.log, "open")
	return sm.NewSession(suite(w.t), make([]byte, 16)), nil, nil
}

// filled is a file of n bytes in all.
func filled(tag uint32, n int) []byte {
	for size := n - 6; ; size++ {
		b := make([]byte, max(size, 0))
		for i := range b {
			b[i] = byte(i * 7)
		}
		if f := tlv.Append(nil, tag, b); len(f) == n {
			return f
		}
	}
}

func document() map[FileID][]byte {
	return map[FileID][]byte{COM: filled(0x60, 24), SOD: filled(0x77, 1800), DG(1): filled(0x61, 95), DG(2): filled(0x75, 40000), DG(13): filled(0x6D, 400), DG(14): filled(0x6E, 90)}
}

func sizesOf(files map[FileID][]byte) (list []File, total int) {
	for id, f := range files {
		list = append(list, FileOf(id, len(f), 223))
		total += len(f)
	}
	return list, total
}

// The commands are the fewest for every size that card and reader may take.
func TestLeastCommands(t *testing.T) {
	files := document()
	list, _ := sizesOf(files)
	for _, maxLe := range []int{256, 400, 512, 1000, 4096, 65536} {
		card := &plainCard{files: files}
		c := opened(t, card, Sizes{MaxLe: maxLe})
		for id, want := range files {
			h := sha256.New()
			got, err := c.Read(context.Background(), id, nil, h)
			if err != nil || !bytes.Equal(got, want) || !bytes.Equal(h.Sum(nil), sum(want)) {
				t.Fatalf("%d: file %04X: %v", maxLe, id, err)
			}
		}
		least := Least(list, c.maxLe)
		if c.card.APDUs() != least {
			t.Errorf("responses of %d: %d commands, %d are enough", maxLe, c.card.APDUs(), least)
		}
		t.Logf("responses of %d bytes: %d commands", maxLe, least)
	}
}

func sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

// What cards refuse costs some commands once, never the content or the session.
func TestHabits(t *testing.T) {
	files := document()
	list, _ := sizesOf(files)
	for _, h := range []struct {
		name   string
		card   plainCard
		sizes  Sizes
		plain  int // what the card takes
		reopen int
		extra  int // commands beside the fewest
	}{
		{"no short identifiers", plainCard{noShort: true}, Sizes{}, sm.MaxPlain, 0, 1 + 6},
		{"no short identifiers, said unprotected", plainCard{noShort: true, naked: true}, Sizes{}, sm.MaxPlain, 1, 1 + 6},
		{"1000 bytes, 6700", plainCard{limit: 1000, refuse: apdu.WrongLength}, Sizes{}, 1000, 0, 3},
		{"1000 bytes, 6700 unprotected", plainCard{limit: 1000, refuse: apdu.WrongLength, naked: true}, Sizes{}, 1000, 1, 6},
		{"256 bytes, 6B00", plainCard{limit: 256, refuse: apdu.WrongParameters}, Sizes{}, 256, 0, 4},
		{"224 bytes, 6282 without data", plainCard{limit: 224, refuse: apdu.EndOfFile}, Sizes{MaxLe: 256}, 223, 0, 0},
		{"160 bytes, 6700", plainCard{limit: 160, refuse: apdu.WrongLength}, Sizes{MaxLe: 256}, 160, 0, 4},
		{"own ladder", plainCard{limit: 600, refuse: apdu.WrongLength}, Sizes{Ladder: []int{2000, 600}}, 600, 0, 2},
		{"nothing beyond the end", plainCard{beyond: apdu.WrongParameters}, Sizes{}, sm.MaxPlain, 0, 0},
	} {
		card := h.card
		card.files = files
		c := opened(t, &card, h.sizes)
		for _, id := range []FileID{COM, SOD, DG(14), DG(1), DG(13), DG(2)} {
			got, err := c.Read(context.Background(), id, nil)
			if err != nil || !bytes.Equal(got, files[id]) {
				t.Fatalf("%s: file %04X: %v", h.name, id, err)
			}
		}
		if least := Least(list, h.plain); c.card.APDUs() > least+h.extra || c.reopened != h.reopen {
			t.Errorf("%s: %d commands, at most %d wanted; opened again %d times\n%v", h.name, c.card.APDUs(), least+h.extra, c.reopened, card.log)
		}
	}
}

// A file shorter than what is asked for blindly, and files that are not there.
func TestOddFiles(t *testing.T) {
	for _, naked := range []bool{false, true} {
		for _, beyond := range []apdu.Status{0, apdu.WrongParameters, apdu.WrongLength} {
			files := map[FileID][]byte{COM: filled(0x60, 24), SOD: filled(0x77, 60), DG(1): filled(0x61, 6), DG(2): filled(0x75, 223)}
			card := &plainCard{files: files, naked: naked, beyond: beyond}
			c := opened(t, card, Sizes{})
			for _, id := range []FileID{COM, SOD, DG(1), DG(2)} {
				if got, err := c.Read(context.Background(), id, nil); err != nil || !bytes.Equal(got, files[id]) {
					t.Errorf("file %04X, %s beyond the end: %v", id, beyond, err)
				}
			}
			for _, id := range []FileID{DG(3), DG(16)} {
				if _, err := c.Read(context.Background(), id, nil); !isRefusal(err) {
					t.Errorf("file %04X: %v", id, err)
				}
			}
		}
	}
	for name, file := range map[string][]byte{"empty": {}, "huge": {0x61, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 0}, "cut": filled(0x61, 95)[:50]} {
		c := opened(t, &plainCard{files: map[FileID][]byte{DG(1): file}}, Sizes{})
		if _, err := c.Read(context.Background(), DG(1), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*apdu.StatusError](err)
	return ok
}

// A short identifier that leads to another file is noticed.
func TestWrongFileBehindShortIdentifier(t *testing.T) {
	card := &crossed{plainCard{files: document()}}
	c := opened(t, &card.plainCard, Sizes{})
	c.card = apdu.NewChannel(card)
	if got, err := c.Read(context.Background(), DG(1), nil); err != nil || !bytes.Equal(got, card.files[DG(1)]) {
		t.Fatal(err)
	}
}

type crossed struct{ plainCard }

func (c *crossed) Transmit(ctx context.Context, raw []byte) ([]byte, error) {
	cmd := c.session.command(raw)
	if cmd.P1 == 0x81 {
		cmd.P1 = 0x9E
	}
	return c.session.response(c.answer(cmd)), nil
}
