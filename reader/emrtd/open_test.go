package emrtd_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/emrtd"
	"github.com/enrold/enrold/reader/mrz"
)

// card is an emulated card that keeps what was sent in the clear.
type card struct {
	*icc.Card
	plain  []string // CLA INS P1 P2 in hexadecimal
	answer func(n int, cmd []byte) []byte
	n      int
}

func (c *card) Transmit(_ context.Context, cmd []byte) ([]byte, error) {
	if cmd[0]&0x0C != 0x0C {
		c.plain = append(c.plain, fmt.Sprintf("%X", cmd[:4]))
	}
	c.n++
	if c.answer != nil {
		if b := c.answer(c.n, cmd); b != nil {
			return b, nil
		}
	}
	return c.Process(cmd), nil
}

func insert(t testing.TB, personality, fault string) (*card, emrtd.Terms) {
	t.Helper()
	p, err := persons.Get(0)
	if err != nil {
		t.Fatal(err)
	}
	var portrait bytes.Buffer
	if err := jpeg.Encode(&portrait, image.NewGray(image.Rect(0, 0, 60, 80)), nil); err != nil {
		t.Fatal(err)
	}
	chip, err := lds.Make(p, portrait.Bytes(), lds.Spec{Personality: personality})
	if err != nil {
		t.Fatal(err)
	}
	c, err := icc.New(chip, icc.Options{Fault: fault})
	if err != nil {
		t.Fatal(err)
	}
	short := func(d string) string { return d[2:4] + d[5:7] + d[8:10] }
	id, number := p.Citizen, p.Citizen.PersonalNumber[3:]
	if len(chip.MRZ) == 2 {
		id, number = p.Foreigner, p.Foreigner.DocumentNumber
	}
	key := mrz.Key{Number: number, Birth: short(string(id.Birth)), Expiry: "991231"}
	if id.Expiry != "" {
		key.Expiry = short(string(id.Expiry))
	}
	return &card{Card: c}, emrtd.Terms{Key: key, CAN: chip.CAN, Rand: rand.Reader}
}

func open(c *card, terms emrtd.Terms) (*emrtd.Chip, error) {
	return emrtd.Open(context.Background(), apdu.NewChannel(c), terms, emrtd.Sizes{})
}

const (
	readAccess   = "00B09C00"
	selectMaster = "00A4000C"
	selectAccess = "00A4020C"
	selectApp    = "00A4040C"
	mse          = "0022C1A4"
	chained      = "10860000"
	last         = "00860000"
	challenge    = "00840000"
	external     = "00820000"
)

var paceSteps = []string{mse, chained, chained, chained, last}

// What is sent in the clear, and in which order.
func TestOrderOfAccess(t *testing.T) {
	for _, x := range []struct {
		name, personality, fault string
		change                   func(*emrtd.Terms)
		answer                   func(n int, cmd []byte) []byte
		access                   string
		plain                    []string
	}{
		{"PACE with the CAN", "pace-gm", "", nil, nil, "PACE-GM/CAN", append([]string{readAccess}, paceSteps...)},
		{"PACE with the zone", "pace-gm", "", func(t *emrtd.Terms) { t.CAN = "" }, nil, "PACE-GM/MRZ", append([]string{readAccess}, paceSteps...)},
		{"wrong CAN", "pace-gm", "", func(t *emrtd.Terms) { t.CAN = "000000" }, nil, "PACE-GM/MRZ", slices.Concat([]string{readAccess}, paceSteps, paceSteps)},
		{"no EF.CardAccess", "bac", "", nil, nil, "BAC", []string{readAccess, selectMaster, selectAccess, selectApp, challenge, external}},
		{"master file refused, PACE refused, BAC", "cccd-2021", "pace-fails", nil, func(n int, cmd []byte) []byte {
			if cmd[1] == 0xB0 && cmd[2] == 0x9C {
				return []byte{0x6D, 0x00} // a card that knows no short identifiers
			}
			return nil
		}, "BAC", []string{readAccess, selectMaster, selectAccess, "00B00000", mse, chained, mse, chained, selectApp, challenge, external}},
		{"profile skips the master file", "bac", "", func(t *emrtd.Terms) { t.SelectMF = "skip" }, nil, "BAC", []string{readAccess, selectAccess, selectApp, challenge, external}},
		{"profile requires it", "pace-gm", "", func(t *emrtd.Terms) { t.SelectMF = "require" }, nil, "PACE-GM/CAN", slices.Concat([]string{selectMaster, selectAccess, "00B00000"}, paceSteps)},
		{"reader unfit for PACE", "cccd-2021", "", func(t *emrtd.Terms) { t.AvoidPACE = true }, nil, "BAC", []string{readAccess, selectApp, challenge, external}},
		{"chip authentication mapping", "pace-cam", "", nil, nil, "PACE-CAM/CAN", append([]string{readAccess}, paceSteps...)},
	} {
		c, terms := insert(t, x.personality, x.fault)
		if c.answer = x.answer; x.change != nil {
			x.change(&terms)
		}
		chip, err := open(c, terms)
		if err != nil || chip.Access() != x.access {
			t.Errorf("%s: %v, %s %v", x.name, err, chip.Access(), chip.Attempts())
		}
		if !slices.Equal(c.plain, x.plain) {
			t.Errorf("%s: sent %v\nwant %v", x.name, c.plain, x.plain)
		}
		attempts := chip.Attempts()
		if n := len(attempts); n == 0 || attempts[n-1].Err != nil || attempts[n-1].String() != x.access+": ok" {
			t.Errorf("%s: attempts %v", x.name, attempts)
		}
	}
}

func TestFailuresOfAccess(t *testing.T) {
	for _, x := range []struct {
		name, personality, fault string
		change                   func(*emrtd.Terms)
		want                     error
		tells                    string // in one of the attempts
	}{
		{"only a wrong CAN", "pace-gm", "tries=5", func(t *emrtd.Terms) { t.Key, t.CAN = mrz.Key{}, "000000" }, emrtd.ErrAccessDenied, "4 tries left"},
		{"blocked", "pace-gm", "tries=0", nil, emrtd.ErrBlocked, "blocked"},
		{"wrong zone", "bac", "", func(t *emrtd.Terms) { t.Key.Number = "000000000" }, emrtd.ErrAccessDenied, "BAC"},
		{"only a CAN, and the chip wants BAC", "bac", "", func(t *emrtd.Terms) { t.Key = mrz.Key{} }, emrtd.ErrNotOffered, ""},
		{"nothing at all", "pace-gm", "", func(t *emrtd.Terms) { t.Key, t.CAN = mrz.Key{}, "" }, emrtd.ErrNotOffered, ""},
	} {
		c, terms := insert(t, x.personality, x.fault)
		if x.change != nil {
			x.change(&terms)
		}
		chip, err := open(c, terms)
		if !errors.Is(err, x.want) || chip.Access() != "" && chip.Attempts() == nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if all := fmt.Sprint(chip.Attempts()); !strings.Contains(all, x.tells) {
			t.Errorf("%s: attempts %s", x.name, all)
		}
	}
}

// A card that is no travel document is not asked for anything else.
func TestNoApplicationEndsIt(t *testing.T) {
	c, terms := insert(t, "bac", "")
	c.answer = func(int, []byte) []byte { return []byte{0x6A, 0x82} }
	if _, err := open(c, terms); !errors.Is(err, emrtd.ErrNoApplication) || c.plain[len(c.plain)-1] != selectApp {
		t.Error(err, c.plain)
	}
}

// A transport that fails ends it at once, with its own error.
func TestTransportEndsIt(t *testing.T) {
	gone := errors.New("card is gone")
	for n := 1; n <= 7; n++ {
		c, terms := insert(t, "cccd-2021", "")
		line := &broken{card: c, at: n, err: gone}
		_, err := emrtd.Open(context.Background(), apdu.NewChannel(line), terms, emrtd.Sizes{})
		if !errors.Is(err, gone) || line.n != n {
			t.Errorf("command %d: %v after %d", n, err, line.n)
		}
	}
}

type broken struct {
	*card
	at, n int
	err   error
}

func (b *broken) Transmit(ctx context.Context, cmd []byte) ([]byte, error) {
	if b.n++; b.n >= b.at {
		return nil, b.err
	}
	return b.card.Transmit(ctx, cmd)
}
