// Package bundle carries requests, receipts and results on a USB stick, for
// desks without a network. A bundle is one folder:
//
//	enrold-requests-DESK-TIME-NNNN/          written by the desk
//	  payload/ID.req                         sealed bytes, as in the queue
//	  manifest.cbor                          COSE_Sign1 by the device key; written last
//	enrold-results-DESK-TIME-NNNN/           written by the central
//	  payload/KIND.cose                      signed data for the desk (package published)
//	  manifest.cbor                          COSE_Sign1 by the receipt key, with the statements
//
// A stick that is pulled too early holds a folder without a manifest, or files
// shorter than their manifest says: both are told from a bundle that was
// altered. All names are fit for FAT. A request enters the central by the same
// door as over the network, so the two ways may cross.
package bundle

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire"
)

// Bounds of one bundle.
const (
	MaxEntries  = 10_000
	maxManifest = 4 << 20
	maxResults  = 16 << 20
)

const (
	version       = 1
	typeRequests  = "application/vnd.enrold.bundle-requests+cbor"
	typeResults   = "application/vnd.enrold.bundle-results+cbor"
	maxStatements = 3 // of one request: receipt and results
)

// Requests is the manifest of a desk's bundle.
type Requests struct {
	Version  int      `cbor:"version"`
	Bundle   string   `cbor:"bundle"` // UUIDv7
	DeskID   string   `cbor:"desk_id"`
	Made     int64    `cbor:"made"` // Unix milliseconds at the desk
	Count    int      `cbor:"count"`
	Entries  []Entry  `cbor:"entries"`  // ascending by Seq
	Awaiting []string `cbor:"awaiting"` // received earlier; their results are asked for
	Log      wire.Log `cbor:"log"`      // head of the desk's audit log
}

// Entry names one sealed request of the bundle.
type Entry struct {
	ID   string `cbor:"id"`
	Seq  int64  `cbor:"seq"`
	Hash []byte `cbor:"hash"` // SHA-256 of the sealed bytes
	Size int64  `cbor:"size"`
}

// Results is the manifest of a central's answer.
type Results struct {
	Version   int               `cbor:"version"`
	Bundle    string            `cbor:"bundle"`
	InReplyTo string            `cbor:"in_reply_to"` // Requests.Bundle
	DeskID    string            `cbor:"desk_id"`
	Made      int64             `cbor:"made"` // Unix milliseconds at the central
	Answers   []Answer          `cbor:"answers"`
	Log       wire.LogHead      `cbor:"log"` // what the central keeps of the desk's log
	Published []published.Entry `cbor:"published"`
}

// Answer is what became of one request: signed statements, or a refusal.
type Answer struct {
	ID         string      `cbor:"id"`
	Statements [][]byte    `cbor:"statements"` // as wire.SignStatement makes them, the receipt first
	Refused    wire.Reason `cbor:"refused"`    // why the central will never take it, else ""
}

var encMode, decMode = detcbor.Modes(detcbor.Bounds{Depth: 6, Elements: MaxEntries, Pairs: 16})

func decodeRequests(payload []byte) (Requests, error) {
	var m Requests
	if err := decMode.Unmarshal(payload, &m); err != nil {
		return Requests{}, fmt.Errorf("decode manifest: malformed CBOR (%T)", err)
	}
	if err := m.check(); err != nil {
		return Requests{}, fmt.Errorf("decode manifest: %w", err)
	}
	return m, nil
}

func (m Requests) check() error {
	if err := checkHead(m.Version, m.Bundle, m.DeskID, m.Made); err != nil {
		return err
	}
	if m.Count != len(m.Entries) || len(m.Entries) > MaxEntries || len(m.Awaiting) > MaxEntries {
		return errors.New("number of entries out of bounds")
	}
	ids := make(map[string]bool, len(m.Entries))
	last := int64(0)
	for _, e := range m.Entries {
		if err := request.CheckID(e.ID); err != nil {
			return err
		}
		if ids[e.ID] || e.Seq <= last || len(e.Hash) != request.HashSize || e.Size < 1 || e.Size > request.MaxSealed {
			return errors.New("entry out of order or out of bounds")
		}
		ids[e.ID], last = true, e.Seq
	}
	for _, id := range m.Awaiting {
		if err := request.CheckID(id); err != nil {
			return err
		}
	}
	return nil
}

func decodeResults(payload []byte) (Results, error) {
	var m Results
	if err := decMode.Unmarshal(payload, &m); err != nil {
		return Results{}, fmt.Errorf("decode manifest: malformed CBOR (%T)", err)
	}
	if err := m.check(); err != nil {
		return Results{}, fmt.Errorf("decode manifest: %w", err)
	}
	return m, nil
}

func (m Results) check() error {
	if err := checkHead(m.Version, m.Bundle, m.DeskID, m.Made); err != nil {
		return err
	}
	if err := request.CheckID(m.InReplyTo); err != nil {
		return err
	}
	if len(m.Answers) > 2*MaxEntries || len(m.Published) > len(published.Kinds()) {
		return errors.New("number of answers out of bounds")
	}
	for _, a := range m.Answers {
		if err := request.CheckID(a.ID); err != nil {
			return err
		}
		if len(a.Statements) > maxStatements || (len(a.Statements) == 0) == (a.Refused == "") {
			return errors.New("an answer holds statements or a refusal")
		}
		for _, s := range a.Statements {
			if len(s) > wire.MaxStatement {
				return errors.New("statement out of bounds")
			}
		}
	}
	return nil
}

func checkHead(v int, bundle, desk string, made int64) error {
	if v != version {
		return fmt.Errorf("bundle version %d, want %d", v, version)
	}
	if err := request.CheckID(bundle); err != nil {
		return err
	}
	if err := request.CheckDesk(desk); err != nil {
		return err
	}
	if made <= 0 {
		return errors.New("time out of bounds")
	}
	return nil
}

// newID names a bundle.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("name bundle: %w", err)
	}
	return id.String(), nil
}

// folderName is unlike any other also where letters have no case, and ends in
// no dot: FAT drops those. The desk's id is shortened to what a name can hold.
func folderName(prefix, desk, bundle string, at time.Time) string {
	if len(desk) > 64 {
		desk = desk[:64]
	}
	return prefix + desk + "-" + at.UTC().Format("20060102T150405Z") + "-" + bundle[len(bundle)-4:]
}
