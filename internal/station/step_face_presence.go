package station

import (
	"context"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// presenceRecord is the officer's word that a living person sits before the
// camera.
type presenceRecord struct {
	Attestation eid.Attestation `cbor:"attestation"`
}

func (*presenceRecord) name() recordName { return recordPresence }

func (r *presenceRecord) apply(v *visit) { v.presence = &r.Attestation }

// reasonSeen is the only reason of an attestation of presence.
const reasonSeen = "seen"

// AttestPresence notes that the officer sees the person before the camera, no
// photograph, screen or mask. Liveness models and active checks only support
// this; the officer's signature of the request covers it.
func (d *Desk) AttestPresence(ctx context.Context) error {
	c := call{name: "attest presence", at: []Step{StepFace, StepFinger, StepConsent, StepSend}}
	return d.step(ctx, c, func(ctx context.Context, v *visit) error {
		return d.accept(ctx, v, &presenceRecord{Attestation: eid.Attestation{
			Kind: eid.AttestPresence, Reason: reasonSeen, Officer: v.officer, At: d.now().Round(time.Millisecond).UTC(),
		}})
	})
}
