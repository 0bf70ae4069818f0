package sm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// session makes the session of Doc 9303-11 appendix D.4 after count steps.
func session(t testing.TB, steps int) *Session {
	t.Helper()
	s, err := New(TDES, unhex(t, "979EC13B1CBFE9DCD01AB0FED307EAE5"), unhex(t, "F1CB1F1FB5ADF208806B89DC579DC1F8"))
	if err != nil {
		t.Fatal(err)
	}
	out := NewSession(s, unhex(t, "887022120C06C226"))
	for range steps {
		out.count()
	}
	return out
}

// One changed bit anywhere in a protected response is found, and ends the session.
func TestEveryChangedBitIsFound(t *testing.T) {
	good := unhex(t, "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000")
	for bit := range (len(good) - 2) * 8 {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		r, err := apdu.ParseResponse(b)
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, 3)
		if _, err := s.Open(r); err == nil {
			t.Errorf("bit %d of byte %d: accepted", bit%8, bit/8)
		}
		if _, err := s.Protect(apdu.Command{INS: 0xB0, Le: 4}); !errors.Is(err, ErrSessionEnded) {
			t.Errorf("byte %d: session goes on", bit/8)
		}
	}
	r, err := apdu.ParseResponse(good)
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, 3)
	if got, err := s.Open(r); err != nil || !bytes.Equal(got.Data, unhex(t, "60145F01")) || got.SW != apdu.OK {
		t.Errorf("%X %v", got.Data, err)
	}
	if _, err := s.Open(r); err == nil {
		t.Error("a response was accepted twice")
	}
}

func TestUnprotectedResponse(t *testing.T) {
	s := session(t, 0)
	_, err := s.Open(apdu.Response{SW: apdu.FileNotFound})
	u, ok := errors.AsType[*UnprotectedError](err)
	if !ok || u.SW != apdu.FileNotFound {
		t.Fatal(err)
	}
	if _, err := s.Open(apdu.Response{SW: apdu.OK}); !errors.Is(err, ErrSessionEnded) {
		t.Fatal(err)
	}
}

// The largest plain response of a short command fits 256 bytes once protected.
func TestShortProtectedFits(t *testing.T) {
	s := session(t, 0)
	n := s.shortProtected()
	size := func(n int) int {
		padded := len(Pad(make([]byte, n), 8))
		b := tlv.Append(nil, tagCryptogram, make([]byte, 1+padded))
		return len(tlv.Append(tlv.Append(b, tagStatus, make([]byte, 2)), tagChecksum, make([]byte, 8)))
	}
	if size(n) > 256 || size(n+1) <= 256 {
		t.Errorf("%d bytes give %d, one more %d", n, size(n), size(n+1))
	}
	for le, extended := range map[int]bool{n: false, n + 1: true, 4096: true} {
		c, err := session(t, 0).Protect(apdu.Command{INS: 0xB0, Le: le})
		if err != nil || c.IsExtended() != extended {
			t.Errorf("le %d: extended %v, %v", le, c.IsExtended(), err)
		}
	}
	for maxLe, want := range map[int]int{0: 65000, 65536: 65000, 256: 231, 300: 231, 512: 464} {
		if got := s.PlainLimit(maxLe); got != want {
			t.Errorf("limit %d: %d", maxLe, got)
		}
	}
}

func TestPadding(t *testing.T) {
	for _, c := range []struct {
		in, want []byte
		bad      bool
	}{
		{in: []byte{1, 0x80, 0, 0}, want: []byte{1}},
		{in: []byte{0x80}, want: []byte{}},
		{in: []byte{1, 2}, bad: true},
		{in: []byte{0, 0}, bad: true},
		{in: nil, bad: true},
	} {
		if got, err := Unpad(c.in); (err != nil) != c.bad || !bytes.Equal(got, c.want) {
			t.Errorf("%X: %X %v", c.in, got, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{0x99, 0x02, 0x90, 0x00, 0x8E, 0x08, 0xFA, 0x85, 0x5A, 0x5D, 0x4C, 0x50, 0xA8, 0xED, 0x90, 0x00})
	f.Add([]byte{0x87, 0x01, 0x01, 0x99, 0x02, 0x90, 0x00, 0x8E, 0x00, 0x90, 0x00})
	f.Add([]byte{0x6A, 0x82})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if err != nil {
			return
		}
		s := session(t, 1)
		if _, err := s.Open(r); err != nil && !s.ended {
			t.Fatal("the session goes on after an error")
		}
	})
}
