package inspect

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// exceptions holds what was not taken against who allowed it: somebody else than
// the officer, by a signature of his own.
func (r *Report) exceptions(b request.Body, officers []crypto.PublicKey) {
	const name = "exceptions"
	of := approval.Subject{Desk: b.DeskID, Request: b.Request.ID, Officer: b.Request.Officer}
	unproven := 0
	for i, x := range b.Request.Exceptions {
		err := exception(b, x)
		var key crypto.PublicKey
		if err == nil {
			key, err = approver(x, officers)
		}
		if err == nil && key != nil {
			err = approval.Verify(key, of, x)
		}
		if err != nil {
			r.add(name, Failed, "exception %d: %v", i+1, err)
			return
		}
		if key == nil {
			unproven++
		}
	}
	if unproven > 0 {
		r.skip(name, fmt.Sprintf("%d; each allowed by somebody other than the officer; of %d the supervisor's public key was not given", len(b.Request.Exceptions), unproven))
		return
	}
	r.add(name, OK, "%d; each signed by a supervisor who is not the officer", len(b.Request.Exceptions))
}

// approver finds the key that an exception names among those given; nil where it
// is not there.
func approver(x eid.Exception, keys []crypto.PublicKey) (crypto.PublicKey, error) {
	kid, err := approval.KeyID(x)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if id, err := request.KeyID(k); err == nil && bytes.Equal(id, kid) {
			return k, nil
		}
	}
	return nil, nil
}

func exception(b request.Body, x eid.Exception) error {
	if x.Supervisor == "" || x.Supervisor == b.Request.Officer || x.Reason == "" {
		return errors.New("no reason, or no second person")
	}
	for _, f := range b.Request.Fingers {
		if x.Kind == eid.ExceptionFinger && f.Position == x.Position {
			return errors.New("it is for a finger that was taken")
		}
	}
	return nil
}
