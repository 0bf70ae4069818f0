package queue

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// chip seals as a TPM does: only itself opens what it sealed. hw/tpm's tests hold
// the real one to the same contract.
type chip struct {
	aead cipher.AEAD
	fail error
}

func newChip(t *testing.T, secret byte) *chip {
	t.Helper()
	a, err := newAEAD(bytes.Repeat([]byte{secret}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &chip{aead: a}
}

func (c *chip) Seal(secret []byte) ([]byte, error) { return c.aead.Seal(nil, nil, secret, nil), nil }

func (c *chip) Unseal(sealed []byte) ([]byte, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	return c.aead.Open(nil, nil, sealed, nil)
}

func TestDraftsUnderAHardwareKey(t *testing.T) {
	d := openDesk(t)
	d.draftKey = newChip(t, 1)
	d.reopen(t)
	ctx := t.Context()
	visit := newRequest(100)
	for _, step := range []string{"document", "face"} {
		if err := d.Journal().Append(ctx, visit.ID, step, []byte(marker)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (keyring{}).get("enrold:visit:any"); err == nil {
		t.Fatal("the keyring was used")
	}
	searchMarker(t, d.dir)
	old := copyDir(t, d.dir)
	d.reopen(t) // and a power cut would be the same: the key is on the disk, sealed
	id, entries, err := d.Journal().Load(ctx)
	if err != nil || id != visit.ID || len(entries) != 2 || string(entries[1].Data) != marker {
		t.Fatalf("Load = %s, %d entries, %v", id, len(entries), err)
	}

	// A chip that does not answer now loses nothing.
	d.reopen(t)
	d.draftKey.(*chip).fail = eid.Fail(eid.CodeTPM, "unseal", errors.New("busy"))
	if _, _, err := d.Journal().Load(ctx); eid.CodeOf(err) != eid.CodeTPM {
		t.Fatalf("Load without the chip = %v", err)
	}
	d.draftKey.(*chip).fail = nil
	if _, entries, err := d.Journal().Load(ctx); err != nil || len(entries) != 2 {
		t.Fatalf("Load = %d entries, %v", len(entries), err)
	}
	if err := d.Journal().Append(ctx, visit.ID, "finger", nil); err != nil {
		t.Fatal(err)
	}
	_, rows, err := d.journal.rows(ctx)
	if err != nil || len(rows) != 4 || rows[0].Number != 0 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if _, err := d.Enqueue(ctx, visit); err != nil {
		t.Fatal(err)
	}
	if id, _, err := d.Journal().Load(ctx); err != nil || id != "" {
		t.Fatalf("Load after the end = %q, %v", id, err)
	}
	if err := d.Tidy(); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if len(row.Sealed) >= 32 && contains(t, d.dir, row.Sealed) != "" {
			t.Errorf("row %d of the visit is still on the disk", row.Number)
		}
	}

	// On another machine the draft is noise.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.dir, d.draftKey = old, newChip(t, 2)
	d.open(t)
	if _, _, err := d.Journal().Load(ctx); eid.CodeOf(err) != eid.CodeJournalLost {
		t.Fatalf("Load under another chip = %v", err)
	}
	if _, rows, err := d.journal.rows(ctx); err != nil || len(rows) != 0 {
		t.Fatalf("%d rows of an abandoned visit, %v", len(rows), err)
	}
}
