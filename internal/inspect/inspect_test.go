package inspect_test

import (
	"bytes"
	"crypto"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"image"
	"image/jpeg"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/inspect"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/match/face/format"
	"github.com/enrold/enrold/match/finger"
	fingerformat "github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/wsq"
	"github.com/enrold/enrold/queue/request"
)

// people are the keys of one desk and its central.
type people struct {
	device, officer, supervisor *request.DeviceKey
	certificate                 *x509.Certificate
	central                     hpke.PrivateKey
}

func newPeople(t *testing.T) people {
	t.Helper()
	key := func(name string) *request.DeviceKey {
		k, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	p := people{device: key("device"), officer: key("officer"), supervisor: key("supervisor"), central: central}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "officer-1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, p.officer.Public(), p.officer)
	if err != nil {
		t.Fatal(err)
	}
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p people) keys() inspect.Keys {
	roots := x509.NewCertPool()
	roots.AddCert(p.certificate)
	return inspect.Keys{
		Central: []hpke.PrivateKey{p.central}, Devices: []crypto.PublicKey{p.device.Public()},
		Officers: []crypto.PublicKey{p.officer.Public(), p.supervisor.Public()}, Roots: roots,
	}
}

func (p people) seal(t *testing.T, b request.Body) []byte {
	t.Helper()
	for i := range b.Request.Exceptions {
		if x := &b.Request.Exceptions[i]; x.Approval == nil {
			x.Approval = p.approve(t, b, *x)
		}
	}
	by := request.Signers{Device: p.device, Officer: p.officer, Certificate: p.certificate}
	sealed, err := request.Seal([]hpke.PublicKey{p.central.PublicKey()}, by, b)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// approve is the supervisor's signature.
func (p people) approve(t *testing.T, b request.Body, x eid.Exception) []byte {
	t.Helper()
	signed, err := approval.Sign(p.supervisor, approval.Subject{Desk: b.DeskID, Request: b.Request.ID, Officer: b.Request.Officer}, x)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestExceptionsNeedASupervisorsSignature: a name alone proves nothing.
func TestExceptionsNeedASupervisorsSignature(t *testing.T) {
	p := newPeople(t)
	for name, c := range map[string]struct {
		spoil func(b *request.Body, k *inspect.Keys)
		want  inspect.State
	}{
		"signed":            {func(*request.Body, *inspect.Keys) {}, inspect.OK},
		"key not given":     {func(_ *request.Body, k *inspect.Keys) { k.Officers = k.Officers[:1] }, inspect.NotChecked},
		"no signature":      {func(b *request.Body, _ *inspect.Keys) { b.Request.Exceptions[0].Approval = eid.Blob{} }, inspect.Failed},
		"another exception": {func(b *request.Body, _ *inspect.Keys) { b.Request.Exceptions[0].Position = eid.RightThumb }, inspect.Failed},
		"of another visit": {func(b *request.Body, _ *inspect.Keys) {
			b.Request.ID = "0198c0de-1234-7abc-8def-0123456789ac"
		}, inspect.Failed},
		"rubbish": {func(b *request.Body, _ *inspect.Keys) {
			b.Request.Exceptions[0].Approval = eid.Blob("signed: the chief")
		}, inspect.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			b, keys := body(t), p.keys()
			x := &b.Request.Exceptions[0]
			x.Approval = p.approve(t, b, *x)
			c.spoil(&b, &keys)
			if got := states(t, inspect.File(p.seal(t, b), keys))["exceptions"]; got != c.want {
				t.Errorf("exceptions are %s, want %s", got, c.want)
			}
		})
	}
}

// body is a request of a synthetic person with real records in it.
func body(t *testing.T) request.Body {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	received := time.Date(2026, 11, 17, 1, 30, 0, 0, time.UTC)
	var photo bytes.Buffer
	must(jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 64, 48)), nil))
	face, err := format.Write(format.Image{Data: photo.Bytes(), Width: 64, Height: 48})
	must(err)
	gray := image.NewGray(image.Rect(0, 0, 128, 128))
	for i := range gray.Pix {
		gray.Pix[i] = byte(i * 7 / 3)
	}
	scan, err := wsq.Encode(gray, wsq.Options{DPI: 500})
	must(err)
	template := &finger.Template{Width: 128, Height: 128, Minutiae: []finger.Minutia{{X: 10, Y: 20, Angle: 64, Kind: finger.Ending, Quality: 70}}}
	minutiae, err := fingerformat.WriteMinutiae(fingerformat.Record{Views: []fingerformat.View{fingerformat.FromTemplate(template, eid.RightIndex, 80)}}, fingerformat.ISO2005)
	must(err)
	registry, err := procedure.Load()
	must(err)
	rules, err := registry.Rules("vn-69-2024", eid.CitizenLevel2)
	must(err)
	text, err := rules.ConsentText("vi")
	must(err)
	words := sha256.Sum256([]byte(text.Text))
	due, err := rules.Deadline(received, false)
	must(err)
	return request.Body{
		Version: request.BodyVersion, DeskID: "desk-1", Seq: 7, Previous: make([]byte, request.HashSize),
		Clocks: request.Clocks{Wall: received.Add(time.Second), Monotonic: 1},
		Request: station.Request{
			ID: "0198c0de-1234-7abc-8def-0123456789ab", Procedure: eid.CitizenLevel2, RuleSet: "vn-69-2024",
			Subject:   eid.Subject{Kind: eid.CitizenLevel2, Name: "QUÁCH TRƯỜNG UYÊN", PersonalNumber: "099078000404"},
			Documents: []eid.Document{{Type: eid.DocumentCCCD, Chip: &eid.ChipDocument{Origin: eid.OriginDevice}}},
			Portraits: []eid.PortraitRecord{{Record: face, Width: 64, Height: 48, Origin: eid.OriginDevice}},
			Fingers: []eid.FingerRecord{{
				Position: eid.RightIndex, Impression: 1, WSQ: scan, Minutiae: minutiae,
				Width: 128, Height: 128, DPI: 500, Origin: eid.OriginEmulated,
			}},
			Decisions:  []eid.Decision{eid.FaceDecision{Engine: "e", Metric: "cosine", Score: 0.7, Threshold: 0.5, Pass: true}.Decision(1)},
			Exceptions: []eid.Exception{{Kind: eid.ExceptionFinger, Position: eid.LeftIndex, Reason: "amputated", Supervisor: "supervisor-1"}},
			Consent:    eid.Consent{TextVersion: text.Version, Language: "vi", Method: "wet_ink", Given: received, TextSHA256: words[:]},
			Officer:    "officer-1", ReceivedAt: received, DueAt: due.Day, DueRule: due.Rule, DecidedBy: "local_precheck",
		},
	}
}

// states maps a report's checks to their states and refuses words about a person.
func states(t *testing.T, r inspect.Report) map[string]inspect.State {
	t.Helper()
	out := map[string]inspect.State{}
	for _, c := range r.Checks {
		if c.Words == "" || strings.Contains(c.Words, "QUÁCH") || strings.Contains(c.Words, "099078000404") {
			t.Errorf("%s: %q", c.Name, c.Words)
		}
		out[c.Name] = c.State
	}
	return out
}

func TestWhatKeysProve(t *testing.T) {
	p := newPeople(t)
	sealed := p.seal(t, body(t))
	_, signed, err := request.OpenBytes(p.central, sealed)
	if err != nil {
		t.Fatal(err)
	}
	m, err := request.ParseMessage(signed)
	if err != nil {
		t.Fatal(err)
	}
	without := func(change func(k *inspect.Keys)) inspect.Keys {
		k := p.keys()
		change(&k)
		return k
	}
	const ok, no = inspect.OK, inspect.NotChecked
	for name, c := range map[string]struct {
		data   []byte
		keys   inspect.Keys
		form   string
		checks map[string]inspect.State
	}{
		"all keys": {sealed, p.keys(), "sealed", map[string]inspect.State{
			"form": ok, "seal": ok, "message": ok, "device signature": ok,
			"officer signature": ok, "officer CMS": ok, "body": ok, "portraits": ok, "fingers": ok, "deadline": ok, "consent": ok, "clocks": ok, "exceptions": ok,
		}},
		"no keys": {sealed, inspect.Keys{}, "sealed", map[string]inspect.State{"form": ok, "seal": no, "signatures": no, "body": no}},
		"no officer's key": {
			sealed, without(func(k *inspect.Keys) { k.Officers = nil }), "sealed",
			map[string]inspect.State{"device signature": ok, "officer signature": no, "officer CMS": ok},
		},
		"no root":     {sealed, without(func(k *inspect.Keys) { k.Roots = nil }), "sealed", map[string]inspect.State{"officer signature": ok, "officer CMS": no}},
		"opened":      {signed, p.keys(), "signed", map[string]inspect.State{"seal": no, "device signature": ok, "body": ok}},
		"bare body":   {m.Payload, p.keys(), "body", map[string]inspect.State{"seal": no, "signatures": no, "body": ok, "fingers": ok}},
		"other's key": {sealed, without(func(k *inspect.Keys) { k.Central = newPeople(t).keys().Central }), "sealed", map[string]inspect.State{"seal": no}},
	} {
		t.Run(name, func(t *testing.T) {
			r := inspect.File(c.data, c.keys)
			got := states(t, r)
			for check, want := range c.checks {
				if got[check] != want {
					t.Errorf("%s is %q, want %q", check, got[check], want)
				}
			}
			if r.Form != c.form || r.Verdict != inspect.NotChecked { // the chain needs the request before
				t.Errorf("form %s, verdict %s: %+v", r.Form, r.Verdict, r.Checks)
			}
			if r.Request != "0198c0de-1234-7abc-8def-0123456789ab" || r.Seq != 7 || r.Desk != "desk-1" {
				t.Errorf("names %s, %d, %s", r.Request, r.Seq, r.Desk)
			}
		})
	}
}

// TestChain has the request before at hand: then everything is proved.
func TestChain(t *testing.T) {
	p := newPeople(t)
	before, b := body(t), body(t)
	before.Seq, before.Request.ID = 6, "0198c0de-1234-7abc-8def-0123456789aa"
	first := p.seal(t, before)
	b.Previous = request.Hash(first)
	keys := p.keys()
	keys.Previous = first
	if r := inspect.File(p.seal(t, b), keys); r.Verdict != inspect.OK {
		t.Errorf("verdict %s: %+v", r.Verdict, r.Checks)
	}
	keys.Previous = p.seal(t, before) // the same request, sealed once more
	if r := inspect.File(p.seal(t, b), keys); states(t, r)["chain"] != inspect.Failed {
		t.Errorf("another's hash: %+v", r.Checks)
	}
	b.Seq = 1
	if r := inspect.File(p.seal(t, b), keys); states(t, r)["chain"] != inspect.Failed {
		t.Error("number 1 may follow another")
	}
}

// TestFindsWhatIsWrong signs bodies that contradict themselves.
func TestFindsWhatIsWrong(t *testing.T) {
	p := newPeople(t)
	for check, spoil := range map[string]func(r *station.Request, c *request.Clocks){
		"portraits":  func(r *station.Request, _ *request.Clocks) { r.Portraits[0].Width = 65 },
		"fingers":    func(r *station.Request, _ *request.Clocks) { r.Fingers[0].Position = eid.RightThumb },
		"decisions":  func(r *station.Request, _ *request.Clocks) { r.Decisions[0].Pass = false },
		"exceptions": func(r *station.Request, _ *request.Clocks) { r.Exceptions[0].Supervisor = r.Officer },
		"consent":    func(r *station.Request, _ *request.Clocks) { r.Consent.TextSHA256[3] ^= 1 },
		"deadline":   func(r *station.Request, _ *request.Clocks) { r.DueAt = "2026-12-24" },
		"clocks":     func(r *station.Request, c *request.Clocks) { c.Wall = r.ReceivedAt.Add(-time.Hour) },
	} {
		t.Run(check, func(t *testing.T) {
			b := body(t)
			spoil(&b.Request, &b.Clocks)
			r := inspect.File(p.seal(t, b), p.keys())
			for name, state := range states(t, r) {
				if (state == inspect.Failed) != (name == check) {
					t.Errorf("%s is %s", name, state)
				}
			}
			if r.Verdict != inspect.Failed {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
	sealed := p.seal(t, body(t))
	sealed[len(sealed)-100] ^= 4
	if r := inspect.File(sealed, p.keys()); r.Verdict != inspect.Failed || states(t, r)["seal"] != inspect.Failed {
		t.Errorf("an altered bit: %+v", r)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("ENRS\x02"))
	f.Add([]byte{0xd8, 0x62, 0x84})
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := inspect.File(data, inspect.Keys{}); r.Verdict == inspect.OK || len(r.Checks) == 0 {
			t.Fatal("nothing was proved, and it says ok")
		}
	})
}
