package intake

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/enrold/enrold/internal/approval"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// approved holds each exception of a request against the registry: it is signed
// by a registered key of the supervisor that it names, who is another person with
// another key than the officer. Most exceptions of enrolments elsewhere were fraud
// by one person at the desk.
func approved(desk Desk, b request.Body, by request.Signatures) error {
	of := approval.Subject{Desk: desk.ID, Request: b.Request.ID, Officer: b.Request.Officer}
	for i, x := range b.Request.Exceptions {
		if err := approvedBy(desk, of, x, by); err != nil {
			return fmt.Errorf("exception %d: %w", i+1, err)
		}
	}
	return nil
}

func approvedBy(desk Desk, of approval.Subject, x eid.Exception, by request.Signatures) error {
	kid, err := approval.KeyID(x)
	if err != nil {
		return err
	}
	supervisor, known := desk.Officer(kid)
	switch {
	case !known || !supervisor.Revoked.IsZero():
		return errNoKey
	case supervisor.Name != x.Supervisor:
		return errors.New("signed by another one than it names")
	case x.Supervisor == of.Officer, by.Officer != nil && bytes.Equal(kid, by.Officer.KeyID):
		return errors.New("the officer allowed it to himself")
	}
	return approval.Verify(supervisor.Public, of, x)
}

// softwareSupervisor says whether any exception was allowed by a key in a file.
func softwareSupervisor(desk Desk, b request.Body) bool {
	for _, x := range b.Request.Exceptions {
		kid, err := approval.KeyID(x)
		if err != nil {
			continue // approved has refused it
		}
		if s, _ := desk.Officer(kid); s.Origin == request.KeySoftware {
			return true
		}
	}
	return false
}
