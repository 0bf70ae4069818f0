package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/queue/request"
)

// Bounds of a [Sync]: what is announced at once, and its bytes.
const (
	MaxAnnounced = 64
	MaxSync      = 64 << 10 // bytes
	maxProof     = 128      // hashes: a log of 2^64 entries needs fewer
)

// Announcement names one request that is to come, in some 150 bytes: from then
// on the central knows what it misses, should the desk be lost.
type Announcement struct {
	ID   string `cbor:"id"`
	Hash []byte `cbor:"hash"` // SHA-256 of the sealed bytes
	Size int64  `cbor:"size"` // of the sealed bytes
	Due  string `cbor:"due"`  // legal deadline, YYYY-MM-DD
}

// Sync is what a desk says first on a new connection, and when it has something
// new: the requests that wait, and the head of its audit log.
type Sync struct {
	Requests []Announcement `cbor:"requests"`
	Log      *Log           `cbor:"log,omitempty"`
}

// Presence says what a central has of an announced request.
type Presence string

const (
	PresenceAnnounced Presence = "announced" // no byte of it
	PresenceUploading Presence = "uploading" // the first Offset bytes
	PresenceReceived  Presence = "received"  // all; Receipt proves it
	PresenceRefused   Presence = "refused"   // it will not take it, for Reason
)

// Known is the answer to one announcement.
type Known struct {
	ID      string   `cbor:"id"`
	State   Presence `cbor:"state"`
	Offset  int64    `cbor:"offset,omitempty"`
	Receipt []byte   `cbor:"receipt,omitempty"` // signed statement
	Reason  Reason   `cbor:"reason,omitempty"`
}

// SyncAnswer answers a [Sync], its requests in the same order. Log is the head
// that the central keeps of this desk: the next proof starts there. LogReason
// is ReasonLog when the desk's log contradicts it.
type SyncAnswer struct {
	Requests  []Known `cbor:"requests"`
	Log       LogHead `cbor:"log"`
	LogReason Reason  `cbor:"log_reason,omitempty"`
}

var syncEnc, syncDec = detcbor.Modes(detcbor.Bounds{Depth: 6, Elements: maxProof, Pairs: 16})

func (s Sync) check() error {
	if len(s.Requests) > MaxAnnounced {
		return fmt.Errorf("%d announcements, at most %d", len(s.Requests), MaxAnnounced)
	}
	for _, a := range s.Requests {
		if err := request.CheckID(a.ID); err != nil {
			return err
		}
		if len(a.Hash) != request.HashSize || a.Size < 1 || a.Size > MaxRequest {
			return errors.New("hash or size out of bounds")
		}
		if _, err := time.Parse(time.DateOnly, a.Due); a.Due != "" && err != nil {
			return errors.New("deadline is not a day")
		}
	}
	if s.Log == nil {
		return nil
	}
	return s.Log.check()
}

func (a SyncAnswer) check() error {
	for _, k := range a.Requests {
		if err := request.CheckID(k.ID); err != nil {
			return err
		}
		if !validReason(string(k.Reason)) || k.Offset < 0 || k.Offset > MaxRequest || len(k.Receipt) > MaxStatement {
			return errors.New("answer out of bounds")
		}
		if (k.State == PresenceReceived) != (len(k.Receipt) > 0) || (k.State == PresenceRefused) != (k.Reason != "") {
			return errors.New("state does not fit receipt and reason")
		}
		switch k.State {
		case PresenceAnnounced, PresenceUploading, PresenceReceived, PresenceRefused:
		default:
			return errors.New("unknown state")
		}
	}
	if !validReason(string(a.LogReason)) {
		return errors.New("reason is not a code")
	}
	return a.Log.check()
}

// EncodeSync returns the body of POST /v1/announcements.
func EncodeSync(s Sync) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("encode announcements: %w", err)
	}
	return syncEnc.Marshal(s)
}

// ReadSync reads and checks what a desk announces.
func ReadSync(body io.Reader) (s Sync, err error) {
	if err = readCBOR(body, &s); err == nil {
		err = s.check()
	}
	if err != nil {
		return Sync{}, fmt.Errorf("read announcements: %w", err)
	}
	return s, nil
}

// WriteSyncAnswer answers a [Sync].
func WriteSyncAnswer(w http.ResponseWriter, a SyncAnswer) error {
	err := a.check()
	if err != nil {
		return fmt.Errorf("answer announcements: %w", err)
	}
	data, err := syncEnc.Marshal(a)
	if err != nil {
		return fmt.Errorf("answer announcements: %w", err)
	}
	w.Header().Set("Content-Type", TypeCBOR)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // a failed write is the desk's to notice
	return nil
}

// ReadSyncAnswer reads and checks a central's answer to s.
func ReadSyncAnswer(body io.Reader, s Sync) (a SyncAnswer, err error) {
	if err = readCBOR(io.LimitReader(body, maxSyncAnswer), &a); err == nil {
		err = a.check()
	}
	if err == nil && len(a.Requests) != len(s.Requests) {
		err = errors.New("not one answer a request")
	}
	for i := range a.Requests {
		if err == nil && (a.Requests[i].ID != s.Requests[i].ID || a.Requests[i].Offset > s.Requests[i].Size) {
			err = errors.New("an answer is about something else")
		}
	}
	if err != nil {
		return SyncAnswer{}, fmt.Errorf("read answer to announcements: %w", err)
	}
	return a, nil
}

// maxSyncAnswer has room for a receipt a request.
const maxSyncAnswer = MaxSync + MaxAnnounced*MaxStatement

func readCBOR(body io.Reader, into any) error {
	data, err := io.ReadAll(io.LimitReader(body, maxSyncAnswer+1))
	if err != nil {
		return err
	}
	if len(data) > maxSyncAnswer {
		return errors.New("too long")
	}
	if err := syncDec.Unmarshal(data, into); err != nil {
		return fmt.Errorf("malformed CBOR (%T)", err)
	}
	return nil
}
