package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/veraison/go-cose"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/queue/request"
)

// Kind of a statement.
type Kind string

const (
	KindReceipt Kind = "receipt" // these bytes are safe at the central
	KindResult  Kind = "result"  // this is the decision on them
)

// State that a statement gives a request.
type State string

const (
	StateReceived          State = "received"         // receipts
	StateAccepted          State = "accepted"         // results: taken up for decision
	StateNeedsCorrection   State = "needs_correction" // with a reason
	StateGranted           State = "granted"
	StateRejected          State = "rejected" // with a reason
	StateActivated         State = "activated"
	StateActivationExpired State = "activation_expired"
)

// Final says whether no later result can follow.
func (s State) Final() bool {
	return s == StateRejected || s == StateActivated || s == StateActivationExpired
}

// Statement is what the central signs. It names sealed bytes, not a person.
type Statement struct {
	Kind      Kind   `cbor:"kind"`
	RequestID string `cbor:"request_id"`
	DeskID    string `cbor:"desk_id"`
	Seq       int64  `cbor:"seq"`
	BodyHash  []byte `cbor:"body_hash"` // SHA-256 of the sealed bytes
	State     State  `cbor:"state"`
	Reason    Reason `cbor:"reason"` // why rejected or to be corrected, "" otherwise
	Time      int64  `cbor:"time"`   // Unix milliseconds at the central
}

const statementType = "application/vnd.enrold.statement+cbor"

var statementEnc, statementDec = detcbor.Modes(detcbor.Bounds{Depth: 4, Elements: 16, Pairs: 16})

// NewReceipt says that the bytes hashed as hash are stored.
func NewReceipt(id request.Ident, hash []byte, at time.Time) Statement {
	return Statement{Kind: KindReceipt, RequestID: id.Request, DeskID: id.Desk, Seq: id.Seq, BodyHash: hash, State: StateReceived, Time: at.UnixMilli()}
}

// NewResult says what was decided on them.
func NewResult(id request.Ident, hash []byte, state State, reason Reason, at time.Time) Statement {
	return Statement{Kind: KindResult, RequestID: id.Request, DeskID: id.Desk, Seq: id.Seq, BodyHash: hash, State: state, Reason: reason, Time: at.UnixMilli()}
}

func (s Statement) check() error {
	if err := request.CheckID(s.RequestID); err != nil {
		return err
	}
	if err := request.CheckDesk(s.DeskID); err != nil {
		return err
	}
	if s.Seq < 1 || len(s.BodyHash) != request.HashSize || s.Time <= 0 {
		return errors.New("number, hash or time out of bounds")
	}
	if !validReason(string(s.Reason)) {
		return errors.New("reason is not a code")
	}
	fits := false
	switch s.State {
	case StateReceived:
		fits = s.Kind == KindReceipt && s.Reason == ""
	case StateAccepted, StateGranted, StateActivated, StateActivationExpired:
		fits = s.Kind == KindResult && s.Reason == ""
	case StateNeedsCorrection, StateRejected:
		fits = s.Kind == KindResult && s.Reason != ""
	}
	if !fits {
		return errors.New("kind, state and reason do not fit each other")
	}
	return nil
}

// SignStatement returns s as COSE_Sign1 with ES256 under the receipt key.
func SignStatement(key crypto.Signer, s Statement) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	payload, err := statementEnc.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	kid, err := request.KeyID(key.Public())
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	signer, err := cose.NewSigner(cose.AlgorithmES256, key)
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	m := cose.NewSign1Message()
	m.Payload = payload
	m.Headers.Protected = cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm:   cose.AlgorithmES256,
		cose.HeaderLabelContentType: statementType,
		cose.HeaderLabelKeyID:       kid,
	}
	if err := m.Sign(rand.Reader, nil, signer); err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	signed, err := m.MarshalCBOR()
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return signed, nil
}

// VerifyStatement checks the signature of a statement and its form.
func VerifyStatement(pub *ecdsa.PublicKey, signed []byte) (Statement, error) {
	if len(signed) > MaxStatement {
		return Statement{}, fmt.Errorf("verify statement: %d bytes, at most %d", len(signed), MaxStatement)
	}
	m := cose.NewSign1Message()
	if err := m.UnmarshalCBOR(signed); err != nil {
		return Statement{}, fmt.Errorf("verify statement: not a COSE_Sign1 message (%T)", err)
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmES256, pub)
	if err != nil {
		return Statement{}, fmt.Errorf("verify statement: %w", err)
	}
	if err := m.Verify(nil, verifier); err != nil {
		return Statement{}, fmt.Errorf("verify statement: %w", err)
	}
	if m.Headers.Protected[cose.HeaderLabelContentType] != statementType {
		return Statement{}, errors.New("verify statement: signed content is not a statement")
	}
	return decodeStatement(m.Payload)
}

func decodeStatement(payload []byte) (Statement, error) {
	var s Statement
	if err := statementDec.Unmarshal(payload, &s); err != nil {
		return Statement{}, fmt.Errorf("decode statement: malformed CBOR (%T)", err)
	}
	if err := s.check(); err != nil {
		return Statement{}, fmt.Errorf("decode statement: %w", err)
	}
	return s, nil
}

// About says whether s is a statement of kind about these sealed bytes.
func (s Statement) About(kind Kind, id request.Ident, hash []byte) error {
	if s.Kind != kind || s.RequestID != id.Request || s.DeskID != id.Desk || s.Seq != id.Seq || !bytes.Equal(s.BodyHash, hash) {
		return errors.New("statement is about something else")
	}
	return nil
}

// LoadReceiptKey reads the public key that signs a central's statements.
func LoadReceiptKey(path string) (*ecdsa.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load receipt key: %w", err)
	}
	pub, err := request.ParsePublicKey(data)
	if err != nil {
		return nil, fmt.Errorf("load receipt key %s: %w", path, err)
	}
	return pub, nil
}
