package reader_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
)

func TestEverythingOfAPassport(t *testing.T) {
	l, key, chip := special(t, 1, lds.Spec{Personality: "epassport-td3"}, icc.Options{})
	var order []string
	doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: anchors(t), Now: now, All: true, Progress: func(_ float64, file string) {
		if len(order) == 0 || order[len(order)-1] != file {
			order = append(order, file)
		}
	}})
	if err != nil || doc.PA.State != eid.CheckOK {
		t.Fatal(err, doc.PA)
	}
	if order[len(order)-1] != "DG2" || slices.Index(order, "DG1") > slices.Index(order, "DG11") {
		t.Errorf("files came in the order %v", order)
	}
	var read []int
	for _, g := range doc.DataGroups {
		if chip.Files[lds.DG(g.Number)] == nil || len(chip.Files[lds.DG(g.Number)]) != g.Bytes {
			t.Errorf("DG%d has %d bytes", g.Number, g.Bytes)
		}
		read = append(read, g.Number)
	}
	for _, n := range []int{1, 2, 7, 11, 12, 14, 15} {
		if !slices.Contains(read, n) {
			t.Errorf("DG%d was not read", n)
		}
	}
	if doc.SignatureType != "image/jpeg" || len(doc.Signature) == 0 || doc.Holder.PlaceOfOrigin == "" || doc.Holder.Issued == "" {
		t.Errorf("signature %d bytes, holder %v", len(doc.Signature), doc.Holder)
	}
	for _, want := range []eid.Detail{{Source: "DG11", Field: "place_of_birth"}, {Source: "DG12", Field: "authority"}} {
		if !slices.ContainsFunc(doc.Details, func(d eid.Detail) bool {
			return d.Source == want.Source && d.Field == want.Field && d.Value != ""
		}) {
			t.Errorf("%s %s is missing", want.Source, want.Field)
		}
	}
	if doc.Fingerprints.Word != "no-file" {
		t.Errorf("%+v", doc.Fingerprints)
	}
}

// What no procedure asks for stays on the chip.
func TestDeskReadsNoMoreThanItNeeds(t *testing.T) {
	l, key, _ := special(t, 1, lds.Spec{Personality: "epassport-td3"}, icc.Options{})
	doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: anchors(t), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range doc.DataGroups {
		if g.Number == 3 || g.Number == 7 || g.Number == 12 || g.Number == 16 {
			t.Errorf("DG%d was read", g.Number)
		}
	}
}

// A chip without security object is shown, and is no authentic one.
func TestNoSecurityObject(t *testing.T) {
	l, key, chip := special(t, 0, lds.Spec{Personality: "bac"}, icc.Options{})
	read := func(word string) {
		t.Helper()
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: anchors(t), Now: now})
		if err != nil || doc.PA.State != eid.CheckFailed || doc.PA.Word != word || len(doc.Portrait) == 0 || doc.Holder.Name == "" {
			t.Errorf("%v %+v, portrait of %d bytes", err, doc.PA, len(doc.Portrait))
		}
		l.card.Reset()
	}
	chip.Files[lds.EFSOD] = []byte{0x77, 0x03, 0x30, 0x01, 0x00} // what sample cards carry
	read("sod-malformed")
	chip.Files[lds.EFSOD] = []byte{}
	read("sod-missing")
	delete(chip.Files, lds.EFSOD)
	read("sod-missing")
	delete(chip.Files, lds.EFCom)
	read("sod-missing")
}

// agreements gives the results by field and sources: "name DG13 qr".
func agreements(doc eid.ChipDocument) map[string]eid.Comparison {
	m := map[string]eid.Comparison{}
	for _, c := range doc.Comparisons {
		m[c.Field+" "+string(c.A)+" "+string(c.B)] = c
	}
	return m
}

// limited is a person whose card ends, so that the code and a date open it.
const limited = 1

// codeOf is the card's code of a synthetic citizen.
func codeOf(t *testing.T, name string, birth eid.Date) eid.Private {
	t.Helper()
	id := identity(t, limited, "citizen")
	day := func(d eid.Date) string { return string(d[8:10] + d[5:7] + d[0:4]) }
	sex := map[string]string{"M": "Nam", "F": "Nữ"}[id.Sex]
	return eid.Private(id.PersonalNumber + "||" + name + "|" + day(birth) + "|" + sex + "|" + id.Residence + "|" + day(id.Issued))
}

func TestSourcesAreCompared(t *testing.T) {
	id := identity(t, limited, "citizen")
	store := anchors(t)
	for name, c := range map[string]struct {
		change func(*eid.AccessKey)
		field  string
		want   eid.Agreement
		code   eid.Code
	}{
		"chip alone":            {func(*eid.AccessKey) {}, "name DG1 DG13", eid.AgreementOK, ""},
		"key":                   {func(*eid.AccessKey) {}, "birth DG1 typed", eid.AgreementOK, ""},
		"code":                  {func(k *eid.AccessKey) { k.QR = codeOf(t, id.Name, id.Birth) }, "name DG13 qr", eid.AgreementOK, ""},
		"code opens":            {func(k *eid.AccessKey) { *k = eid.AccessKey{QR: codeOf(t, id.Name, id.Birth), Expiry: k.Expiry} }, "personal_number DG1 qr", eid.AgreementOK, ""},
		"code of another birth": {func(k *eid.AccessKey) { k.QR = codeOf(t, id.Name, "1985-05-17") }, "birth DG1 qr", eid.AgreementMismatch, eid.CodeChipMismatch},
		"code of another name":  {func(k *eid.AccessKey) { k.QR = codeOf(t, "Trần Văn Bình", id.Birth) }, "name DG13 qr", eid.AgreementMismatch, eid.CodeChipMismatch},
		"code is a web address": {func(k *eid.AccessKey) { k.QR = "https://vneid.gov.vn/x" }, "", "", eid.CodeInput},
		"name typed":            {func(k *eid.AccessKey) { k.Name = eid.Private(id.Name) }, "name DG13 typed", eid.AgreementOK, ""},
		"another name typed":    {func(k *eid.AccessKey) { k.Name = "Trần Văn Bình" }, "name DG1 typed", eid.AgreementMismatch, eid.CodeChipMismatch},
	} {
		l, key, _ := special(t, limited, lds.Spec{Personality: "bac", Document: "citizen"}, icc.Options{})
		c.change(&key)
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now})
		if (err == nil) != (c.code == "") || err != nil && eid.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if got := agreements(doc)[c.field]; got.Result != c.want {
			t.Errorf("%s: %s is %q of %v", name, c.field, got.Result, doc.Comparisons)
		}
	}
}

// terminal is a desk that has terminal certificates, as far as the seam goes.
type terminal struct {
	chain [][]byte
	err   error
}

func (m *terminal) Authenticate(_ context.Context, chip reader.Sender, chain [][]byte, number string) error {
	if chip == nil || number == "" {
		return errors.New("no chip or no number")
	}
	m.chain = chain
	return m.err
}

// Fingerprints are reported as protected unless a terminal is there and the chip
// then gives the file: nobody's word counts but the chip's.
func TestProtectedFingerprints(t *testing.T) {
	store := anchors(t)
	chain := [][]byte{{0x7F, 0x21}}
	for name, c := range map[string]struct {
		terminal reader.Terminal
		chain    [][]byte
		word     string
	}{
		"no terminal":            {nil, chain, "no-terminal-certificates"},
		"no certificates":        {&terminal{}, nil, "no-terminal-certificates"},
		"terminal fails":         {&terminal{err: errors.New("card answers 6300")}, chain, "refused"},
		"chip does not agree":    {&terminal{}, chain, "no-terminal-certificates"},
		"all asked, no terminal": {nil, nil, "no-terminal-certificates"},
	} {
		l, key, _ := special(t, 0, lds.Spec{Personality: "dg3-protected"}, icc.Options{})
		doc, err := reader.Read(context.Background(), l, key, reader.Options{Trust: store, Now: now, All: true, Terminal: c.terminal, Chain: c.chain})
		if err != nil || doc.PA.State != eid.CheckOK || doc.Fingerprints.State != eid.CheckNotPossible || doc.Fingerprints.Word != c.word {
			t.Errorf("%s: %v %+v %+v", name, err, doc.PA, doc.Fingerprints)
		}
		if m, ok := c.terminal.(*terminal); ok && len(c.chain) > 0 && len(m.chain) != 1 {
			t.Errorf("%s: the terminal was not asked", name)
		}
	}
}

// BenchmarkOwnProcessing is a reading less the card's own time, which the
// emulated card spends in this process: what the desk itself costs a document.
func BenchmarkOwnProcessing(b *testing.B) {
	for _, personality := range []string{"bac", "pace-gm", "cccd-2021"} {
		b.Run(personality, func(b *testing.B) {
			store := anchors(b)
			l, key, _ := special(b, 0, lds.Spec{Personality: personality, PadDG2: 25000}, icc.Options{})
			watch := &stopwatch{line: l}
			for b.Loop() {
				l.card.Reset()
				if _, err := reader.Read(context.Background(), watch, key, reader.Options{Trust: store, Now: now, MaxLe: 256}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed()-watch.spent)/float64(b.N)/1e6, "own-ms/op")
		})
	}
}

type stopwatch struct {
	line  *line
	spent time.Duration
}

func (s *stopwatch) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	start := time.Now()
	answer, err := s.line.Transmit(ctx, command)
	s.spent += time.Since(start)
	return answer, err
}
