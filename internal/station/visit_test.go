package station

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

var (
	details   = Details{Contacts: eid.Contacts{Phone: "+84 912 345 678"}}
	residence = &eid.ResidenceCard{Type: "TRC", Number: "TT099001", Expiry: "2029-12-31"}
	consent   = eid.Consent{TextVersion: "vn-69-2024/1", Language: "vi", Method: "verbal_witness"}
)

// stages are the calls of a citizen's visit in their order.
var stages = []struct {
	name string
	at   Step // where the visit stands before
	do   func(ctx context.Context, d *Desk) error
}{
	{"start", "", func(ctx context.Context, d *Desk) error { return d.Start(ctx, eid.CitizenLevel2) }},
	{"chip", StepDocument, func(ctx context.Context, d *Desk) error { return d.ReadChip(ctx, eid.AccessKey{}) }},
	{"face", StepFace, func(ctx context.Context, d *Desk) error { return d.CaptureFace(ctx) }},
	{"right index 1", StepFinger, func(ctx context.Context, d *Desk) error { return d.CaptureFinger(ctx, eid.RightIndex) }},
	{"right index 2", StepFinger, func(ctx context.Context, d *Desk) error { return d.CaptureFinger(ctx, eid.RightIndex) }},
	{"left index 1", StepFinger, func(ctx context.Context, d *Desk) error { return d.CaptureFinger(ctx, eid.LeftIndex) }},
	{"left index 2", StepFinger, func(ctx context.Context, d *Desk) error { return d.CaptureFinger(ctx, eid.LeftIndex) }},
	{"details", StepConsent, func(ctx context.Context, d *Desk) error { return d.SetDetails(ctx, details) }},
	{"consent", StepConsent, func(ctx context.Context, d *Desk) error { return d.GiveConsent(ctx, consent) }},
	{"send", StepSend, func(ctx context.Context, d *Desk) error { return d.Send(ctx) }},
}

// upTo runs the stages before the named one.
func upTo(t testing.TB, d *Desk, name string) {
	t.Helper()
	for _, s := range stages {
		if s.name == name {
			return
		}
		if err := s.do(context.Background(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
}

func wantCode(t testing.TB, err error, code eid.Code) {
	t.Helper()
	if err == nil || eid.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func wantView(t testing.TB, d *Desk, step Step, failure, refusal eid.Code) *View {
	t.Helper()
	v := d.View()
	got := func(f *eid.Failure) eid.Code {
		if f == nil {
			return ""
		}
		return f.Code
	}
	if v == nil || v.Step != step || got(v.Error) != failure || got(v.Refusal) != refusal {
		t.Fatalf("view %+v (error %v, refusal %v), want step %s, error %q, refusal %q", v, v.Error, v.Refusal, step, failure, refusal)
	}
	return v
}

func TestCitizenVisit(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "send")
	v := wantView(t, d, StepSend, "", "")
	if v.Consent == nil || v.Contacts.Phone != "0912345678" || len(v.Fingers) != 2 || v.Fingers[1].ImagePNG == nil {
		t.Errorf("incomplete view before sending: %+v", v)
	}
	if err := d.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	v = wantView(t, d, StepDone, "", "")
	if v.Queued == nil || v.Queued.Seq != 1 || v.DueRule != "CLK-2" || v.DueAt != "2026-06-04" {
		t.Errorf("queued %+v, due %s %s", v.Queued, v.DueAt, v.DueRule)
	}
	r := w.rows[v.ID]
	if r.RuleSet != "vn-69-2024" || r.Attempts[keyChip] != 1 || r.Attempts[keyFace] != 1 || r.Attempts["finger-7"] != 1 {
		t.Errorf("request of rules %s, attempts %v", r.RuleSet, r.Attempts)
	}
	if w.visit != "" {
		t.Error("the journal is not cleared")
	}
	for key, ms := range v.TimingsMS {
		if ms <= 0 || ms > 1000 {
			t.Errorf("timing %s is %d ms: waiting for the person must not count", key, ms)
		}
	}
	if len(v.TimingsMS) != 4 {
		t.Errorf("timings %v", v.TimingsMS)
	}
	if len(w.outcomes) != 1 || w.outcomes[0].End != StepDone || w.outcomes[0].Reached != StepSend {
		t.Errorf("outcomes %+v", w.outcomes)
	}
	forgotten(t, v)
}

// forgotten finds the person in what is kept of an ended visit.
func forgotten(t *testing.T, v *View) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{"099190000011", "TUY", "0912345678", "IDVNM", `"image_png":`, `"jpeg":"`, `"portrait":"`} {
		if strings.Contains(string(data), marker) {
			t.Errorf("an ended visit still shows %q", marker)
		}
	}
}

func TestForeignerVisit(t *testing.T) {
	w := newWorld()
	w.document = passport()
	d := w.desk(t, "immigration")
	if err := d.Start(t.Context(), eid.ForeignerLevel2); err != nil {
		t.Fatal(err)
	}
	for _, s := range stages[1:] {
		if s.name == "details" {
			wantCode(t, d.SetDetails(t.Context(), details), eid.CodeNoResidenceCard)
			expired := &eid.ResidenceCard{Type: "TRC", Number: "TT099001", Expiry: "2026-05-31"}
			wantCode(t, d.SetDetails(t.Context(), Details{Contacts: details.Contacts, Residence: expired}), eid.CodeNoResidenceCard)
			wantView(t, d, StepConsent, eid.CodeNoResidenceCard, "")
			if err := d.SetDetails(t.Context(), Details{Contacts: details.Contacts, Residence: residence}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := s.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	v := wantView(t, d, StepDone, "", "")
	if r := w.rows[v.ID]; len(r.Documents) != 2 || r.Documents[1].Type != eid.DocumentTemporary || r.DueRule != "CLK-5" {
		t.Errorf("documents %d, rule %s", len(r.Documents), r.DueRule)
	}
}

// TestOutOfOrder calls everything at every stage: only what fits is accepted and
// nothing else changes the step.
func TestOutOfOrder(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	for _, current := range stages {
		for _, other := range stages {
			if other.at == current.at || other.name == "details" && current.at != "" && current.at != StepDocument {
				continue
			}
			err := other.do(t.Context(), d)
			want := eid.CodeState
			if other.name == "send" && current.at == StepConsent {
				want = eid.CodeConsentMissing
			}
			wantCode(t, err, want)
			if v := d.View(); v != nil && v.Step != current.at {
				t.Fatalf("%s at %s changed the step to %s", other.name, current.name, v.Step)
			}
		}
		if err := current.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", current.name, err)
		}
	}
	wantCode(t, d.Abandon(t.Context()), eid.CodeState)
	wantCode(t, d.Refuse(t.Context()), eid.CodeState)
	if len(w.rows) != 1 {
		t.Errorf("%d rows", len(w.rows))
	}
}

func TestStartRefused(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	wantCode(t, d.Start(t.Context(), eid.ForeignerLevel2), eid.CodeWrongDesk)
	wantCode(t, d.Start(t.Context(), "driver"), eid.CodeInput)
	w.fail["Room"] = eid.Fail(eid.CodeDiskFull, "check room", nil)
	wantCode(t, d.Start(t.Context(), eid.CitizenLevel2), eid.CodeDiskFull)
	delete(w.fail, "Room")
	w.fail["Append!"] = eid.Fail(eid.CodeQueue, "append to journal", nil)
	wantCode(t, d.Start(t.Context(), eid.CitizenLevel2), eid.CodeQueue)
	if v := d.View(); v != nil {
		t.Errorf("a visit is open: %+v", v)
	}
	delete(w.fail, "Append!")
	// What that append left behind must not stand in the way of the next visit.
	if err := d.Start(t.Context(), eid.CitizenLevel2); err != nil {
		t.Fatal(err)
	}
	if v := d.View(); w.visit != v.ID || len(w.journal) != 1 {
		t.Errorf("journal of %s with %d records, want %s with 1", w.visit, len(w.journal), v.ID)
	}
}

func TestDetailsAfterConsentTakeItBack(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "send")
	if err := d.SetDetails(t.Context(), Details{Contacts: eid.Contacts{Phone: "0321234567"}}); err != nil {
		t.Fatal(err)
	}
	if v := wantView(t, d, StepConsent, "", ""); v.Consent != nil {
		t.Error("a consent to other declarations is kept")
	}
	wantCode(t, d.Send(t.Context()), eid.CodeConsentMissing)
	for _, c := range []eid.Consent{{}, {TextVersion: "vn-69-2024/0", Language: "vi", Method: "wet_ink"}} {
		wantCode(t, d.GiveConsent(t.Context(), c), eid.CodeConsentMissing)
		wantView(t, d, StepConsent, eid.CodeConsentMissing, "")
	}
}

func TestConsentNeedsDetails(t *testing.T) {
	w := newWorld()
	d := w.desk(t, "commune_police")
	upTo(t, d, "details")
	wantCode(t, d.GiveConsent(t.Context(), consent), eid.CodeContactMissing)
	wantCode(t, d.SetDetails(t.Context(), Details{}), eid.CodeContactMissing)
	wantCode(t, d.SetDetails(t.Context(), Details{Contacts: eid.Contacts{Phone: "0212345678"}}), eid.CodePhoneFormat)
	wantCode(t, d.SetDetails(t.Context(), Details{Contacts: details.Contacts, Residence: residence}), eid.CodeInput)
	if v := wantView(t, d, StepConsent, eid.CodeInput, ""); v.Contacts.Phone != "" {
		t.Error("refused details are shown as entered")
	}
}

func TestMinorNeedsGuardian(t *testing.T) {
	w := newWorld()
	w.document.Holder.Birth, w.document.Holder.PersonalNumber = "2015-06-01", "099315000044"
	d := w.desk(t, "commune_police")
	upTo(t, d, "details")
	if v := wantView(t, d, StepConsent, "", ""); !v.NeedsGuardian {
		t.Fatal("the screen does not ask for the guardian")
	}
	wantCode(t, d.SetDetails(t.Context(), details), eid.CodeGuardian)
	guardian := &eid.Guardian{Name: "TRẦN VĂN MẪU", Number: "099080000001", Relation: "father", Phone: "0912345678"}
	for _, step := range []error{d.SetDetails(t.Context(), Details{Guardian: guardian}), d.GiveConsent(t.Context(), consent), d.Send(t.Context())} {
		if step != nil {
			t.Fatal(step)
		}
	}
	r := w.rows[d.View().ID]
	if r.Guardian == nil || r.Contacts.Phone != "0912345678" {
		t.Errorf("guardian %v, phone %q", r.Guardian, r.Contacts.Phone.Reveal())
	}
}

func ExampleOutcome() {
	o := Outcome{Procedure: eid.CitizenLevel2, End: StepRefused, Code: eid.CodeFaceMismatch, Reached: StepFace}
	fmt.Println(o.End, o.Code, "at", o.Reached)
	// Output: refused E-NO-MATCH-LOCAL at face
}
