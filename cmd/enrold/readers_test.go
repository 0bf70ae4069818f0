package main

import (
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/chip"
)

func TestReaderState(t *testing.T) {
	for _, c := range []struct {
		readers []chip.Reader
		state   string
		code    eid.Code
		detail  string
	}{
		{nil, "missing", eid.CodeNoReader, ""},
		{[]chip.Reader{{Name: "A", State: "empty"}, {Name: "B", State: "in_use"}}, "ready", "", "A: empty, B: in use"},
		{[]chip.Reader{{Name: "A", State: "mute"}, {Name: "B", State: "empty"}}, "failed", eid.CodeChipRead, "A: mute, B: empty"},
		{[]chip.Reader{{Name: "A", State: "gone"}}, "missing", eid.CodeNoReader, "A: gone"},
	} {
		if state, code, detail := readerState(c.readers); state != c.state || code != c.code || detail != c.detail {
			t.Errorf("%+v: %s %s %q", c.readers, state, code, detail)
		}
	}
}

// The exit status of enrold read.
func TestJudge(t *testing.T) {
	read := eid.ChipDocument{MRZ: []eid.Private{"P<UTO"}, PA: eid.Check{State: eid.CheckNotPossible}}
	with := func(change func(*eid.ChipDocument)) eid.ChipDocument {
		d := read
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		in   chip.Inspection
		exit int
	}{
		"nothing failed":      {chip.Inspection{Document: read}, 0},
		"passive failed":      {chip.Inspection{Document: with(func(d *eid.ChipDocument) { d.PA.State = eid.CheckFailed })}, 3},
		"clone":               {chip.Inspection{Document: with(func(d *eid.ChipDocument) { d.AA.State = eid.CheckFailed })}, 3},
		"sources differ":      {chip.Inspection{Document: read, Err: eid.Fail(eid.CodeChipMismatch, "compare", nil)}, 3},
		"a field differs":     {chip.Inspection{Document: with(func(d *eid.ChipDocument) { d.Comparisons = []eid.Comparison{{Result: eid.AgreementMismatch}} })}, 3},
		"of no procedure":     {chip.Inspection{Document: read, Err: eid.Fail(eid.CodeDocumentKind, "read chip", nil)}, 0},
		"no travel document":  {chip.Inspection{Err: eid.Fail(eid.CodeDocumentKind, "open chip", nil)}, 1},
		"removed":             {chip.Inspection{Document: read, Err: eid.Fail(eid.CodeChipRemoved, "transmit", nil)}, 1},
		"failed, then pulled": {chip.Inspection{Document: with(func(d *eid.ChipDocument) { d.CA.State = eid.CheckFailed }), Err: eid.Fail(eid.CodeChipRemoved, "transmit", nil)}, 1},
	} {
		if r := judge(c.in); r.Exit != c.exit || (r.Failure == nil) != (c.in.Err == nil) {
			t.Errorf("%s: exit %d, failure %v", name, r.Exit, r.Failure)
		}
	}
}
