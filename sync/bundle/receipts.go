package bundle

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/signed"
	"github.com/enrold/enrold/sync/wire"
)

// Ledger writes down what a results bundle says; *queue.Queue is one.
type Ledger interface {
	Get(ctx context.Context, id string) (queue.Row, error)
	Received(ctx context.Context, receipt queue.Statement) error
	Settled(ctx context.Context, o queue.Outcome) error
	Failed(ctx context.Context, a queue.Attempt) error
}

// Settled says what a results bundle brought.
type Settled struct {
	Bundle    string     `json:"bundle"`
	InReplyTo string     `json:"in_reply_to"`
	Received  int        `json:"received"` // receipts that let payloads go
	Decided   int        `json:"decided"`  // results
	Refused   int        `json:"refused"`  // requests that the central will never take
	Known     int        `json:"known"`    // statements that say nothing new
	Bad       int        `json:"bad"`      // statements that do not verify, or about other bytes
	Published []string   `json:"published,omitempty"`
	Codes     []eid.Code `json:"codes,omitempty"`
}

func (s *Settled) note(code eid.Code) {
	if !slices.Contains(s.Codes, code) {
		s.Codes = append(s.Codes, code)
	}
}

// Settle applies results bundles at a desk.
type Settle struct {
	Desk       string
	ReceiptKey *ecdsa.PublicKey
	Ledger     Ledger
	Published  *published.Store // may be nil
	Now        func() time.Time
}

// Take applies one results bundle. One that is unfinished, altered or another
// desk's is refused whole (eid.CodeBundleUnfinished, eid.CodeBundleAltered,
// eid.CodeBundleForeign). Each statement in it is verified for itself as one
// from the network is; one that does not verify deletes nothing and is counted
// as bad. A bundle with nothing new says eid.CodeBundleReplayed.
func (x Settle) Take(ctx context.Context, dir string) (Settled, error) {
	r, err := openFolder(dir)
	if err != nil {
		return Settled{}, err
	}
	defer r.close()
	m, err := readResults(r, x.ReceiptKey)
	if err != nil {
		return Settled{}, err
	}
	if m.DeskID != x.Desk {
		return Settled{}, eid.Fail(eid.CodeBundleForeign, "verify results", errors.New("results are another desk's"))
	}
	done := Settled{Bundle: m.Bundle, InReplyTo: m.InReplyTo}
	for _, a := range m.Answers {
		if err := x.answer(ctx, a, &done); err != nil {
			return done, fmt.Errorf("settle bundle: %w", err)
		}
	}
	if x.Published != nil && len(m.Published) > 0 {
		fresh, err := x.Published.Sync(ctx, stick{r, m.Published}, x.Now())
		if err != nil {
			done.note(eid.CodeOf(err))
		}
		done.Published = fresh
	}
	if done.Known > 0 && done.Received+done.Decided+done.Refused+done.Bad+len(done.Published) == 0 {
		done.note(eid.CodeBundleReplayed)
	}
	return done, nil
}

func readResults(r *reader, key crypto.PublicKey) (Results, error) {
	const op = "verify results"
	message, err := r.manifest(maxResults)
	if err != nil {
		return Results{}, err
	}
	payload, err := signed.Verify(key, typeResults, message)
	if err != nil {
		return Results{}, eid.Fail(eid.CodeBundleAltered, op, err)
	}
	m, err := decodeResults(payload)
	if err != nil {
		return Results{}, eid.Fail(eid.CodeBundleAltered, op, err)
	}
	return m, nil
}

// answer applies what was said of one request. Only a failure of the queue
// itself is an error.
func (x Settle) answer(ctx context.Context, a Answer, done *Settled) error {
	row, err := x.Ledger.Get(ctx, a.ID)
	if eid.CodeOf(err) == eid.CodeInput {
		done.Bad++
		done.note(eid.CodeBundleForeign) // this queue does not know the request
		return nil
	}
	if err != nil {
		return err
	}
	if a.Refused != "" {
		return x.refused(ctx, row, a.Refused, done)
	}
	for _, message := range a.Statements {
		switch next, err := x.statement(ctx, row, message, done); {
		case eid.CodeOf(err) == eid.CodeReceipt:
			done.Bad++
			done.note(eid.CodeReceipt)
		case err != nil:
			return err
		default:
			row = next
		}
	}
	return nil
}

func waits(s queue.State) bool {
	return s == queue.Sealed || s == queue.Announced || s == queue.Uploading
}

func (x Settle) refused(ctx context.Context, row queue.Row, reason wire.Reason, done *Settled) error {
	if !waits(row.State) {
		done.Known++
		return nil
	}
	err := x.Ledger.Failed(ctx, queue.Attempt{ID: row.ID, Code: eid.CodeSyncRefused, Reason: string(reason), Next: x.Now(), Aside: true})
	if err == nil {
		done.Refused++
		done.note(eid.CodeSyncRefused)
	}
	return err
}

// statement verifies one statement, applies it and returns the row after it.
func (x Settle) statement(ctx context.Context, row queue.Row, message []byte, done *Settled) (queue.Row, error) {
	s, err := wire.VerifyStatement(x.ReceiptKey, message)
	if err == nil {
		err = s.About(s.Kind, request.Ident{Desk: x.Desk, Request: row.ID, Seq: row.Seq}, row.BodyHash)
	}
	if err != nil {
		return row, eid.Fail(eid.CodeReceipt, "verify statement", err)
	}
	st := queue.Statement{ID: row.ID, DeskID: x.Desk, Seq: row.Seq, BodyHash: row.BodyHash, Signed: message, At: time.UnixMilli(s.Time)}
	count := &done.Received
	if s.Kind == wire.KindReceipt {
		err = x.Ledger.Received(ctx, st)
	} else {
		count = &done.Decided
		err = x.Ledger.Settled(ctx, queue.Outcome{Statement: st, State: queue.State(s.State), Reason: string(s.Reason)})
	}
	if err != nil && eid.CodeOf(err) != eid.CodeState { // E-STATE: an older result than the one known
		return row, err
	}
	next, err := x.Ledger.Get(ctx, row.ID)
	if err != nil {
		return row, err
	}
	if next.State == row.State && next.Reason == row.Reason {
		count = &done.Known
	}
	*count++
	return next, nil
}

// stick offers the signed data of a bundle.
type stick struct {
	r       *reader
	entries []published.Entry
}

// List returns what the manifest names.
func (s stick) List(context.Context) ([]published.Entry, error) { return s.entries, nil }

// Item reads one file and checks it against its hash.
func (s stick) Item(_ context.Context, e published.Entry) ([]byte, error) {
	const op = "read published item"
	if !slices.Contains(published.Kinds(), e.Kind) {
		return nil, eid.Fail(eid.CodePublished, op, errors.New("unknown kind"))
	}
	message, err := s.r.read(payloadFolder+"/"+itemFile(e.Kind), published.MaxSigned)
	if err != nil {
		return nil, eid.Fail(eid.CodeBundleUnfinished, op, err)
	}
	if published.Hash(message) != e.Hash {
		return nil, eid.Fail(eid.CodeBundleAltered, op, errors.New("hash differs from the manifest's"))
	}
	return message, nil
}
