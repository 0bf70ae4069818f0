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

func TestTamperedPortrait(t *testing.T) {
	l := newLine(t, 0, "citizen", icc.Options{Fault: "dg2-byte"})
	doc, err := reader.Read(context.Background(), l, keyOf(identity(t, 0, "citizen")), reader.Options{Trust: anchors(t), Now: now})
	if err != nil || doc.PA != (eid.Check{State: eid.CheckFailed, Reason: "hash of DG2 differs from the security object"}) {
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
	copy(b[bytes.Index(b, []byte(old)):], with) // panics if old is not there
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
