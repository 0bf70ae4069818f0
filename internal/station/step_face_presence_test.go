package station

import (
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// TestPresenceIsAttested: the officer's word outlives a killed daemon and is in
// the request; a face that does not match ends it.
func TestPresenceIsAttested(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.AttestPresence(t.Context()), eid.CodeState)
	upTo(t, d, "face")
	if err := d.AttestPresence(t.Context()); err != nil {
		t.Fatal(err)
	}
	d = w.desk(t, "commune_police") // the daemon is killed
	if err := d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := d.View().Presence; p == nil || p.Kind != eid.AttestPresence || p.Officer != "officer 7" || p.At.IsZero() {
		t.Fatalf("attestation %+v", p)
	}
	for _, s := range stages[2:] {
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	r := w.rows[d.View().ID]
	if len(r.Attestations) != 1 || r.Attestations[0].Kind != eid.AttestPresence {
		t.Errorf("attestations %+v", r.Attestations)
	}
}
