package approval_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

var (
	subject   = approval.Subject{Desk: "desk-1", Request: "01980000-0000-7000-8000-000000000001", Officer: "officer-1"}
	exception = eid.Exception{
		Kind: eid.ExceptionFinger, Position: eid.LeftIndex, Reason: "bandaged", Supervisor: "s-099",
		At: time.Date(2026, 11, 25, 2, 0, 0, 5e6, time.UTC),
	}
)

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestApprovalIsForOneException: whatever is changed of the exception or of the
// visit it belongs to, the supervisor has not signed that.
func TestApprovalIsForOneException(t *testing.T) {
	supervisor, other := key(t), key(t)
	x := exception
	var err error
	if x.Approval, err = approval.Sign(supervisor, subject, x); err != nil {
		t.Fatal(err)
	}
	if err := approval.Verify(supervisor.Public(), subject, x); err != nil {
		t.Fatal(err)
	}
	want, err := request.KeyID(supervisor.Public())
	if err != nil {
		t.Fatal(err)
	}
	if kid, err := approval.KeyID(x); err != nil || !bytes.Equal(kid, want) {
		t.Errorf("key id %x, %v", kid, err)
	}
	if len(x.Approval) > 600 {
		t.Errorf("an approval of %d bytes", len(x.Approval))
	}
	for name, change := range map[string]func(of *approval.Subject, x *eid.Exception){
		"desk":       func(of *approval.Subject, _ *eid.Exception) { of.Desk = "desk-2" },
		"request":    func(of *approval.Subject, _ *eid.Exception) { of.Request = "01980000-0000-7000-8000-000000000002" },
		"officer":    func(of *approval.Subject, _ *eid.Exception) { of.Officer = "officer-2" },
		"position":   func(_ *approval.Subject, x *eid.Exception) { x.Position = eid.RightIndex },
		"reason":     func(_ *approval.Subject, x *eid.Exception) { x.Reason = "worn" },
		"supervisor": func(_ *approval.Subject, x *eid.Exception) { x.Supervisor = "s-100" },
		"time":       func(_ *approval.Subject, x *eid.Exception) { x.At = x.At.Add(time.Millisecond) },
		"kind":       func(_ *approval.Subject, x *eid.Exception) { x.Kind = "other" },
		"bit":        func(_ *approval.Subject, x *eid.Exception) { x.Approval[len(x.Approval)-1] ^= 1 },
		"none":       func(_ *approval.Subject, x *eid.Exception) { x.Approval = nil },
		"too long":   func(_ *approval.Subject, x *eid.Exception) { x.Approval = make(eid.Blob, 5<<10) },
	} {
		of, changed := subject, x
		changed.Approval = bytes.Clone(x.Approval)
		change(&of, &changed)
		if approval.Verify(supervisor.Public(), of, changed) == nil {
			t.Errorf("%s: approved", name)
		}
	}
	if approval.Verify(other.Public(), subject, x) == nil {
		t.Error("another key's signature counts")
	}
}

func FuzzVerify(f *testing.F) {
	supervisor := key(f)
	signed, err := approval.Sign(supervisor, subject, exception)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte{0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, data []byte) {
		x := exception
		x.Approval = data
		if _, err := approval.KeyID(x); err == nil && len(data) == 0 {
			t.Fatal("nothing names a key")
		}
		_ = approval.Verify(supervisor.Public(), subject, x)
	})
}
