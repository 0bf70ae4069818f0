package reader_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
)

// Cards of other makers, as far as they differ outside of secure messaging. Each
// answers a plain command itself or leaves it (nil) to the usual card.
var strangers = map[string]func(cmd []byte) []byte{
	"no master file, no EF.CardAccess: 6D00": func(cmd []byte) []byte {
		if cmd[1] == 0xB0 || cmd[1] == 0xA4 && cmd[2] != 0x04 {
			return []byte{0x6D, 0x00}
		}
		return nil
	},
	"no master file: 6982": func(cmd []byte) []byte {
		if cmd[1] == 0xB0 || cmd[1] == 0xA4 && cmd[2] != 0x04 {
			return []byte{0x69, 0x82}
		}
		return nil
	},
	"no master file: 6A86 and 6985": func(cmd []byte) []byte {
		switch {
		case cmd[1] == 0xB0:
			return []byte{0x69, 0x85}
		case cmd[1] == 0xA4 && cmd[2] != 0x04:
			return []byte{0x6A, 0x86}
		}
		return nil
	},
	"no applet before SELECT: 6999": func(cmd []byte) []byte {
		if cmd[1] != 0xA4 && cmd[1] != 0x84 && cmd[1] != 0x82 && cmd[1] != 0xC0 || cmd[1] == 0xA4 && cmd[2] != 0x04 {
			return []byte{0x69, 0x99}
		}
		return nil
	},
}

func TestStrangers(t *testing.T) {
	id := identity(t, 1, "foreigner")
	for name, stranger := range strangers {
		for _, o := range []icc.Options{{}, {MaxResponse: 256}, {Fault: "more-61xx"}, {Fault: "le-6cxx"}} {
			l := newLine(t, 1, "foreigner", o)
			l.answer = func(_ int, cmd []byte) ([]byte, error) {
				if cmd[0]&0x0C != 0 {
					return nil, nil
				}
				return stranger(cmd), nil
			}
			doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: anchors(t), Now: now, All: true})
			if err != nil || doc.Access != "BAC" || doc.PA.State != eid.CheckOK || len(doc.Portrait) == 0 {
				t.Errorf("%s, %+v: %v %s %+v", name, o, err, doc.Access, doc.PA)
			}
		}
	}
}

// A card that knows SELECT with P2 00 only, and answers with file control
// information.
func TestSelectWithAnswer(t *testing.T) {
	id := identity(t, 1, "foreigner")
	l := newLine(t, 1, "foreigner", icc.Options{})
	l.answer = func(_ int, cmd []byte) ([]byte, error) {
		if !bytes.HasPrefix(cmd, []byte{0x00, 0xA4}) {
			return nil, nil
		}
		if cmd[3] != 0x00 {
			return []byte{0x6A, 0x86}, nil
		}
		plain := bytes.Clone(cmd[:5+cmd[4]])
		plain[3] = 0x0C
		answer := l.card.Process(plain)
		if !bytes.Equal(answer, []byte{0x90, 0x00}) {
			return answer, nil
		}
		return []byte{0x6F, 0x09, 0x84, 0x07, 0xA0, 0, 0, 2, 0x47, 0x10, 1, 0x90, 0x00}, nil
	}
	doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: anchors(t), Now: now})
	if err != nil || doc.PA.State != eid.CheckOK {
		t.Errorf("%v %+v", err, doc.PA)
	}
	// Selected, with the warning that its data may be corrupted.
	l = newLine(t, 1, "foreigner", icc.Options{})
	l.answer = func(_ int, cmd []byte) ([]byte, error) {
		if bytes.HasPrefix(cmd, []byte{0x00, 0xA4, 0x04}) {
			l.card.Process(cmd)
			return []byte{0x62, 0x83}, nil
		}
		return nil, nil
	}
	if _, err = reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: anchors(t), Now: now}); err != nil {
		t.Errorf("warning: %v", err)
	}
}
