package intake_test

import (
	"net/http"
	"testing"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

// TestExceptionsNeedASecondPerson: the central takes an exception only by the
// signature of a registered supervisor who is not the officer.
func TestExceptionsNeedASecondPerson(t *testing.T) {
	c := newCentre(t, grant)
	newKey := func() *request.DeviceKey {
		k, err := request.LoadOrCreateDeviceKey(t.TempDir() + "/key")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	officer, supervisor, dismissed, stranger := newKey(), newKey(), newKey(), newKey()
	c.officer = officer
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*request.DeviceKey{"officer-1": officer, "s-099": supervisor, "s-100": dismissed} {
		if err := registry.RegisterOfficer(t.Context(), deskID, name, k.Public(), request.KeySoftware); err != nil {
			t.Fatal(err)
		}
	}
	kid, err := request.KeyID(dismissed.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.RevokeOfficer(t.Context(), kid); err != nil {
		t.Fatal(err)
	}
	if err := registry.Close(); err != nil {
		t.Fatal(err)
	}
	var seq int64
	var previous []byte
	send := func(by request.Signer, name string, spoil func(b *request.Body)) (int, []byte) {
		id, data := c.sealed(t, seq+1, previous, func(b *request.Body) {
			b.Request.Officer = "officer-1"
			x := eid.Exception{Kind: eid.ExceptionFinger, Position: eid.LeftIndex, Reason: "worn", Supervisor: name}
			if by != nil {
				signed, err := approval.Sign(by, approval.Subject{Desk: deskID, Request: b.Request.ID, Officer: "officer-1"}, x)
				if err != nil {
					t.Fatal(err)
				}
				x.Approval = signed
			}
			b.Request.Exceptions = []eid.Exception{x}
			if spoil != nil {
				spoil(b)
			}
		})
		status, answer := c.put(t, c.client, id, data, wire.Digest(data))
		if status == http.StatusCreated {
			seq, previous = seq+1, request.Hash(data)
		}
		return status, answer
	}
	for name, test := range map[string]struct {
		by    request.Signer
		names string
		spoil func(b *request.Body)
	}{
		"a name without proof":          {nil, "s-099", nil},
		"the officer's own key":         {officer, "officer-1", nil},
		"the officer as the supervisor": {officer, "s-099", nil},
		"another than it names":         {supervisor, "s-098", nil},
		"a key nobody registered":       {stranger, "s-099", nil},
		"a revoked key":                 {dismissed, "s-100", nil},
		"a signature for another finger": {supervisor, "s-099", func(b *request.Body) {
			b.Request.Exceptions[0].Position = eid.RightIndex
		}},
		"one signature for two fingers": {supervisor, "s-099", func(b *request.Body) {
			x := b.Request.Exceptions[0]
			x.Position = eid.RightIndex
			b.Request.Exceptions = append(b.Request.Exceptions, x)
		}},
	} {
		if status, body := send(test.by, test.names, test.spoil); status != http.StatusUnprocessableEntity || problem(t, status, body) != wire.ReasonException {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := send(supervisor, "s-099", nil); status != http.StatusCreated {
		t.Errorf("signed by the supervisor: %d %s", status, body)
	}
}
