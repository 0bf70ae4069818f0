package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/match/face/format"
	fingerformat "github.com/enrold/enrold/match/finger/format"
	"github.com/enrold/enrold/match/finger/wsq"
	"github.com/enrold/enrold/queue/request"
)

// body inspects what was signed; err is why it could not be read.
func (r *Report) body(b request.Body, err error, signers []request.Claim, keys Keys) {
	if !r.judge("body", err, "version %d in its only encoding, signed by: %v", b.Version, b.SignedBy) {
		return
	}
	r.Desk, r.Request, r.Seq, r.Previous = b.DeskID, b.Request.ID, b.Seq, hex.EncodeToString(b.Previous)
	r.chain(b, keys.Previous)
	r.judge("portraits", portraits(b), "%d face record(s) of %s, each with one image", len(b.Request.Portraits), format.Name)
	r.judge("fingers", fingers(b), "%d impression(s): each WSQ image decodes to the size it says, each minutiae record is of its position", len(b.Request.Fingers))
	r.judge("decisions", decisions(b), "%d comparison(s) at the desk; passes and score buckets agree", len(b.Request.Decisions))
	r.exceptions(b, keys.Officers)
	r.rules(b)
	r.judge("clocks", clocks(b), "received, sealed and trusted time are in order%s", counter(b))
	r.origin(b, signers)
}

// chain holds the hash of the request before against that request.
func (r *Report) chain(b request.Body, previous []byte) {
	switch {
	case b.Seq == 1:
		var err error
		if !bytes.Equal(b.Previous, make([]byte, request.HashSize)) {
			err = errors.New("number 1 names a request before it")
		}
		r.judge("chain", err, "number 1 follows none")
	case previous == nil:
		r.skip("chain", fmt.Sprintf("number %d follows the request with hash %x; that one was not given", b.Seq, b.Previous))
	default:
		id, err := request.ParseIdent(previous)
		if err == nil && (id.Desk != b.DeskID || id.Seq != b.Seq-1 || !bytes.Equal(request.Hash(previous), b.Previous)) {
			err = errors.New("the request given as the one before is not the one that the body names")
		}
		r.judge("chain", err, "number %d follows the request that was given", b.Seq)
	}
}

func portraits(b request.Body) error {
	for i, p := range b.Request.Portraits {
		images, err := format.Read(p.Record)
		if err != nil {
			return fmt.Errorf("portrait %d: %w", i+1, err)
		}
		if len(images) != 1 || images[0].Width != p.Width || images[0].Height != p.Height {
			return fmt.Errorf("portrait %d: the record is not one image of %dx%d", i+1, p.Width, p.Height)
		}
	}
	return nil
}

func fingers(b request.Body) error {
	for i, f := range b.Request.Fingers {
		img, dpi, err := wsq.Decode(f.WSQ)
		if err != nil {
			return fmt.Errorf("impression %d: %w", i+1, err)
		}
		if img.Rect.Dx() != f.Width || img.Rect.Dy() != f.Height || dpi != 0 && dpi != f.DPI {
			return fmt.Errorf("impression %d: the image is not %dx%d at %d dpi", i+1, f.Width, f.Height, f.DPI)
		}
		record, kind, err := fingerformat.ReadMinutiae(f.Minutiae)
		if err != nil {
			return fmt.Errorf("impression %d: %w", i+1, err)
		}
		if kind != fingerformat.ISO2005 || len(record.Views) != 1 || record.Views[0].Position != f.Position {
			return fmt.Errorf("impression %d: the minutiae record is not one view of position %d", i+1, f.Position)
		}
	}
	return nil
}

func decisions(b request.Body) error {
	for i, d := range b.Request.Decisions {
		above := d.Bucket == eid.BucketAbove || d.Bucket == eid.BucketFarAbove
		if above != d.Pass || d.Engine == "" || d.Attempt < 1 {
			return fmt.Errorf("decision %d contradicts itself", i+1)
		}
		review := d.Outcome == eid.FaceReview
		if review != (d.Bucket == eid.BucketBetween) || d.Outcome != "" && d.Pass != (d.Outcome == eid.FaceMatch) {
			return fmt.Errorf("decision %d contradicts itself", i+1)
		}
	}
	return attested(b)
}

// attested wants the officer's reason, and his alone, exactly where the last
// comparison of the face was left to him.
func attested(b request.Body) error {
	var last eid.FaceOutcome
	for _, d := range b.Request.Decisions {
		if d.Kind == eid.DecisionFace {
			last = d.Outcome
		}
	}
	given := 0
	for _, a := range b.Request.Attestations {
		if a.Kind != eid.AttestFace {
			continue
		}
		given++
		if a.Officer != b.Request.Officer || !slices.Contains(eid.ReviewReasons(), a.Reason) || a.At.IsZero() {
			return errors.New("the attestation of the face is not the officer's, or has no reason")
		}
	}
	if (last == eid.FaceReview) != (given == 1) || given > 1 {
		return fmt.Errorf("the last comparison of the face ended in %q with %d attestations", last, given)
	}
	return nil
}

// rules holds rule set, consent text and deadline against the rule sets of this
// program.
func (r *Report) rules(b request.Body) {
	registry, err := procedure.Load()
	if err != nil {
		r.add("rules", Failed, "%v", err)
		return
	}
	rules, err := registry.Rules(b.Request.RuleSet, b.Request.Procedure)
	if err != nil {
		r.skip("rules", fmt.Sprintf("this program does not know rule set %q", b.Request.RuleSet))
		return
	}
	err = rules.CheckConsent(b.Request.Consent)
	if err == nil {
		text, found := rules.ConsentText(b.Request.Consent.Language)
		sum := sha256.Sum256([]byte(text.Text))
		if found != nil || !bytes.Equal(sum[:], b.Request.Consent.TextSHA256) {
			err = fmt.Errorf("the consent is to other words than those of version %s", b.Request.Consent.TextVersion)
		}
	}
	r.judge("consent", err, "given %s to version %s in %q, whose words have the hash that was signed",
		b.Request.Consent.Method, b.Request.Consent.TextVersion, b.Request.Consent.Language)
	r.judge("deadline", deadline(rules, b), "%s by rule %s of %s, counted again from the desk's receipt", b.Request.DueAt, b.Request.DueRule, b.Request.RuleSet)
}

func deadline(rules *procedure.Rules, b request.Body) error {
	for _, expired := range []bool{false, true} {
		due, err := rules.Deadline(b.Request.ReceivedAt, expired)
		if err == nil && due.Rule == b.Request.DueRule && due.Day == b.Request.DueAt {
			return nil
		}
	}
	return fmt.Errorf("the deadline %s is not that of rule %q", b.Request.DueAt, b.Request.DueRule)
}

// clockSlack is what two readings of one wall clock may differ by.
const clockSlack = time.Minute

func clocks(b request.Body) error {
	switch c := b.Clocks; {
	case c.Wall.Before(b.Request.ReceivedAt.Add(-clockSlack)):
		return fmt.Errorf("the request was sealed before it was received")
	case c.Trusted != nil && c.Wall.Before(c.Trusted.Add(-clockSlack)):
		return fmt.Errorf("the desk's clock stood before the last time that a central had signed")
	case b.Request.Consent.Given.After(b.Request.ReceivedAt.Add(clockSlack)):
		return fmt.Errorf("the consent is later than the receipt")
	}
	return nil
}

func counter(b request.Body) string {
	if b.Clocks.Counter == nil {
		return "; no hardware counter"
	}
	return fmt.Sprintf("; hardware counter %d", *b.Clocks.Counter)
}

// origin says whether the request is one that a production central takes.
func (r *Report) origin(b request.Body, signers []request.Claim) {
	var not []string
	for _, s := range signers {
		if s.Origin == request.KeySoftware {
			not = append(not, fmt.Sprintf("the %s's key is software", s.Role))
		}
	}
	chip := b.Request.Chip()
	emulated := chip != nil && chip.Origin != eid.OriginDevice
	for _, p := range b.Request.Portraits {
		emulated = emulated || p.Origin != eid.OriginDevice
	}
	for _, f := range b.Request.Fingers {
		emulated = emulated || f.Origin != eid.OriginDevice
	}
	if emulated {
		not = append(not, "samples come from emulated devices")
	}
	if len(not) > 0 {
		r.add("origin", OK, "a production central refuses this request: %v", not)
		return
	}
	r.add("origin", OK, "keys in hardware, samples from devices")
}
