package station

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/png"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// Details is what the officer enters of the person.
type Details struct {
	Contacts  eid.Contacts       `json:"contacts" cbor:"contacts"`
	Guardian  *eid.Guardian      `json:"guardian,omitempty" cbor:"guardian"`
	Residence *eid.ResidenceCard `json:"residence,omitempty" cbor:"residence"`
}

// detailsRecord holds details in their normal form.
type detailsRecord struct {
	Details  Details    `cbor:"details"`
	Warnings []eid.Code `cbor:"warnings"`
}

func (*detailsRecord) name() recordName { return recordDetails }

// apply takes a consent back: it was given to other declarations.
func (r *detailsRecord) apply(v *visit) {
	v.details, v.detailsWarnings, v.detailsGiven = r.Details, r.Warnings, true
	v.failure = ""
	v.consent = nil
	if v.step == StepSend {
		v.step = StepConsent
	}
}

// SetDetails takes contacts, guardian and residence card, all at once; it may
// be called again until the request is sent. It is possible as soon as the
// document is read.
func (d *Desk) SetDetails(ctx context.Context, in Details) error {
	c := call{name: "set details", at: []Step{StepFace, StepFinger, StepConsent, StepSend}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		if d.unknown {
			if done, err := d.askQueue(ctx, v); done || err != nil {
				return err
			}
		}
		out, warnings, err := checkDetails(v, in, procedure.Day(d.now()))
		if err != nil {
			return err
		}
		return d.accept(ctx, v, &detailsRecord{Details: out, Warnings: warnings})
	})
}

func checkDetails(v *visit, in Details, day eid.Date) (Details, []eid.Code, error) {
	const op = "check details"
	var out Details
	if in.Guardian != nil {
		g, err := v.rules.CheckGuardian(*in.Guardian)
		if err != nil {
			return out, nil, err
		}
		out.Guardian = &g
	} else if v.needsGuardian {
		return out, nil, eid.Fail(eid.CodeGuardian, op, nil)
	}
	contacts, warnings, err := v.rules.CheckContacts(in.Contacts, out.Guardian)
	if err != nil {
		return out, nil, err
	}
	out.Contacts = contacts
	switch wanted := v.rules.Documents.ResidenceCard; {
	case wanted && in.Residence == nil:
		return out, nil, eid.Fail(eid.CodeNoResidenceCard, op, nil)
	case !wanted && in.Residence != nil:
		return out, nil, eid.Fail(eid.CodeInput, op, errors.New("this procedure takes no residence card"))
	case wanted:
		if err := v.rules.CheckResidence(*in.Residence, day); err != nil {
			return out, nil, err
		}
		card := *in.Residence
		out.Residence = &card
	}
	return out, warnings, nil
}

// consentRecord is the person's explicit act (CON-1, PDP-1).
type consentRecord struct {
	Consent eid.Consent `cbor:"consent"`
}

func (*consentRecord) name() recordName { return recordConsent }

func (r *consentRecord) apply(v *visit) {
	v.consent = &r.Consent
	v.failure = ""
	v.step = StepSend
}

// GiveConsent records the consent to the text in force, given in a way that the
// rule set knows, after the details were declared. The time is the desk's.
func (d *Desk) GiveConsent(ctx context.Context, given eid.Consent) error {
	c := call{name: "give consent", at: []Step{StepConsent}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		if !v.detailsGiven {
			return eid.Fail(eid.CodeContactMissing, "give consent", nil)
		}
		if err := v.rules.CheckConsent(given); err != nil {
			return err
		}
		if err := checkSignature(given.Signature); err != nil {
			return err
		}
		text, err := v.rules.ConsentText(given.Language)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(text.Text))
		given.TextSHA256, given.By = sum[:], "subject"
		if v.needsGuardian {
			given.By = "guardian"
		}
		given.Given = d.now().Round(time.Millisecond).UTC()
		return d.accept(ctx, v, &consentRecord{Consent: given})
	})
}

// Bounds of a signature image: a pad gives some kilobytes of line art.
const (
	maxSignatureBytes = 64 << 10
	maxSignatureSide  = 4096
)

// checkSignature refuses with eid.CodeInput what is not a small PNG; none is no
// fault, since consent may be given otherwise.
func checkSignature(image eid.Blob) error {
	const op = "check signature"
	if len(image) == 0 {
		return nil
	}
	if len(image) > maxSignatureBytes {
		return eid.Fail(eid.CodeInput, op, fmt.Errorf("%d bytes, at most %d", len(image), maxSignatureBytes))
	}
	c, err := png.DecodeConfig(bytes.NewReader(image))
	if err != nil || c.Width > maxSignatureSide || c.Height > maxSignatureSide {
		return eid.Fail(eid.CodeInput, op, errors.New("not a PNG image of a signature"))
	}
	return nil
}
