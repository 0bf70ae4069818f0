package reader_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/trust"
)

const photos = "../build/photos"

var now = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// line is an emulated card without a reader between. It records what was sent,
// and answer may put another answer in place of the card's.
type line struct {
	card   *icc.Card
	sent   [][]byte
	answer func(n int, cmd []byte) ([]byte, error)
}

func (l *line) Transmit(_ context.Context, cmd []byte) ([]byte, error) {
	l.sent = append(l.sent, bytes.Clone(cmd))
	if l.answer != nil {
		if b, err := l.answer(len(l.sent), cmd); b != nil || err != nil {
			return b, err
		}
	}
	return l.card.Process(cmd), nil
}

func newLine(t testing.TB, person int, document string, o icc.Options) *line {
	t.Helper()
	if _, err := os.Stat(photos); err != nil {
		t.Skip("photographs are missing: run make setup")
	}
	chip, err := lds.Load(person, document, photos)
	if err != nil {
		t.Fatal(err)
	}
	card, err := icc.New(chip, o)
	if err != nil {
		t.Fatal(err)
	}
	return &line{card: card}
}

func anchors(t testing.TB) *trust.Store {
	t.Helper()
	files, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := trust.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Load(dir, true); !errors.Is(err, trust.ErrTestAnchor) {
		t.Errorf("a production desk takes the emulator's authorities: %v", err)
	}
	return s
}

func identity(t testing.TB, person int, document string) persons.Identity {
	t.Helper()
	p, err := persons.Get(person)
	if err != nil {
		t.Fatal(err)
	}
	if document == "foreigner" {
		return p.Foreigner
	}
	return p.Citizen
}

func keyOf(id persons.Identity) eid.AccessKey {
	number := id.PersonalNumber
	if number == "" {
		number = id.DocumentNumber
	}
	return eid.AccessKey{Number: eid.Private(number), Birth: id.Birth, Expiry: id.Expiry}
}

func TestReadEveryPerson(t *testing.T) {
	store := anchors(t)
	for i := range persons.Count {
		for _, document := range []string{"citizen", "foreigner"} {
			l := newLine(t, i, document, icc.Options{})
			id := identity(t, i, document)
			var shares []float64
			var files []string
			doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{
				Trust: store, Origin: eid.OriginEmulated, Reader: "line", Now: now,
				Progress: func(share float64, file string) {
					shares, files = append(shares, share), append(files, file)
				},
			})
			if err != nil {
				t.Errorf("%s %d: %v", document, i, err)
				continue
			}
			h := doc.Holder
			if h.PersonalNumber.Reveal() != id.PersonalNumber || h.DocumentNumber.Reveal() != id.DocumentNumber || h.Birth != id.Birth ||
				h.Expiry != id.Expiry || h.Sex != id.Sex || h.Nationality != id.Nationality || h.NameMRZ.Reveal() != id.NameMRZ {
				t.Errorf("%s %d: holder differs from the card", document, i)
			}
			if document == "citizen" && (h.Name.Reveal() != id.Name || h.Residence.Reveal() != id.Residence || h.PlaceOfOrigin.Reveal() != id.PlaceOfOrigin || h.Issued != id.Issued || doc.Kind != eid.DocumentCCCD) {
				t.Errorf("%s %d: person data of DG13 differ from the card", document, i)
			}
			if document == "foreigner" && doc.Kind != eid.DocumentPassport {
				t.Errorf("%s %d: kind %s", document, i, doc.Kind)
			}
			if doc.PA.State != eid.CheckOK || doc.CA.State != eid.CheckNotPossible || doc.AA.State != eid.CheckNotPossible || doc.Access != "BAC" {
				t.Errorf("%s %d: pa %+v ca %+v aa %+v access %s", document, i, doc.PA, doc.CA, doc.AA, doc.Access)
			}
			if _, err := jpeg.DecodeConfig(bytes.NewReader(doc.Portrait)); err != nil || doc.PortraitType != "image/jpeg" {
				t.Errorf("%s %d: portrait: %v", document, i, err)
			}
			if !slices.IsSorted(shares) || shares[len(shares)-1] != 1 && document == "citizen" || files[len(files)-1] != "DG2" {
				t.Errorf("%s %d: progress %v of %v", document, i, shares, files)
			}
			if doc.APDUs != len(l.sent) || doc.Bytes < len(doc.Portrait) || doc.Signer == "" || len(doc.TrustSHA256) != 32 || doc.TrustTime.IsZero() || len(doc.SODSHA256) != 32 {
				t.Errorf("%s %d: record is incomplete", document, i)
			}
		}
	}
}

// Whatever the card takes at once, the file comes out the same, and not one
// READ BINARY is sent in the clear once the application is selected.
func TestReadAnyResponseSize(t *testing.T) {
	store := anchors(t)
	id := identity(t, 1, "citizen")
	var first []eid.DataGroup
	for _, size := range []int{0, 4096, 1024, 300, 256} {
		l := newLine(t, 1, "citizen", icc.Options{MaxResponse: size})
		doc, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: store, Now: now})
		if err != nil || doc.PA.State != eid.CheckOK {
			t.Errorf("response size %d: %v %+v", size, err, doc.PA)
			continue
		}
		if first == nil {
			first = doc.DataGroups
		}
		for i, g := range doc.DataGroups {
			if !bytes.Equal(g.SHA256, first[i].SHA256) {
				t.Errorf("response size %d: DG%d differs", size, g.Number)
			}
		}
		t.Logf("response size %d: %d commands, %d bytes", size, doc.APDUs, doc.Bytes)
		mustNotReadPlain(t, l.sent)
	}
}

// A file of more than 32 KiB needs READ BINARY with the offset as a data object.
func TestReadLargePortrait(t *testing.T) {
	p, err := persons.Get(0)
	if err != nil {
		t.Fatal(err)
	}
	noise := image.NewGray(image.Rect(0, 0, 300, 400))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = byte(random.Uint32())
	}
	var portrait bytes.Buffer
	if err := jpeg.Encode(&portrait, noise, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	if portrait.Len() < 48<<10 {
		t.Fatalf("portrait of %d bytes is too small for this test", portrait.Len())
	}
	for _, size := range []int{0, 4096, 256} {
		chip, err := lds.Citizen(p, portrait.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		card, err := icc.New(chip, icc.Options{MaxResponse: size})
		if err != nil {
			t.Fatal(err)
		}
		l := &line{card: card}
		doc, err := reader.Read(context.Background(), l, keyOf(p.Citizen), reader.Options{Trust: anchors(t), Now: now})
		if err != nil || doc.PA.State != eid.CheckOK || !bytes.Equal(doc.Portrait, portrait.Bytes()) {
			t.Errorf("response size %d: %v %+v", size, err, doc.PA)
		}
		mustNotReadPlain(t, l.sent)
		t.Logf("response size %d: portrait of %d bytes, %d commands", size, portrait.Len(), doc.APDUs)
	}
}

func mustNotReadPlain(t *testing.T, sent [][]byte) {
	t.Helper()
	selected := false
	for i, c := range sent {
		if bytes.Contains(c, []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}) {
			selected = true
		}
		if selected && c[0]&0x0C != 0x0C && (c[1] == 0xB0 || c[1] == 0xB1) {
			t.Errorf("command %d reads in the clear", i+1)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	store, id := anchors(b), identity(b, 0, "citizen")
	l := newLine(b, 0, "citizen", icc.Options{})
	for b.Loop() {
		l.card.Reset()
		if _, err := reader.Read(context.Background(), l, keyOf(id), reader.Options{Trust: store, Now: now}); err != nil {
			b.Fatal(err)
		}
	}
}
