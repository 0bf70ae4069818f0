package finger

import (
	"log/slog"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
)

// script is a hostile device: it answers every write with the next bytes of
// the fuzzer's choice, whatever was asked, and is unplugged when they end or
// when it is waited for too often (time is what a fuzzer has least of).
type script struct {
	rest   []byte
	turn   []byte
	silent int
}

func (s *script) ReadTimeout(b []byte, _ time.Duration) (int, error) {
	if len(s.turn) == 0 {
		if s.silent++; len(s.rest) == 0 || s.silent > 16 {
			return 0, serial.ErrUnplugged
		}
		return 0, serial.ErrTimeout
	}
	n := copy(b, s.turn)
	s.turn = s.turn[n:]
	return n, nil
}

// Write takes the length of the next answer from the script.
func (s *script) Write(b []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, serial.ErrUnplugged
	}
	n := min(int(s.rest[0])*8, len(s.rest)-1)
	s.turn, s.rest = s.rest[1:1+n], s.rest[1+n:]
	return len(b), nil
}

func (s *script) SetBaud(int) error { return nil }

// The whole exchange against a device that says what it wants: no panic, an
// end, and an image of the right size or none.
func FuzzExchange(f *testing.F) {
	answer := func(contents ...[]byte) []byte {
		var all []byte
		for _, c := range contents {
			all = appendPacket(all, 0xffffffff, kindAck, c)
		}
		for len(all)%8 != 0 {
			all = append(all, 0)
		}
		return append([]byte{byte(len(all) / 8)}, all...)
	}
	para := make([]byte, 17)
	para[14] = 2 // 128-byte packets
	good := append(answer([]byte{0}), answer(para)...)
	f.Add(append(append([]byte(nil), good...), answer([]byte{0})...))
	f.Add(append(append(append([]byte(nil), good...), answer([]byte{0})...), answer([]byte{0}, []byte{0x0f})...))
	f.Add(answer([]byte{0x13}))
	f.Add([]byte{255, 0xef, 1, 255, 255, 255, 255, 7, 0, 3})
	p := profile.Profile{Name: "fuzz", Driver: "zfm", Serial: &profile.Serial{
		Bauds: []int{57600}, Address: 0xffffffff, PacketSize: 128, Width: 64, Height: 64, DPI: 500, BitsPerPixel: 4, AnswerMS: 2, PollMS: 1,
	}}
	limits := Limits{Place: 5 * time.Millisecond, Lift: 2 * time.Millisecond}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		began := time.Now()
		defer func() {
			if d := time.Since(began); d > 5*time.Second {
				t.Fatalf("the exchange took %v", d)
			}
		}()
		ctx := t.Context()
		z, err := Open(ctx, &script{rest: bytes}, p, limits, slog.New(slog.DiscardHandler))
		if err != nil {
			return
		}
		s, err := z.Capture(ctx, func(string) error { return nil })
		if err == nil && len(s.Pixels) != 64*64 {
			t.Fatalf("an image of %d bytes passed", len(s.Pixels))
		}
	})
}
