package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// world is every port of a desk in memory: the person, the devices, the queue
// and the journal. It outlives the desks that tests kill.
type world struct {
	mu sync.Mutex

	document eid.ChipDocument
	stranger bool                     // another person sits before the camera
	unsure   bool                     // the matcher leaves the holder's face to the officer
	models   eid.Code                 // what the matcher says of its models
	finger   func(nth int) byte       // which real finger is given at the nth capture; nil for the one asked for
	fail     map[string]error         // by port method
	block    map[string]chan struct{} // by port method: wait for it or for the context
	at       func(point string)       // called at "X" before and "X!" after each method X; may panic
	captures int

	rows    map[string]Request
	last    string
	queued  map[string]Queued
	visit   string
	journal []Entry
	keyLost bool
	cleared map[string]int // journals cleared on the desk's word

	outcomes []Outcome
	clock    time.Time
}

const matching, foreign = "live frame of the holder", "live frame of another person"

func citizenCard() eid.ChipDocument {
	return eid.ChipDocument{
		Kind: eid.DocumentCCCD, Access: "BAC", PA: eid.Check{State: eid.CheckOK}, CA: eid.Check{State: eid.CheckNotPossible},
		Portrait: eid.Blob("portrait"), PortraitType: "image/jpeg", APDUs: 120, Bytes: 20000, Origin: eid.OriginEmulated,
		MRZ:    []eid.Private{"IDVNM1900000118099190000011<<4"},
		Holder: eid.Holder{PersonalNumber: "099190000011", DocumentNumber: "190000011", Name: "NGUYỄN THỊ ÁNH TUYẾT", Birth: "1990-01-15", Sex: "F", Nationality: "VNM", Expiry: "2030-01-15"},
	}
}

func passport() eid.ChipDocument {
	d := citizenCard()
	d.Kind, d.MRZ = eid.DocumentPassport, nil
	d.Holder = eid.Holder{DocumentNumber: "X00000202", Name: "O'HARA SEAN", Birth: "1985-08-25", Sex: "M", Nationality: "UTO", Expiry: "2033-03-01"}
	return d
}

func newWorld() *world {
	return &world{
		document: citizenCard(), fail: map[string]error{}, block: map[string]chan struct{}{},
		rows: map[string]Request{}, queued: map[string]Queued{}, cleared: map[string]int{},
		clock: time.Date(2026, 6, 1, 2, 0, 0, 0, time.UTC),
	}
}

// loadRules reads the rule sets once for all desks.
var loadRules = sync.OnceValues(procedure.Load)

// desk starts a daemon over the world.
func (w *world) desk(t testing.TB, role string) *Desk {
	t.Helper()
	rules, err := loadRules()
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Options{
		Ports: Ports{Chip: w, Camera: w, Face: w, Scanner: w, Finger: w, Queue: w, Journal: w},
		Rules: rules, Role: role, Officer: "officer 7", Supervisors: []string{"officer 7", "supervisor 1"}, Approver: w, Portrait: asIs, Setting: w.setting, Now: w.now, Log: slog.New(slog.DiscardHandler),
		Last: w.Last, Ended: func(o Outcome) { w.outcomes = append(w.outcomes, o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// asIs stands for the interchange format of portraits.
func asIs(s eid.FaceSample) (eid.Blob, error) { return s.JPEG, nil }

func (w *world) setting(_ context.Context, used []eid.Device) (Setting, error) {
	return Setting{Devices: used, Digests: []eid.Digest{{Kind: "program", Name: "test", SHA256: make([]byte, 32)}}}, w.fail["Setting"]
}

// honest puts the right person with the right document and fingers at the desk.
func (w *world) honest() {
	w.document, w.stranger, w.unsure, w.finger = citizenCard(), false, false, nil
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(time.Millisecond)
	return w.clock
}

// enter begins a port call; the returned function ends it.
func (w *world) enter(ctx context.Context, method string) (func(), error) {
	if w.at != nil {
		w.at(method)
	}
	if ch := w.block[method]; ch != nil {
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", method, ctx.Err())
		}
	}
	if err := w.fail[method]; err != nil {
		return nil, err
	}
	return func() {
		if w.at != nil {
			w.at(method + "!")
		}
	}, nil
}

func (w *world) ReadChip(ctx context.Context, _ eid.AccessKey, progress func(float64, string)) (eid.ChipDocument, error) {
	leave, err := w.enter(ctx, "ReadChip")
	if err != nil {
		return eid.ChipDocument{}, err
	}
	defer leave()
	progress(0.5, "DG2")
	return w.document, nil
}

func (w *world) CaptureFace(ctx context.Context, n int, guidance func(string)) ([]eid.FaceSample, error) {
	leave, err := w.enter(ctx, "CaptureFace")
	if err != nil {
		return nil, err
	}
	defer leave()
	guidance("closer")
	frame := matching
	if w.stranger {
		frame = foreign
	}
	return slices.Repeat([]eid.FaceSample{{JPEG: eid.Blob(frame), Quality: 80, Taken: w.clock}}, n), nil
}

func (w *world) CompareFace(ctx context.Context, _ eid.Blob, live []eid.FaceSample) (eid.FaceDecision, error) {
	leave, err := w.enter(ctx, "CompareFace")
	if err != nil {
		return eid.FaceDecision{}, err
	}
	defer leave()
	d := eid.FaceDecision{Engine: "test", Metric: "euclidean", Score: 0.3, Threshold: 0.6, Review: 0.8, Pass: true, Outcome: eid.FaceMatch, Reason: eid.FaceAlike, Warning: w.models}
	if w.unsure {
		d.Score, d.Pass, d.Outcome, d.Reason = 0.7, false, eid.FaceReview, eid.FaceUnsure
	}
	if string(live[0].JPEG) != matching {
		d.Score, d.Pass, d.Outcome, d.Reason = 0.9, false, eid.FaceMismatch, eid.FaceUnlike
	}
	return d, nil
}

func (w *world) CaptureFinger(ctx context.Context, p eid.FingerPosition, prompt func(string)) (eid.FingerSample, error) {
	leave, err := w.enter(ctx, "CaptureFinger")
	if err != nil {
		return eid.FingerSample{}, err
	}
	defer leave()
	prompt("place")
	w.captures++
	real := byte(p)
	if w.finger != nil {
		real = w.finger(w.captures)
	}
	w.clock = w.clock.Add(10 * time.Second)
	return eid.FingerSample{Position: p, Pixels: eid.Blob{real, real}, WSQ: eid.Blob{real}, Minutiae: eid.Blob("FMR"), Width: 2, Height: 1, DPI: 500, Quality: 70, Waited: 10 * time.Second, Taken: w.clock}, nil
}

func (w *world) CompareFinger(ctx context.Context, a, b eid.FingerSample) (eid.FingerDecision, error) {
	leave, err := w.enter(ctx, "CompareFinger")
	if err != nil {
		return eid.FingerDecision{}, err
	}
	defer leave()
	d := eid.FingerDecision{Position: a.Position, Engine: "test", Quality: 70, Score: 10, Threshold: 40}
	if a.Pixels[0] == b.Pixels[0] {
		d.Score, d.Pass = 90, true
	}
	return d, nil
}

// Enqueue commits the row and the cleared journal together, as the queue does;
// the request must be one that may be sent.
func (w *world) Enqueue(ctx context.Context, r Request) (Queued, error) {
	leave, err := w.enter(ctx, "Enqueue")
	if err != nil {
		return Queued{}, err
	}
	if why := unsendable(r); why != "" {
		return Queued{}, errors.New(why)
	}
	if _, ok := w.rows[r.ID]; !ok {
		w.rows[r.ID], w.last = r, r.ID
		w.queued[r.ID] = Queued{Seq: int64(len(w.rows)), SealedBytes: 1000, QueuedAt: w.clock}
	}
	if w.visit == r.ID {
		w.visit, w.journal = "", nil
	}
	defer leave()
	return w.queued[r.ID], w.fail["Enqueue!"] // an answer may be lost after the commit
}

// unsendable says why no visit may ever queue r.
func unsendable(r Request) string {
	passed := map[eid.DecisionKind]int{}
	for _, d := range r.Decisions {
		if d.Pass {
			passed[d.Kind]++
		}
	}
	accepted := 0
	for _, a := range r.Attestations {
		if a.Kind == eid.AttestFace {
			accepted++
		}
	}
	if passed[eid.DecisionFace]+accepted != 1 || len(r.Portraits) != 3 {
		return "no passed face comparison"
	}
	for _, p := range r.Portraits {
		if string(p.Record) != matching {
			return "another person's portrait"
		}
	}
	for _, x := range r.Exceptions {
		if string(x.Approval) != r.ID+x.Reason+x.Supervisor {
			return "an exception without its supervisor's signature"
		}
	}
	if taken := 2 - len(r.Exceptions); len(r.Fingers) != 2*taken || passed[eid.DecisionFinger] != taken {
		return "no passed finger comparisons"
	}
	real := map[eid.FingerPosition]byte{} // by position, the finger that was given
	for _, f := range r.Fingers {
		if was, ok := real[f.Position]; ok && was != f.WSQ[0] || len(f.Minutiae) == 0 {
			return "wrong fingers"
		}
		real[f.Position] = f.WSQ[0]
	}
	if real[eid.RightIndex] == real[eid.LeftIndex] && len(real) > 0 {
		return "one finger twice"
	}
	if r.Consent.Given.IsZero() || r.Consent.TextVersion == "" || len(r.Consent.TextSHA256) != 32 || r.Consent.By == "" {
		return "no consent"
	}
	if len(r.Devices) != 3-len(r.Exceptions)/2 || len(r.Digests) != 2 {
		return "devices or digests are missing"
	}
	if r.Contacts.Phone == "" || r.DueAt == "" || r.Officer == "" || r.DecidedBy != "local_precheck" {
		return "incomplete"
	}
	if r.Subject.Name != r.Chip().Holder.Name || r.Subject.Capacity == "" {
		return "another subject"
	}
	if r.Chip().PA.State == eid.CheckFailed {
		return "forged chip"
	}
	return ""
}

func (w *world) Find(ctx context.Context, id string) (Queued, bool, error) {
	leave, err := w.enter(ctx, "Find")
	if err != nil {
		return Queued{}, false, err
	}
	defer leave()
	q, ok := w.queued[id]
	return q, ok, nil
}

// Approve knows one PIN; the signature itself is of package internal/keys.
func (w *world) Approve(ctx context.Context, by Supervisor, visitID string, x eid.Exception) (eid.Blob, error) {
	leave, err := w.enter(ctx, "Approve")
	if err != nil {
		return nil, err
	}
	defer leave()
	if by.PIN != supervisorPIN {
		return nil, eid.Fail(eid.CodePINLow, "approve", nil)
	}
	return eid.Blob(visitID + x.Reason + x.Supervisor), nil
}

const supervisorPIN = "135790"

func (w *world) Room(ctx context.Context) error {
	leave, err := w.enter(ctx, "Room")
	if err == nil {
		leave()
	}
	return err
}

func (w *world) Last(ctx context.Context) (string, Queued, bool, error) {
	return w.last, w.queued[w.last], w.last != "", nil
}

func (w *world) Append(ctx context.Context, id, step string, data []byte) error {
	leave, err := w.enter(ctx, "Append")
	if err != nil {
		return err
	}
	if w.visit != "" && w.visit != id {
		return errors.New("another visit is open")
	}
	w.visit = id
	w.journal = append(w.journal, Entry{Step: step, Data: slices.Clone(data)})
	leave()
	return w.fail["Append!"] // written, but the answer is an error
}

func (w *world) Load(ctx context.Context) (string, []Entry, error) {
	leave, err := w.enter(ctx, "Load")
	if err != nil {
		return "", nil, err
	}
	defer leave()
	if w.keyLost && w.visit != "" {
		id := w.visit
		w.visit, w.journal = "", nil
		return id, nil, eid.Fail(eid.CodeJournalLost, "load journal", nil)
	}
	return w.visit, slices.Clone(w.journal), nil
}

func (w *world) Clear(ctx context.Context, id string) error {
	leave, err := w.enter(ctx, "Clear")
	if err != nil {
		return err
	}
	defer leave()
	w.cleared[id]++
	if w.visit == id {
		w.visit, w.journal = "", nil
	}
	return nil
}
