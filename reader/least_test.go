package reader_test

import (
	"context"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
)

// Over cards and readers of every size the commands stay within five in a
// hundred of the fewest that are possible.
func TestFewCommands(t *testing.T) {
	store := anchors(t)
	for _, personality := range []string{"bac", "pace-gm", "pace-cam", "cccd-2021", "epassport-td3"} {
		for _, size := range []struct{ card, reader int }{{65536, 0}, {65536, 4096}, {65536, 1000}, {65536, 522}, {65536, 256}, {256, 0}} {
			l, key, _ := special(t, 0, lds.Spec{Personality: personality, PadDG2: 20000}, icc.Options{MaxResponse: size.card})
			maxLe := size.reader
			if size.card <= 256 {
				maxLe = 256 // the card says so in its ATR
			}
			doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now, MaxLe: maxLe})
			if err != nil || doc.PA.State != eid.CheckOK {
				t.Errorf("%s, card %d, reader %d: %v %+v", personality, size.card, size.reader, err, doc.PA)
				continue
			}
			ratio := float64(doc.APDUs) / float64(doc.LeastAPDUs)
			t.Logf("%s, card %d, reader %d: %d commands, %d are possible: %.3f", personality, size.card, size.reader, doc.APDUs, doc.LeastAPDUs, ratio)
			if ratio > 1.05 || doc.APDUs < doc.LeastAPDUs {
				t.Errorf("%s, card %d, reader %d: %d commands, %d are possible", personality, size.card, size.reader, doc.APDUs, doc.LeastAPDUs)
			}
		}
	}
}
