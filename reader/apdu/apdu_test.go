package apdu_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
)

func TestMarshalCases(t *testing.T) {
	long := bytes.Repeat([]byte{0xAA}, 256)
	for _, c := range []struct {
		name string
		cmd  apdu.Command
		want string
	}{
		{"1", apdu.Command{INS: 0x44}, "00440000"},
		{"1, extended asked for", apdu.Command{INS: 0x44, Extended: true}, "00440000"},
		{"2S", apdu.Command{INS: 0x84, Le: 8}, "0084000008"},
		{"2S all", apdu.Command{INS: 0xB0, Le: 256}, "00B0000000"},
		{"3S", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{1, 0x1E}}, "00A4020C02011E"},
		{"4S", apdu.Command{CLA: 0x0C, INS: 0xA4, Data: []byte{1}, Le: 256}, "0CA40000010100"},
		{"2E", apdu.Command{INS: 0xB0, Le: 4096}, "00B00000001000"},
		{"2E short Le", apdu.Command{INS: 0xB0, Le: 4, Extended: true}, "00B00000000004"},
		{"2E all", apdu.Command{INS: 0xB0, Le: 65536}, "00B00000000000"},
		{"3E", apdu.Command{INS: 0x82, Data: long}, "00820000000100" + hex.EncodeToString(long)},
		{"4E", apdu.Command{INS: 0xB1, Data: []byte{1, 2}, Le: 1000}, "00B1000000000201" + "0203E8"},
		{"4E long data", apdu.Command{INS: 0x82, Data: long, Le: 1}, "00820000000100" + hex.EncodeToString(long) + "0001"},
	} {
		got, err := c.cmd.Marshal()
		if want, _ := hex.DecodeString(c.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("case %s: got %X, %v", c.name, got, err)
		}
	}
	for _, bad := range []apdu.Command{{Le: -1}, {Le: 65537}, {Data: make([]byte, 65536)}} {
		if _, err := bad.Marshal(); err == nil {
			t.Errorf("le %d, %d data bytes: no error", bad.Le, len(bad.Data))
		}
	}
}

// script answers each command with the next line and checks what was sent.
type script struct {
	t     *testing.T
	lines [][2]string
}

func (s *script) Transmit(_ context.Context, cmd []byte) ([]byte, error) {
	if len(s.lines) == 0 {
		return nil, errors.New("nothing more in the script")
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	if got := hex.EncodeToString(cmd); got != line[0] {
		s.t.Errorf("sent %s, want %s", got, line[0])
	}
	b, err := hex.DecodeString(line[1])
	return b, err
}

func TestSendFollowsStatus(t *testing.T) {
	for _, c := range []struct {
		name, data, sw string
		script         [][2]string
		bytes          int
	}{
		{"plain", "0102", "9000", [][2]string{{"00b0000010", "01029000"}}, 4},
		{"6Cxx repeats with the exact Le", "01", "9000", [][2]string{{"00b0000010", "6c01"}, {"00b0000001", "019000"}}, 5},
		{"61xx fetches the rest", "010203", "9000", [][2]string{{"00b0000010", "016102"}, {"00c0000002", "02036100"}, {"00c0000000", "9000"}}, 9},
		{"errors are the caller's", "", "6a82", [][2]string{{"00b0000010", "6a82"}}, 2},
	} {
		s := &script{t, c.script}
		ch := apdu.NewChannel(s)
		r, err := ch.Send(context.Background(), apdu.Command{INS: 0xB0, Le: 16})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if hex.EncodeToString(r.Data) != c.data || len(s.lines) != 0 || ch.APDUs() != len(c.script) || ch.Bytes() != c.bytes {
			t.Errorf("%s: data %x sw %s, %d apdus, %d bytes", c.name, r.Data, r.SW, ch.APDUs(), ch.Bytes())
		}
	}
}

func TestSendBoundsChaining(t *testing.T) {
	ch := apdu.NewChannel(endless{})
	if _, err := ch.Send(context.Background(), apdu.Command{INS: 0xB0, Le: 16}); err == nil {
		t.Fatal("an endless response was accepted")
	}
}

type endless struct{}

func (endless) Transmit(context.Context, []byte) ([]byte, error) {
	return append(make([]byte, 255), 0x61, 0x00), nil
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{0x01, 0x61, 0x10})
	f.Add([]byte{0x6C})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if err != nil {
			return
		}
		if len(r.Data)+2 != len(b) {
			t.Fatal("bytes lost")
		}
		if n, ok := r.SW.More(); ok && (n < 1 || n > 256) {
			t.Fatalf("61xx gives %d", n)
		}
		if n, ok := r.SW.ExactLe(); ok && (n < 1 || n > 256) {
			t.Fatalf("6Cxx gives %d", n)
		}
	})
}
