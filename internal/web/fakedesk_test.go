package web_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

// fakeDesk behaves as a desk does towards the screen: steps in order, busy
// while something runs, progress and prompts, views that are replaced and never
// changed. The real desk is tested with the screen in cmd/enrold.
type fakeDesk struct {
	pace  time.Duration // of one stage of an operation
	wrong bool          // another person sits at the camera
	doubt bool          // the matcher leaves the face to the officer
	place chan struct{} // the scanner waits for a finger; nil where one lies on it

	mu      sync.Mutex
	view    *station.View
	subs    map[chan station.Event]struct{}
	queue   []web.QueueRow
	cancel  context.CancelFunc
	actions []string // what was called, in order

	wrongPINs int // of the supervisor, in a row
}

func (d *fakeDesk) View() *station.View {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view
}

func (d *fakeDesk) Subscribe() (<-chan station.Event, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.subs == nil {
		d.subs = map[chan station.Event]struct{}{}
	}
	ch := make(chan station.Event, 64)
	ch <- station.Event{Kind: "visit", Visit: d.view}
	d.subs[ch] = struct{}{}
	return ch, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.subs, ch)
	}
}

func (d *fakeDesk) tell(e station.Event) {
	for ch := range d.subs {
		select {
		case ch <- e:
		default:
		}
	}
}

func (d *fakeDesk) event(e station.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell(e)
}

// change replaces the view by a changed copy.
func (d *fakeDesk) change(f func(v *station.View)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := *d.view
	v.Fingers = append([]station.FingerView(nil), v.Fingers...)
	f(&v)
	d.view = &v
	d.tell(station.Event{Kind: "visit", Visit: &v})
}

// begin marks an operation of step as running; the returned function ends it.
func (d *fakeDesk) begin(ctx context.Context, op string, step station.Step) (context.Context, func(), error) {
	d.mu.Lock()
	d.actions = append(d.actions, op)
	if d.view == nil || d.view.Step != step {
		d.mu.Unlock()
		return nil, nil, eid.Fail(eid.CodeState, op, nil)
	}
	if d.view.Busy != "" {
		d.mu.Unlock()
		return nil, nil, eid.Fail(eid.CodeDeviceBusy, op, nil)
	}
	ctx, cancel := context.WithCancel(ctx)
	d.cancel = cancel
	d.mu.Unlock()
	d.change(func(v *station.View) { v.Busy, v.Error = op, nil })
	return ctx, func() {
		cancel()
		d.change(func(v *station.View) { v.Busy = "" })
	}, nil
}

func (d *fakeDesk) wait(ctx context.Context, n int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(n) * d.pace):
		return nil
	}
}

func (d *fakeDesk) Start(_ context.Context, kind eid.ProcedureKind) error {
	if kind != eid.CitizenLevel2 && kind != eid.ForeignerLevel2 {
		return eid.Fail(eid.CodeInput, "start visit", nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.actions = append(d.actions, "start")
	d.view = &station.View{
		ID: "01980000-0000-7000-8000-000000000001", Procedure: kind, RuleSet: "vn-69-2024", Step: station.StepDocument,
		Fingers:        []station.FingerView{{Position: eid.RightIndex, Wanted: 2}, {Position: eid.LeftIndex, Wanted: 2}},
		NeedsResidence: kind == eid.ForeignerLevel2, FingerExceptions: []string{"amputated", "bandaged", "worn"},
		AttemptsLeft: map[string]int{"face": 3, "finger-2": 3, "finger-7": 3}, TimingsMS: map[string]int64{},
	}
	d.tell(station.Event{Kind: "visit", Visit: d.view})
	return nil
}

func (d *fakeDesk) ReadChip(ctx context.Context, key eid.AccessKey) error {
	ctx, end, err := d.begin(ctx, "chip", station.StepDocument)
	if err != nil {
		return err
	}
	defer end()
	for i, file := range []string{"EF.COM", "EF.SOD", "DG1", "DG2", "DG2", "DG2", "DG13"} {
		d.event(station.Event{Kind: "progress", Step: "chip", Share: float64(i) / 7, Text: file})
		if err := d.wait(ctx, 1); err != nil {
			return err
		}
	}
	if key.Number != "099064000101" && key.Number != "X00000101" {
		f := eid.Explain(eid.CodeChipAccess)
		d.change(func(v *station.View) { v.Error = &f })
		return eid.Fail(eid.CodeChipAccess, "read chip", nil)
	}
	w := eid.Explain(eid.CodeChipUnverified)
	d.change(func(v *station.View) {
		v.Step, v.Document, v.Warnings = station.StepFace, sampleDocument(key), []eid.Failure{w}
		v.TimingsMS = map[string]int64{"chip": 412}
	})
	return nil
}

func (d *fakeDesk) CaptureFace(ctx context.Context) error {
	ctx, end, err := d.begin(ctx, "face", station.StepFace)
	if err != nil {
		return err
	}
	defer end()
	for _, code := range []string{"closer", "centre", "ok"} {
		d.event(station.Event{Kind: "prompt", Step: "face", Text: code})
		if err := d.wait(ctx, 2); err != nil {
			return err
		}
	}
	decision := eid.FaceDecision{Engine: "dlib", Model: "dlib_face_recognition_resnet_model_v1", Metric: "euclidean", Score: 0.312, Threshold: 0.6, Pass: true}
	if d.wrong {
		return d.faceFails(decision)
	}
	if d.doubt {
		decision.Pass, decision.Outcome, decision.Reason = false, eid.FaceReview, eid.FaceUnfitModel
		d.change(func(v *station.View) {
			v.Face, v.Portrait = &decision, &eid.FaceSample{JPEG: portraitJPEG(1), Width: 300, Height: 400, Quality: 78}
			v.AttemptsLeft = map[string]int{"face": v.AttemptsLeft["face"] - 1, "finger-2": 3, "finger-7": 3}
		})
		return nil
	}
	d.change(func(v *station.View) {
		v.Step, v.Face = station.StepFinger, &decision
		v.Portrait = &eid.FaceSample{JPEG: portraitJPEG(1), Width: 300, Height: 400, Quality: 78}
	})
	return nil
}

func (d *fakeDesk) faceFails(decision eid.FaceDecision) error {
	decision.Score, decision.Pass = 0.781, false
	f := eid.Explain(eid.CodeFaceMismatch)
	d.change(func(v *station.View) {
		left := v.AttemptsLeft["face"] - 1
		v.AttemptsLeft = map[string]int{"face": left}
		v.Face, v.Error = &decision, &f
		if left == 0 {
			v.Step, v.Refusal, v.Error = station.StepRefused, &f, nil
		}
	})
	return eid.Fail(eid.CodeFaceMismatch, "compare face", nil)
}

func (d *fakeDesk) AttestPresence(context.Context) error {
	d.change(func(v *station.View) { v.Presence = &eid.Attestation{Kind: eid.AttestPresence, Officer: "fake"} })
	return nil
}

func (d *fakeDesk) CaptureFinger(ctx context.Context, position eid.FingerPosition) error {
	ctx, end, err := d.begin(ctx, "finger", station.StepFinger)
	if err != nil {
		return err
	}
	defer end()
	for _, prompt := range []string{"place", "lift"} {
		d.event(station.Event{Kind: "prompt", Step: "finger", Text: prompt, Position: position})
		if prompt == "place" && d.place != nil {
			select {
			case <-d.place:
			case <-ctx.Done():
				return ctx.Err()
			}
		} else if err := d.wait(ctx, 3); err != nil {
			return err
		}
	}
	d.change(func(v *station.View) {
		passed := 0
		for i := range v.Fingers {
			f := &v.Fingers[i]
			if f.Position == position {
				f.Impressions++
				f.ImagePNG, f.Quality = fingerPNG(int(position)), 71
			}
			if f.Impressions == f.Wanted {
				f.Decision = &eid.FingerDecision{Position: f.Position, Engine: "cylinder", Quality: f.Quality, Score: 148.2, Threshold: 60, Pass: true}
			}
			if f.Decision != nil || f.Exception != "" {
				passed++
			}
		}
		if passed == len(v.Fingers) {
			v.Step = station.StepConsent
		}
	})
	return nil
}

// ExceptFinger knows the supervisor "s-099" with three tries, and the rules' reasons.
func (d *fakeDesk) ExceptFinger(ctx context.Context, position eid.FingerPosition, reason string, by station.Supervisor) error {
	_, end, err := d.begin(ctx, "exception", station.StepFinger)
	if err != nil {
		return err
	}
	defer end()
	if code := d.supervisor(by); code != "" {
		f := eid.Explain(code)
		d.change(func(v *station.View) { v.Error = &f })
		return eid.Fail(code, "except finger", nil)
	}
	if !slices.Contains(d.View().FingerExceptions, reason) {
		return eid.Fail(eid.CodeInput, "except finger", nil)
	}
	d.change(func(v *station.View) {
		done := true
		for i := range v.Fingers {
			f := &v.Fingers[i]
			if f.Position == position {
				f.Impressions, f.ImagePNG, f.Quality, f.Decision, f.Exception = 0, nil, 0, nil, reason
			}
			done = done && (f.Exception != "" || f.Decision != nil)
		}
		if done {
			v.Step = station.StepConsent
		}
	})
	return nil
}

const supervisorPIN = "135790"

// supervisor says why by may not allow anything; "" when he may.
func (d *fakeDesk) supervisor(by station.Supervisor) eid.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case by.ID != "s-099":
		return eid.CodeSupervisor
	case d.wrongPINs == 3:
		return eid.CodePINLocked
	case d.wrongPINs == 2 && !by.LastTry:
		return eid.CodePINFinal
	case by.PIN != supervisorPIN:
		d.wrongPINs++
		return []eid.Code{eid.CodePINLow, eid.CodePINFinal, eid.CodePINLocked}[d.wrongPINs-1]
	}
	d.wrongPINs = 0
	return ""
}

func (d *fakeDesk) RefuseException(ctx context.Context, _ eid.FingerPosition) error {
	_, end, err := d.begin(ctx, "exception refused", station.StepFinger)
	if err != nil {
		return err
	}
	defer end()
	f := eid.Explain(eid.CodeExceptionRefused)
	d.change(func(v *station.View) { v.Error = &f })
	return eid.Fail(eid.CodeExceptionRefused, "refuse exception", nil)
}

func (d *fakeDesk) SetDetails(ctx context.Context, in station.Details) error {
	_, end, err := d.begin(ctx, "details", station.StepConsent)
	if err != nil {
		return err
	}
	defer end()
	if in.Contacts.Phone != "" && len(in.Contacts.Phone) != 10 {
		f := eid.Explain(eid.CodePhoneFormat)
		d.change(func(v *station.View) { v.Error = &f })
		return eid.Fail(eid.CodePhoneFormat, "set details", errors.New("not ten digits"))
	}
	d.change(func(v *station.View) { v.Contacts, v.Guardian, v.Residence = in.Contacts, in.Guardian, in.Residence })
	return nil
}

func (d *fakeDesk) GiveConsent(ctx context.Context, c eid.Consent) error {
	_, end, err := d.begin(ctx, "consent", station.StepConsent)
	if err != nil {
		return err
	}
	defer end()
	if c.Method == "" || c.TextVersion == "" {
		return eid.Fail(eid.CodeConsentMissing, "give consent", nil)
	}
	d.change(func(v *station.View) { v.Step, v.Consent = station.StepSend, &c })
	return nil
}

func (d *fakeDesk) Send(ctx context.Context) error {
	ctx, end, err := d.begin(ctx, "send", station.StepSend)
	if err != nil {
		return err
	}
	defer end()
	if err := d.wait(ctx, 3); err != nil {
		return err
	}
	d.mu.Lock()
	row := web.QueueRow{Seq: int64(len(d.queue) + 1), ID: d.view.ID, State: "sealed", QueuedAt: time.Now(), DueAt: "2026-11-30", SealedBytes: 402_311}
	d.queue = append([]web.QueueRow{row}, d.queue...)
	d.mu.Unlock()
	d.change(func(v *station.View) {
		v.Step, v.Queued = station.StepDone, &station.Queued{Seq: row.Seq, SealedBytes: row.SealedBytes, QueuedAt: row.QueuedAt}
		v.DueAt, v.DueRule = row.DueAt, "CLK-2"
		v.TimingsMS = map[string]int64{"chip": 412, "face": 640, "finger": 388, "sign_seal_queue": 21}
	})
	return nil
}

func (d *fakeDesk) Refuse(context.Context) error  { return d.close(station.StepRefused) }
func (d *fakeDesk) Abandon(context.Context) error { return d.close(station.StepAbandon) }

func (d *fakeDesk) close(end station.Step) error {
	d.mu.Lock()
	d.actions = append(d.actions, string(end))
	open := d.view != nil
	if d.cancel != nil {
		d.cancel()
	}
	d.mu.Unlock()
	if !open {
		return eid.Fail(eid.CodeState, "end visit", nil)
	}
	d.change(func(v *station.View) {
		v.Step, v.Refusal = end, v.Error
		if end == station.StepRefused && v.Refusal == nil { // the officer saw another person
			v.Refusal = eid.CodeFaceMismatch.Failure()
		}
	})
	return nil
}

// settle is the centre's decision.
func (d *fakeDesk) settle(state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append([]web.QueueRow(nil), d.queue...)
	d.queue[0].State, d.queue[0].Attempts = state, 1
}

// List implements web.Queue.
func (d *fakeDesk) List(_ context.Context, limit int) ([]web.QueueRow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue[:min(limit, len(d.queue))], nil
}

// Devices implements web.Devices.
func (d *fakeDesk) Devices(context.Context) ([]web.Device, error) {
	return []web.Device{
		{Name: "chip", State: "ready", Detail: "Virtual PCD 00 00", Emulated: true},
		{Name: "camera", State: "ready", Emulated: true},
		{Name: "scanner", State: "starting", Restarts: 1, Code: eid.CodeDeviceRestarted},
	}, nil
}

// Preview implements web.Previewer: a face that moves a little.
func (d *fakeDesk) Preview(ctx context.Context, each func([]byte, string) error) error {
	for i := 0; ; i++ {
		code := "ok"
		if i < 3 {
			code = "closer"
		}
		if err := each(portraitJPEG(i%5), code); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(60 * time.Millisecond):
		}
	}
}

// ConsentText implements web.Consents with the words of the rule set itself.
func (d *fakeDesk) ConsentText(kind eid.ProcedureKind, language string) (web.ConsentText, error) {
	registry, err := procedure.Load()
	if err != nil {
		return web.ConsentText{}, err
	}
	rules, err := registry.Active(kind, "2026-11-24")
	if err != nil {
		return web.ConsentText{}, err
	}
	text, err := rules.ConsentText(language)
	return web.ConsentText{Version: text.Version, Language: text.Language, Text: text.Text, Citation: rules.Consent.Article}, err
}
