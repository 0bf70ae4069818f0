package station

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// request is what the visit hands to the queue; portrait puts a live frame into
// its interchange format.
func (v *visit) request(receivedAt time.Time, due procedure.Due, setting Setting, portrait func(eid.FaceSample) (eid.Blob, error)) (Request, error) {
	r := Request{
		ID: v.id, Procedure: v.rules.Kind, RuleSet: v.rules.ID,
		Subject: v.subject(), Guardian: v.details.Guardian, Documents: v.documents(receivedAt), Contacts: v.details.Contacts,
		Portraits: []eid.PortraitRecord{}, Fingers: []eid.FingerRecord{},
		Decisions: slices.Clone(v.decisions), Attempts: maps.Clone(v.attempts), Exceptions: []eid.Exception{},
		Warnings: slices.Concat(v.warnings, v.detailsWarnings), Consent: *v.consent, Officer: v.officer,
		Devices:    setting.Devices,
		Digests:    append([]eid.Digest{{Kind: "rules", Name: v.rules.ID, SHA256: v.rules.SHA256[:]}}, setting.Digests...),
		ReceivedAt: receivedAt, DueAt: due.Day, DueRule: due.Rule,
		// The desk's comparisons are a pre-check; the centre decides (BIO-1, REQ-2).
		DecidedBy: "local_precheck",
	}
	if v.attestation != nil {
		r.Attestations = append(r.Attestations, *v.attestation)
	}
	if v.presence != nil {
		r.Attestations = append(r.Attestations, *v.presence)
	}
	for _, s := range v.portraits {
		record, err := portrait(s)
		if err != nil {
			return Request{}, fmt.Errorf("record portrait: %w", err)
		}
		r.Portraits = append(r.Portraits, eid.PortraitRecord{
			Record: record, Width: s.Width, Height: s.Height, Quality: s.Quality, Measures: s.Measures,
			Profile: s.Profile, Device: s.Device, Origin: s.Origin, Taken: s.Taken, Presentation: s.Presentation,
		})
	}
	for _, f := range v.fingers {
		for i, s := range f.samples {
			r.Fingers = append(r.Fingers, eid.FingerRecord{
				Position: s.Position, Impression: i + 1, WSQ: s.WSQ, Minutiae: s.Minutiae,
				Width: s.Width, Height: s.Height, DPI: s.DPI, Quality: s.Quality,
				Device: s.Device, Origin: s.Origin, Taken: s.Taken,
			})
		}
		if f.exception != nil {
			r.Exceptions = append(r.Exceptions, *f.exception)
		}
	}
	return r, nil
}

// devices are those that served the visit, as documents and samples name them.
func (v *visit) devices() []eid.Device {
	list := []eid.Device{{Kind: "reader", Name: v.document.Reader, Origin: v.document.Origin}}
	used := func(kind, name string, origin eid.Origin) {
		d := eid.Device{Kind: kind, Name: name, Origin: origin}
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	for _, s := range v.portraits {
		used("camera", s.Device, s.Origin)
	}
	for _, f := range v.fingers {
		for _, s := range f.samples {
			used("scanner", s.Device, s.Origin)
		}
	}
	return list
}

func (v *visit) subject() eid.Subject {
	h := v.document.Holder
	s := eid.Subject{
		Kind: v.rules.Kind, Capacity: eid.CapacityFull, PersonalNumber: h.PersonalNumber, Name: h.Name, NameMRZ: h.NameMRZ,
		Birth: h.Birth, Sex: h.Sex, Nationality: h.Nationality, Address: h.Residence,
	}
	switch {
	case v.needsGuardian:
		s.Capacity = eid.CapacityMinor
	case v.details.Guardian != nil:
		s.Capacity = eid.CapacityWard
	}
	return s
}

// documents are the one that was read and, of a foreigner, the residence card.
func (v *visit) documents(receivedAt time.Time) []eid.Document {
	h := v.document.Holder
	chip := *v.document
	list := []eid.Document{{
		Type: chip.Kind, Number: h.DocumentNumber, IssuingState: h.IssuingState, Issued: h.Issued, Expiry: h.Expiry, Chip: &chip,
	}}
	if !chip.TrustTime.IsZero() {
		list[0].TrustAge = max(int64(receivedAt.Sub(chip.TrustTime)/time.Second), 0)
	}
	if c := v.details.Residence; c != nil {
		list = append(list, eid.Document{Type: eid.DocumentKind(c.Type), Number: c.Number, IssuingState: "VNM", Expiry: c.Expiry})
	}
	return list
}
