package reader_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/trust"
)

func TestTamperedPortrait(t *testing.T) {
	l := newLine(t, 0, "citizen", icc.Options{Fault: "dg2-byte"})
	doc, err := reader.Read(context.Background(), l, keyOf(identity(t, 0, "citizen")), reader.Options{Trust: anchors(t), Now: now})
	if err != nil || doc.PA != (eid.Check{State: eid.CheckFailed, Word: "dg-hash", Reason: "hash of DG2 differs from the security object"}) {
		t.Fatalf("%v %+v", err, doc.PA)
	}
	if doc.Holder.Name == "" || len(doc.Portrait) == 0 {
		t.Error("the content is not returned")
	}
}

func TestEmptyTrustStore(t *testing.T) {
	empty, err := trust.Load("", true)
	if err != nil {
		t.Fatal(err)
	}
	l := newLine(t, 0, "citizen", icc.Options{})
	doc, err := reader.Read(context.Background(), l, keyOf(identity(t, 0, "citizen")), reader.Options{Trust: empty, Now: now})
	if err != nil || doc.PA.State != eid.CheckNotPossible || doc.PA.Reason != "no CSCA certificate of the issuer in the trust store" {
		t.Fatalf("%v %+v", err, doc.PA)
	}
}

func TestWrongKey(t *testing.T) {
	for name, key := range map[string]eid.AccessKey{
		"another person": keyOf(identity(t, 1, "citizen")),
		"wrong expiry":   {Number: keyOf(identity(t, 0, "citizen")).Number, Birth: "1964-05-16", Expiry: "2030-01-01"},
	} {
		l := newLine(t, 0, "citizen", icc.Options{})
		_, err := reader.Read(context.Background(), l, key, reader.Options{Trust: anchors(t), Now: now})
		if eid.CodeOf(err) != eid.CodeChipAccess {
			t.Errorf("%s: %v", name, err)
		}
		mustNotReadPlain(t, l.sent)
	}
}

// An unprotected status word must not end the reading: the session is opened
// again, and only an optional file may stay away.
func TestUnprotectedStatusEndsNothing(t *testing.T) {
	store, id := anchors(t), identity(t, 2, "citizen")
	clean := newLine(t, 2, "citizen", icc.Options{})
	want, err := reader.Read(context.Background(), clean, keyOf(id), reader.Options{Trust: store, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	survived := 0
	for n := 1; n <= len(clean.sent); n++ {
		for _, sw := range [][]byte{{0x6A, 0x82}, {0x67, 0x00}, {0x6C, 0x10}} {
			l := newLine(t, 2, "citizen", icc.Options{})
			l.answer = func(i int, cmd []byte) ([]byte, error) {
				if i == n && cmd[0]&0x0C == 0x0C {
					l.card.Process(cmd)
					return sw, nil
				}
				return nil, nil
			}
			doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: store, Now: now})
			mustNotReadPlain(t, l.sent)
			if err != nil {
				if eid.CodeOf(err) != eid.CodeChipRead {
					t.Errorf("command %d, %X: %v", n, sw, err)
				}
				continue
			}
			survived++
			if doc.PA.State != eid.CheckOK || !bytes.Equal(doc.Portrait, want.Portrait) {
				t.Errorf("command %d, %X: pa %+v", n, sw, doc.PA)
			}
		}
	}
	if survived < len(clean.sent) {
		t.Errorf("only %d of %d readings survived", survived, 3*len(clean.sent))
	}
}

// The transport's codes reach the officer unchanged, at any command.
func TestCardRemovedAtAnyCommand(t *testing.T) {
	store, id := anchors(t), identity(t, 3, "citizen")
	for n := 1; ; n++ {
		l := newLine(t, 3, "citizen", icc.Options{})
		hit := false
		l.answer = func(i int, _ []byte) ([]byte, error) {
			if i == n {
				hit = true
				return nil, eid.Fail(eid.CodeChipRemoved, "transmit", nil)
			}
			return nil, nil
		}
		doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: store, Now: now})
		if !hit {
			if err != nil || n < 10 {
				t.Errorf("after %d commands: %v", n, err)
			}
			return
		}
		if eid.CodeOf(err) != eid.CodeChipRemoved || doc.PA.State == eid.CheckOK {
			t.Fatalf("command %d: %v", n, err)
		}
	}
}

func TestContradictions(t *testing.T) {
	id := identity(t, 4, "citizen")
	other, err := lds.Load(3, "citizen", photos)
	if err != nil {
		t.Skip("photographs are missing: run make setup")
	}
	own, err := lds.Load(4, "citizen", photos)
	if err != nil {
		t.Fatal(err)
	}
	// A chip that opens with one document's key and holds, properly signed, another's data.
	forged := *other
	forged.BAC = own.BAC
	card, err := icc.New(&forged, icc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := reader.Read(context.Background(), &line{card: card}, keyOf(id), reader.Options{Trust: anchors(t), Now: now})
	if eid.CodeOf(err) != eid.CodeChipMismatch || doc.PA.State != eid.CheckOK {
		t.Errorf("%v %+v", err, doc.PA)
	}
	// The zone's last line is in no access key: only whole lines show it.
	key := eid.AccessKey{}
	for _, l := range own.MRZ {
		key.MRZ = append(key.MRZ, eid.Private(l))
	}
	card, err = icc.New(own, icc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Read(context.Background(), &line{card: card}, key, reader.Options{Trust: anchors(t), Now: now}); err != nil {
		t.Errorf("own lines: %v", err)
	}
	key.MRZ[2] = "Y<<BHAM<EBANN<<<<<<<<<<<<<<<<<"
	card.Reset()
	if _, err := reader.Read(context.Background(), &line{card: card}, key, reader.Options{Trust: anchors(t), Now: now}); eid.CodeOf(err) != eid.CodeChipMismatch {
		t.Errorf("another name on the document: %v", err)
	}
}

// A chip that was changed and no longer makes sense is a forgery first: the
// check fails, and what could be read is there.
func TestDamageIsForgeryFirst(t *testing.T) {
	id := identity(t, 0, "citizen")
	for name, damage := range map[string]func(map[uint16][]byte){
		"name in DG1":        func(f map[uint16][]byte) { swap(f[lds.DG(1)], "NGUYEN", "NGUYEM") },
		"check digit in DG1": func(f map[uint16][]byte) { swap(f[lds.DG(1)], "6405", "6406") },
		"DG13":               func(f map[uint16][]byte) { f[lds.DG(13)][5] ^= 0xFF },
		"name in DG13":       func(f map[uint16][]byte) { swap(f[lds.DG(13)], " AN", " EN") },
	} {
		chip, err := lds.Load(0, "citizen", photos)
		if err != nil {
			t.Skip("photographs are missing: run make setup")
		}
		damage(chip.Files)
		card, err := icc.New(chip, icc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := reader.Read(context.Background(), &line{card: card}, keyOf(id), reader.Options{Trust: anchors(t), Now: now})
		if err != nil || doc.PA.State != eid.CheckFailed || len(doc.Portrait) == 0 {
			t.Errorf("%s: %v %+v", name, err, doc.PA)
		}
	}
}

func swap(b []byte, old, with string) {
	at := bytes.Index(b, []byte(old))
	if at < 0 {
		panic("the text to change is not there")
	}
	copy(b[at:], with)
}

// An authentic chip whose files contradict each other.
func TestNameOfDG13Differs(t *testing.T) {
	p, err := persons.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]eid.Code{
		"ĐẶNG HỮU ĐỨC": "", "ĐẶNG HỮU ĐỨƠC": eid.CodeChipMismatch, "TRẦN THỊ B": eid.CodeChipMismatch,
	} {
		p.Citizen.Name = name
		paths, err := p.Photos(photos)
		if err != nil {
			t.Skip("photographs are missing: run make setup")
		}
		photo, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		chip, err := lds.Citizen(p, photo)
		if err != nil {
			t.Fatal(err)
		}
		card, err := icc.New(chip, icc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := reader.Read(context.Background(), &line{card: card}, keyOf(p.Citizen), reader.Options{Trust: anchors(t), Now: now})
		if doc.PA.State != eid.CheckOK || (want == "") != (err == nil) || err != nil && eid.CodeOf(err) != want {
			t.Errorf("%s: %v %+v", name, err, doc.PA)
		}
	}
}

func TestNoApplication(t *testing.T) {
	l := newLine(t, 0, "citizen", icc.Options{})
	l.answer = func(int, []byte) ([]byte, error) { return []byte{0x6A, 0x82}, nil }
	if _, err := reader.Read(context.Background(), l, keyOf(identity(t, 0, "citizen")), reader.Options{Trust: anchors(t)}); eid.CodeOf(err) != eid.CodeDocumentKind {
		t.Error(err)
	}
}
