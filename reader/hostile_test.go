package reader_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/trust"
)

// fate is what happens to the answer to one command.
type fate struct {
	command int // from 0
	kind    byte
	a, b    byte
}

const fateBytes = 4

// fates reads a script: four bytes each.
func fates(script []byte) map[int]fate {
	m := map[int]fate{}
	for ; len(script) >= fateBytes; script = script[fateBytes:] {
		m[int(script[0])] = fate{int(script[0]), script[1], script[2], script[3]}
	}
	return m
}

// hostile is a card whose answers an attacker changes. It checks that the
// reader never reads in the clear once access control began, and that it stops.
type hostile struct {
	t     testing.TB
	card  *icc.Card
	fates map[int]fate
	began bool
	sent  int
	last  []byte
}

const mostCommands = 4000

func (h *hostile) Transmit(_ context.Context, cmd []byte) ([]byte, error) {
	h.check(cmd)
	answer := h.card.Process(cmd)
	if f, ok := h.fates[h.sent]; ok {
		answer = h.change(f, answer)
	}
	h.sent++
	h.last = answer
	return answer, nil
}

func (h *hostile) check(cmd []byte) {
	if h.sent > mostCommands {
		h.t.Fatal("the reading does not end")
	}
	plain := cmd[0]&0x0C != 0x0C
	if plain && (cmd[1] == 0xB0 || cmd[1] == 0xB1) && h.began {
		h.t.Fatalf("command %d reads in the clear after access control began: %X", h.sent, cmd)
	}
	// MSE:Set, GENERAL AUTHENTICATE, GET CHALLENGE, EXTERNAL AUTHENTICATE, and the
	// selection of the application.
	h.began = h.began || bytes.IndexByte([]byte{0x22, 0x86, 0x84, 0x82}, cmd[1]) >= 0 || cmd[1] == 0xA4 && cmd[2] == 0x04
}

func (h *hostile) change(f fate, answer []byte) []byte {
	switch f.kind % 9 {
	case 0: // another status word
		return []byte{f.a, f.b}
	case 1: // one of those that readers take for something
		known := [][]byte{{0x90, 0}, {0x62, 0x82}, {0x63, 0xC0}, {0x63, 0xC5}, {0x67, 0}, {0x69, 0x82}, {0x69, 0x83}, {0x69, 0x88}, {0x6A, 0x82}, {0x6B, 0}, {0x6C, 0x10}, {0x6D, 0}, {0x61, 0x08}}
		return known[int(f.a)%len(known)]
	case 2: // one bit
		b := bytes.Clone(answer)
		b[int(f.a)%len(b)] ^= 1 << (f.b % 8)
		return b
	case 3: // cut short
		return bytes.Clone(answer[:int(f.a)%(len(answer)+1)])
	case 4: // status word after the same data
		return append(bytes.Clone(answer[:len(answer)-2]), f.a, f.b)
	case 5: // the last answer again
		if h.last != nil {
			return h.last
		}
		return nil
	case 6: // the card lost power
		h.card.Reset()
		return []byte{0x6F, 0}
	case 7: // data where there were none
		return append(bytes.Repeat([]byte{f.a}, int(f.b)+1), 0x90, 0)
	}
	return append(append([]byte{f.a, f.b}, answer...), 0x90, 0) // longer
}

// attack reads a card under a script and checks what must hold whatever happens.
func attack(t testing.TB, chip *lds.Chip, key eid.AccessKey, store *trust.Store, script []byte) {
	card, err := icc.New(chip, icc.Options{Random: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, card: card, fates: fates(script)}
	doc, err := reader.Read(context.Background(), h, key, reader.Options{Trust: store, Now: now, Rand: rand.NewChaCha8([32]byte{2})})
	if err != nil && eid.CodeOf(err) == eid.CodeInternal {
		t.Fatalf("error without a code: %v", err)
	}
	if err == nil && doc.PA.State == eid.CheckOK && !bytes.Contains(chip.Files[lds.DG(2)], doc.Portrait) {
		t.Fatal("a portrait that is not the card's passed")
	}
	if (doc.CA.State == eid.CheckOK || doc.AA.State == eid.CheckOK) && doc.PA.State != eid.CheckOK {
		t.Fatalf("chip proven without passive authentication: %+v", doc.PA)
	}
}

// victims are cards with every access procedure and proof; the number says
// which.
func victims(t testing.TB) ([]*lds.Chip, []eid.AccessKey) {
	t.Helper()
	if _, err := os.Stat(photos); err != nil {
		t.Skip("photographs are missing: run make setup")
	}
	var chips []*lds.Chip
	var keys []eid.AccessKey
	for _, name := range []string{"bac", "cccd-2021", "pace-cam", "pace-im", "ca", "aa-ecdsa", "pace-gm+dh-2+3des"} {
		chip, err := lds.LoadSpec(0, photos, lds.Spec{Personality: name})
		if err != nil {
			t.Fatal(err)
		}
		key := keyOf(identity(t, 0, "citizen"))
		key.CAN = eid.Private(chip.CAN)
		chips, keys = append(chips, chip), append(keys, key)
	}
	return chips, keys
}

// No sequence of card answers makes the reader send a READ BINARY in the clear
// after access control began, loop, or trust what is not authentic.
func TestNoAnswerMakesItReadInTheClear(t *testing.T) {
	chips, keys := victims(t)
	store := anchors(t)
	rapid.Check(t, func(rt *rapid.T) {
		which := rapid.IntRange(0, len(chips)-1).Draw(rt, "card")
		var script []byte
		for range rapid.IntRange(1, 6).Draw(rt, "changes") {
			script = append(script, byte(rapid.IntRange(0, 40).Draw(rt, "command")), byte(rapid.IntRange(0, 8).Draw(rt, "kind")), rapid.Byte().Draw(rt, "a"), rapid.Byte().Draw(rt, "b"))
		}
		attack(t, chips[which], keys[which], store, script)
	})
}

// Every single answer, refused in some of the known ways.
func TestEveryAnswerRefused(t *testing.T) {
	chips, keys := victims(t)
	store := anchors(t)
	for which := range chips {
		for command := range 14 {
			for k := range 2 {
				attack(t, chips[which], keys[which], store, []byte{byte(command), 1, byte(command*3 + which + k*5), 0})
			}
		}
	}
}

// The fuzzer is the transceiver: its input says which answers of a card are
// changed and how.
func FuzzTransceiver(f *testing.F) {
	chips, keys := victims(f)
	store := anchors(f)
	for i := range chips {
		f.Add(byte(i), []byte{2, 0, 0x69, 0x82})
		f.Add(byte(i), []byte{3, 2, 10, 1, 6, 5, 0, 0})
		f.Add(byte(i), []byte{4, 1, 2, 0, 9, 6, 0, 0, 12, 3, 7, 0})
		f.Add(byte(i), []byte{0, 7, 0x31, 0x80, 5, 8, 0x7C, 0x80, 20, 4, 0x6C, 0x01})
	}
	f.Fuzz(func(t *testing.T, which byte, script []byte) {
		n := int(which) % len(chips)
		attack(t, chips[n], keys[n], store, script)
	})
}
