package queue

import (
	"crypto/hpke"
	"errors"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// The keys are asked for at each seal: a new list counts at once, and when it is
// over neither Room nor Enqueue goes on.
func TestSealKeysAreAskedForEachTime(t *testing.T) {
	d := openDesk(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	keys, over := []hpke.PublicKey{d.central.PublicKey()}, error(nil)
	o := d.options()
	o.Recipients, o.SealKeys = nil, func() ([]hpke.PublicKey, error) { return keys, over }
	q, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, key := range []hpke.PrivateKey{d.central, next} {
		keys = []hpke.PublicKey{key.PublicKey()}
		r := newRequest(100)
		if _, err := q.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		sealed, err := q.Payload(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := request.Open(key, d.keys(), sealed); err != nil {
			t.Fatalf("sealed to another key: %v", err)
		}
	}
	over = eid.Fail(eid.CodeSealKeys, "choose seal keys", errors.New("over"))
	if err := q.Room(t.Context()); eid.CodeOf(err) != eid.CodeSealKeys {
		t.Errorf("Room = %v", err)
	}
	if _, err := q.Enqueue(t.Context(), newRequest(100)); eid.CodeOf(err) != eid.CodeSealKeys {
		t.Errorf("Enqueue = %v", err)
	}
}
