package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/chip"
)

// readResult is what enrold read prints: the document and the verdict over it.
type readResult struct {
	eid.ChipDocument
	Exit       int          `json:"exit"` // the command's exit status
	Failure    *eid.Failure `json:"failure,omitempty"`
	Cause      string       `json:"cause,omitempty"` // of the failure, for technicians
	Notes      []string     `json:"notes,omitempty"`
	DurationMS int64        `json:"duration_ms"`
}

// judge decides the exit status. A document that no procedure takes was read
// all the same.
func judge(i chip.Inspection) readResult {
	r := readResult{ChipDocument: i.Document, DurationMS: i.Duration.Milliseconds()}
	if i.Unfit {
		r.Notes = append(r.Notes, "the reader's profile marks it as not for PACE: it asks for no waiting time extensions")
	}
	if i.Err != nil {
		f := eid.Explain(eid.CodeOf(i.Err))
		r.Failure, r.Cause = &f, i.Err.Error()
	}
	for _, c := range r.checks() {
		if c.State == eid.CheckFailed {
			r.Exit = exitCheckFailed
		}
	}
	for _, c := range r.Comparisons {
		if c.Result == eid.AgreementMismatch {
			r.Exit = exitCheckFailed
		}
	}
	switch code := eid.CodeOf(i.Err); {
	case i.Err == nil, code == eid.CodeDocumentKind && len(r.MRZ) > 0:
	case code == eid.CodeChipMismatch:
		r.Exit = exitCheckFailed
	default:
		r.Exit = 1
	}
	return r
}

type namedCheck struct {
	name string
	eid.Check
}

func (r readResult) checks() []namedCheck {
	return []namedCheck{
		{"passive authentication", r.PA},
		{"chip authentication", r.CA},
		{"active authentication", r.AA},
		{"EF.CardAccess", r.CardAccess},
		{"fingerprints", r.Fingerprints},
	}
}

func (r readResult) printJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false) // the zone is full of <
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("print document: %w", err)
	}
	return nil
}

func (r readResult) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name string, values ...string) {
		if v := strings.Join(values, "  "); strings.TrimSpace(v) != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, printable(v))
		}
	}
	h := r.Holder
	row("document", string(r.Kind), h.IssuingState)
	row("number", h.DocumentNumber.Reveal())
	row("personal number", h.PersonalNumber.Reveal())
	row("name", h.Name.Reveal())
	row("born", string(h.Birth), h.Sex, h.Nationality)
	row("issued", string(h.Issued))
	if h.DocumentNumber != "" {
		expiry := string(h.Expiry)
		if expiry == "" {
			expiry = "unlimited"
		}
		row("expires", expiry)
	}
	row("residence", h.Residence.Reveal())
	row("place of origin", h.PlaceOfOrigin.Reveal())
	row("old number", h.OldNumber.Reveal())
	for _, d := range r.Details {
		row(string(d.Source)+" "+strings.ReplaceAll(d.Field, "_", " "), d.Value.Reveal())
	}
	for _, l := range r.MRZ {
		row("zone", l.Reveal())
	}
	if len(r.Portrait) > 0 {
		row("portrait", fmt.Sprintf("%s, %d bytes", r.PortraitType, len(r.Portrait)))
	}
	row("access", r.Access)
	for _, a := range r.Attempts {
		row("  tried", a)
	}
	for _, c := range r.checks() {
		if c.State != "" {
			row(c.name, string(c.State), c.Reason)
		}
	}
	row("signer", r.Signer)
	for _, c := range r.Comparisons {
		row("compared", string(c.Result), fmt.Sprintf("%s of %s and %s", strings.ReplaceAll(c.Field, "_", " "), c.A, c.B), c.Tier)
	}
	for _, g := range r.DataGroups {
		row(fmt.Sprintf("DG%d", g.Number), fmt.Sprintf("%d bytes, SHA-256 %X", g.Bytes, g.SHA256))
	}
	row("reader", r.Reader)
	row("exchanged", fmt.Sprintf("%d commands, %d bytes, %d ms", r.APDUs, r.Bytes, r.DurationMS))
	for _, n := range r.Notes {
		row("note", n)
	}
	if r.Failure != nil && r.Exit != 1 { // else it is the command's error
		row("failure", string(r.Failure.Code), r.Failure.MessageEN)
		row("", r.Cause)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print document: %w", err)
	}
	return nil
}

// printable keeps what a chip says from steering the terminal or the table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0xFFFD {
			return ' '
		}
		return r
	}, s)
}
