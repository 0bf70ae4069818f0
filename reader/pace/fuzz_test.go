package pace

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/tlv"
)

// chatter answers each command with the next piece of its text: a length and
// that many bytes.
type chatter struct{ text []byte }

func (c *chatter) Transmit(context.Context, []byte) ([]byte, error) {
	if len(c.text) == 0 {
		return []byte{0x6F, 0x00}, nil
	}
	n := min(int(c.text[0]), len(c.text)-1)
	out := c.text[1 : 1+n]
	c.text = c.text[1+n:]
	return out, nil
}

// FuzzRun is a chip that knows no password and says anything: it never gets a
// session, whatever EF.CardAccess says.
func FuzzRun(f *testing.F) {
	line := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(append(out, byte(len(p))), p...)
		}
		return out
	}
	ok := []byte{0x90, 0x00}
	answer := func(tag uint32, value []byte) []byte { return append(dynamic(tag, value), ok...) }
	point := answer(0x82, append([]byte{4}, make([]byte, 64)...))
	for _, info := range []string{"3012060A04007F0007020204020202010202010D", "3012060A04007F0007020204040202010202010D", "3012060A04007F0007020204060202010202010D", "3012060A04007F00070202040102020102020100"} {
		set := tlv.Append(nil, 0x31, unhex(f, info))
		f.Add(set, line(ok, answer(0x80, make([]byte, 16)), point))
		f.Add(set, line([]byte{0x63, 0xC1}, answer(0x80, make([]byte, 32)), []byte{0x7C, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x90, 0x00}))
		f.Add(set, line(ok, answer(0x80, make([]byte, 16)), answer(0x82, nil), answer(0x84, []byte{2}), answer(0x86, make([]byte, 8))))
	}
	f.Fuzz(func(t *testing.T, set, text []byte) {
		infos, err := secinfo.Parse(set)
		if err != nil {
			return
		}
		for _, p := range Offered(infos) {
			if r, err := Run(context.Background(), apdu.NewChannel(&chatter{text}), p, CAN("123456"), rand.Reader); err == nil || r.Session != nil {
				t.Fatalf("%s: a session without a password", p.Name())
			}
		}
	})
}
