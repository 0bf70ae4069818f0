package reader_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/genuine"
)

// A session that a card drops anywhere after access is opened again by the same
// procedure, in the master file for PACE, and the reading ends as if nothing
// had happened.
func TestSessionDropped(t *testing.T) {
	store := anchors(t)
	for _, personality := range []string{"cccd-2021", "pace-cam", "pace-im+secp256r1+3des", "epassport-td3", "ca"} {
		l, key, _ := special(t, 0, lds.Spec{Personality: personality}, icc.Options{MaxResponse: 2048})
		clean, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if err != nil {
			t.Fatal(personality, err)
		}
		unproven := false
		for n := firstProtected(l.sent) + 1; n <= len(l.sent); n += 2 {
			l, key, _ := special(t, 0, lds.Spec{Personality: personality}, icc.Options{MaxResponse: 2048, Fault: fmt.Sprintf("plain-sw@%d=6988", n)})
			doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
			mustNotReadPlain(t, l.sent)
			if err != nil {
				t.Errorf("%s, command %d: %v", personality, n, err)
				continue
			}
			if doc.CA.Word == genuine.WordWrongProof && !unproven {
				// The first command under the keys of chip authentication: a copy without
				// the key would answer just so.
				unproven, doc.CA = true, clean.CA
			}
			if state(doc) != state(clean) || doc.Access != clean.Access || !bytes.Equal(doc.Portrait, clean.Portrait) {
				t.Errorf("%s, command %d: %s PA %+v CA %+v AA %+v", personality, n, doc.Access, doc.PA, doc.CA, doc.AA)
			}
		}
	}
}

func firstProtected(sent [][]byte) int {
	for i, c := range sent {
		if c[0]&0x0C == 0x0C {
			return i + 1
		}
	}
	return len(sent)
}
