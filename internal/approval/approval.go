// Package approval is a supervisor's own signature over an exception: made in
// front of the person, by another key than the officer's, and kept in the
// exception itself. The officer's and the device's signatures of the request
// cover it; the central checks it against the keys that it has taken in.
package approval

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/signed"
)

// MediaType of the signed statement.
const MediaType = "application/vnd.enrold.approval+cbor"

// maxMessage bounds a signed approval: some names and one signature.
const maxMessage = 4 << 10

// Subject is which visit of which desk an exception belongs to, so that an
// approval is good for nothing else.
type Subject struct {
	Desk    string // the desk's id
	Request string // UUIDv7 of the visit and its request
	Officer string // who serves, and may not approve
}

// statement is what is signed, deterministically encoded.
type statement struct {
	Desk       string             `cbor:"desk_id"`
	Request    string             `cbor:"request_id"`
	Officer    string             `cbor:"officer"`
	Kind       string             `cbor:"kind"`
	Position   eid.FingerPosition `cbor:"position"`
	Reason     string             `cbor:"reason"`
	Supervisor string             `cbor:"supervisor"`
	At         string             `cbor:"at"` // RFC 3339
}

var encMode, _ = detcbor.Modes(detcbor.Bounds{Depth: 4, Elements: 16, Pairs: 16})

func encode(of Subject, x eid.Exception) ([]byte, error) {
	return encMode.Marshal(statement{
		Desk: of.Desk, Request: of.Request, Officer: of.Officer,
		Kind: x.Kind, Position: x.Position, Reason: x.Reason, Supervisor: x.Supervisor, At: x.At.UTC().Format(time.RFC3339Nano),
	})
}

// Sign returns COSE_Sign1 (RFC 9052 §4.2) by the supervisor's key over the
// exception, whose own Approval is not looked at.
func Sign(key crypto.Signer, of Subject, x eid.Exception) ([]byte, error) {
	content, err := encode(of, x)
	if err != nil {
		return nil, fmt.Errorf("approve exception: %w", err)
	}
	return signed.Sign(key, MediaType, content)
}

// KeyID names the key that claims to have signed x; errors say why x carries no
// approval that could be checked.
func KeyID(x eid.Exception) ([]byte, error) {
	if len(x.Approval) == 0 {
		return nil, errors.New("the exception has no supervisor's signature")
	}
	if len(x.Approval) > maxMessage {
		return nil, fmt.Errorf("supervisor's signature of %d bytes, at most %d", len(x.Approval), maxMessage)
	}
	return signed.KeyID(MediaType, x.Approval)
}

// Verify checks that the owner of pub approved exactly x.
func Verify(pub crypto.PublicKey, of Subject, x eid.Exception) error {
	if _, err := KeyID(x); err != nil {
		return fmt.Errorf("verify approval: %w", err)
	}
	got, err := signed.Verify(pub, MediaType, x.Approval)
	if err != nil {
		return fmt.Errorf("verify approval: %w", err)
	}
	want, err := encode(of, x)
	if err != nil {
		return fmt.Errorf("verify approval: %w", err)
	}
	if !bytes.Equal(got, want) {
		return errors.New("verify approval: the supervisor signed another exception")
	}
	return nil
}
