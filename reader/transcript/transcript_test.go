package transcript_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/transcript"
	"github.com/enrold/enrold/reader/trust"
)

func anchors(t *testing.T) *trust.Store {
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
	store, err := trust.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func options(h transcript.Header, store *trust.Store) reader.Options {
	return reader.Options{
		Trust: store, Reader: h.Reader, MaxLe: h.MaxLe, Ladder: h.Ladder, SelectMF: h.SelectMF, AvoidPACE: h.AvoidPACE, All: h.All, Now: h.Now,
	}
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) *transcript.Transcript {
	t.Helper()
	tr, err := transcript.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// Readings of emulated cards through pcscd are repeated from their transcripts,
// to the last byte that the reader sends.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		file, access, number string
		ca, aa               eid.CheckState
	}{
		{"cccd-2021.jsonl", "PACE-GM/MRZ", "085000202", eid.CheckOK, eid.CheckOK},
		{"bac-short.jsonl", "BAC", "X00000303", eid.CheckNotPossible, eid.CheckNotPossible},
	} {
		tr := parse(t, load(t, c.file))
		p, key, err := tr.Play()
		if err != nil {
			t.Fatal(err)
		}
		o := options(tr.Header, anchors(t))
		o.Rand = p.Random()
		doc, err := reader.Read(context.Background(), p, key, o)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if doc.Access != c.access || doc.Holder.DocumentNumber.Reveal() != c.number || doc.PA.State != eid.CheckOK || doc.CA.State != c.ca || doc.AA.State != c.aa {
			t.Errorf("%s: %s %+v %+v %+v", c.file, doc.Access, doc.PA, doc.CA, doc.AA)
		}
		if doc.APDUs != len(tr.Exchanges) || p.Left() != 0 {
			t.Errorf("%s: %d commands, %d left of %d", c.file, doc.APDUs, p.Left(), len(tr.Exchanges))
		}
		if _, err := p.Transmit(context.Background(), []byte{0, 0xB0, 0, 0, 0}); err == nil {
			t.Errorf("%s: plays on after its end", c.file)
		}
	}
}

// Any single bit of what the card said may change, but the status word outside
// of the protection, which means nothing: the document is then not read.
func TestChangedAnswer(t *testing.T) {
	store, raw := anchors(t), load(t, "bac-short.jsonl")
	random := rand.New(rand.NewPCG(1, 2))
	total := len(parse(t, raw).Exchanges)
	for range 300 {
		tr := parse(t, raw)
		e := &tr.Exchanges[random.IntN(total)]
		if len(e.Answer) <= 2 {
			continue
		}
		bit := random.IntN(8 * (len(e.Answer) - 2))
		e.Answer[bit/8] ^= 1 << (bit % 8)
		p, key, err := tr.Play()
		if err != nil {
			t.Fatal(err)
		}
		o := options(tr.Header, store)
		o.Rand = p.Random()
		if _, err := reader.Read(context.Background(), p, key, o); err == nil {
			t.Errorf("bit %d of answer %d changed and the reading passed", bit, e.N)
		}
	}
}

// record reads an emulated card through a recorder.
func record(t *testing.T, card apdu.Transmitter, key eid.AccessKey) (*transcript.Recorder, transcript.Header, eid.ChipDocument) {
	t.Helper()
	r := transcript.NewRecorder(card)
	h := transcript.Header{Reader: "in memory", Ladder: []int{256, 112}}
	o := options(h, anchors(t))
	o.Rand = r.Random(rand.NewChaCha8([32]byte{1}))
	h.Now = o.Now
	doc, err := reader.Read(context.Background(), r, key, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, h, doc
}

type inMemory struct{ card *icc.Card }

func (m inMemory) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if answer := m.card.Process(command); answer != nil {
		return answer, nil
	}
	return nil, eid.Fail(eid.CodeChipRemoved, "transmit", nil)
}

func card(t *testing.T) (inMemory, persons.Identity) {
	t.Helper()
	p, err := persons.Get(3)
	if err != nil {
		t.Fatal(err)
	}
	chip, err := lds.Make(p, load(t, "grey.jpg"), lds.Spec{Personality: "cccd-2021"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := icc.New(chip, icc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inMemory{c}, p.Citizen
}

// Without keys a transcript holds nothing from which the person could be learnt.
func TestRedaction(t *testing.T) {
	c, id := card(t)
	key := eid.AccessKey{Number: eid.Private(id.PersonalNumber), Birth: id.Birth, Expiry: id.Expiry}
	r, h, doc := record(t, c, key)
	var shown, full bytes.Buffer
	if err := r.Write(&shown, h); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteWithKeys(&full, h, key, doc); err != nil {
		t.Fatal(err)
	}
	open, closed := parse(t, full.Bytes()), parse(t, shown.Bytes())
	if len(open.Exchanges) != doc.APDUs || len(closed.Exchanges) != doc.APDUs {
		t.Fatalf("%d and %d lines for %d commands", len(open.Exchanges), len(closed.Exchanges), doc.APDUs)
	}
	if closed.Header.Access != nil || closed.Header.Random != nil || closed.Header.Keys {
		t.Error("the header holds keys")
	}
	if _, _, err := closed.Play(); err == nil {
		t.Error("a transcript without keys can be played")
	}
	text := shown.String()
	for _, secret := range []string{id.PersonalNumber, id.DocumentNumber, id.NameMRZ, id.Name, string(id.Birth)} {
		if strings.Contains(text, secret) || strings.Contains(text, strings.ToUpper(hex.EncodeToString([]byte(secret)))) {
			t.Error("personal data in the transcript")
		}
	}
	for i, e := range open.Exchanges {
		s := closed.Exchanges[i]
		if s.CommandBytes != len(e.Command) || s.AnswerBytes != len(e.Answer) || !bytes.HasSuffix(e.Answer, s.Answer) {
			t.Errorf("line %d: %+v", i+1, s)
		}
		// What is left is at most a status word, and a selection's identifier.
		if len(s.Answer) > 2 || len(s.Command) > 4 && (s.Command[0]&0x0C != 0 || s.Command[1] != 0xA4 && s.Command[1] != 0x22) {
			t.Errorf("line %d shows %X, %X", i+1, []byte(s.Command), []byte(s.Answer))
		}
	}
	// The same reading again, from its own transcript.
	p, again, err := open.Play()
	if err != nil {
		t.Fatal(err)
	}
	o := options(open.Header, anchors(t))
	o.Rand = p.Random()
	if doc2, err := reader.Read(context.Background(), p, again, o); err != nil || doc2.Holder != doc.Holder {
		t.Errorf("played: %v", err)
	}
}

func TestKeysOfRealPersonsAreRefused(t *testing.T) {
	r := transcript.NewRecorder(inMemory{})
	for name, d := range map[string]eid.ChipDocument{
		"nothing read":  {},
		"a real issuer": {Signer: "CN=DS 1,O=Ministry,C=VN", Holder: eid.Holder{IssuingState: "VNM"}},
	} {
		var b bytes.Buffer
		if err := r.WriteWithKeys(&b, transcript.Header{}, eid.AccessKey{}, d); !errors.Is(err, transcript.ErrNotTestCard) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
}

func TestFailureIsRecorded(t *testing.T) {
	c, id := card(t)
	r := transcript.NewRecorder(pulled{c, new(int)})
	_, err := reader.Read(context.Background(), r, eid.AccessKey{Number: eid.Private(id.PersonalNumber), Birth: id.Birth, Expiry: id.Expiry}, options(transcript.Header{}, anchors(t)))
	if eid.CodeOf(err) != eid.CodeChipRemoved {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b, transcript.Header{}); err != nil {
		t.Fatal(err)
	}
	tr := parse(t, b.Bytes())
	if last := tr.Exchanges[len(tr.Exchanges)-1]; last.N != 7 || last.Failure != eid.CodeChipRemoved {
		t.Errorf("%+v", last)
	}
}

// pulled is a card that leaves instead of the seventh answer.
type pulled struct {
	inMemory
	n *int
}

func (p pulled) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if *p.n++; *p.n == 7 {
		return nil, eid.Fail(eid.CodeChipRemoved, "transmit", nil)
	}
	return p.inMemory.Transmit(ctx, command)
}

func FuzzParse(f *testing.F) {
	f.Add(load(f, "bac-short.jsonl"))
	f.Add([]byte(`{"enrold_transcript":1}` + "\n" + `{"n":1,"command":"00"}`))
	f.Add([]byte(`{"enrold_transcript":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := transcript.Parse(bytes.NewReader(b))
		if err != nil {
			return
		}
		if p, _, err := tr.Play(); err == nil {
			for range 3 {
				_, _ = p.Transmit(context.Background(), []byte{0, 0xA4, 4, 0})
			}
		}
	})
}
