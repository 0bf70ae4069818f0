package station

import (
	"context"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// The ports below are all that a visit knows of devices, matchers and the
// queue. The typed clients of internal/worker/{chip,vision,finger} and
// queue satisfy them; each returns *eid.Error for what the officer must see.

// ChipReader reads the document that lies on the reader.
type ChipReader interface {
	// ReadChip opens, reads and checks the chip. progress may be called with the
	// share done, 0 to 1, and the file being read ("DG2"). A failed check is in
	// the result, not an error.
	ReadChip(ctx context.Context, key eid.AccessKey, progress func(share float64, file string)) (eid.ChipDocument, error)
}

// Camera takes portrait frames of one person.
type Camera interface {
	// CaptureFace returns the n best frames seen within the camera's time-out,
	// best first. guidance is called with a short code such as "closer".
	CaptureFace(ctx context.Context, n int, guidance func(code string)) ([]eid.FaceSample, error)
}

// FaceMatcher compares live frames with the chip's portrait.
type FaceMatcher interface {
	CompareFace(ctx context.Context, portrait eid.Blob, live []eid.FaceSample) (eid.FaceDecision, error)
}

// FingerScanner takes one impression.
type FingerScanner interface {
	// CaptureFinger waits for a finger and returns its image; prompt is called
	// with "place" and "lift" when the person must act.
	CaptureFinger(ctx context.Context, position eid.FingerPosition, prompt func(code string)) (eid.FingerSample, error)
}

// FingerMatcher compares two impressions.
type FingerMatcher interface {
	CompareFinger(ctx context.Context, a, b eid.FingerSample) (eid.FingerDecision, error)
}

// Queue takes the finished request: signed, sealed, durable when it returns,
// and the visit's journal cleared in the same transaction.
type Queue interface {
	Enqueue(ctx context.Context, r Request) (Queued, error)
	// Find reports a request already queued under this id (after a crash
	// between commit and answer).
	Find(ctx context.Context, id string) (Queued, bool, error)
	// Room refuses with E-DISK-FULL before a person sits down.
	Room(ctx context.Context) error
}

// Queued is the queue's answer.
type Queued struct {
	Seq         int64     `json:"seq"`
	SealedBytes int       `json:"sealed_bytes"`
	QueuedAt    time.Time `json:"queued_at"`
}

// Journal keeps the open visit's steps so that a killed daemon finds them
// again. Entries are sealed under a key that never reaches the disk; when the
// key is gone, Load returns an *eid.Error with eid.CodeJournalLost and the
// visit is abandoned.
type Journal interface {
	Append(ctx context.Context, visitID string, step string, data []byte) error
	Load(ctx context.Context) (visitID string, entries []Entry, err error) // "" when no visit is open
	Clear(ctx context.Context, visitID string) error
}

// Entry is one journalled step.
type Entry struct {
	Step string
	Data []byte
}

// Supervisor is who allows an exception, and what he proves himself by.
type Supervisor struct {
	ID      string
	PIN     eid.Private // of his token or key; kept nowhere
	LastTry bool        // he knows that a wrong PIN locks the token now
}

// Approver has a supervisor sign an exception. Errors are *eid.Error: E-PIN codes,
// E-TOKEN codes, eid.CodeSupervisorKey, and eid.CodeSupervisor for a key that is
// also the officer's.
type Approver interface {
	Approve(ctx context.Context, by Supervisor, visitID string, x eid.Exception) (approval eid.Blob, err error)
}
