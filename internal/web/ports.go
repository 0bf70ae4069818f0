package web

import (
	"context"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// Desk is the visit as the screen drives it. Each call returns when its step is
// done; *eid.Error carries what the officer must read.
type Desk interface {
	Start(ctx context.Context, kind eid.ProcedureKind) error
	ReadChip(ctx context.Context, key eid.AccessKey) error
	CaptureFace(ctx context.Context) error
	AcceptFace(ctx context.Context, reason string, note eid.Private) error
	AttestPresence(ctx context.Context) error
	CaptureFinger(ctx context.Context, position eid.FingerPosition) error
	ExceptFinger(ctx context.Context, position eid.FingerPosition, reason string, by station.Supervisor) error
	RefuseException(ctx context.Context, position eid.FingerPosition) error
	SetDetails(ctx context.Context, d station.Details) error
	GiveConsent(ctx context.Context, c eid.Consent) error
	Send(ctx context.Context) error
	Refuse(ctx context.Context) error
	Abandon(ctx context.Context) error
	// View is the open or last visit, nil when there was none. The caller must
	// not change it.
	View() *station.View
	// Subscribe returns events, beginning with the visit as it stands, until the
	// returned function is called.
	Subscribe() (<-chan station.Event, func())
}

// Previewer shows what the camera sees.
type Previewer interface {
	// Preview calls each with JPEG frames and a guidance code ("closer", "" when
	// the frame is good) until ctx ends, each fails or the camera does.
	Preview(ctx context.Context, each func(jpeg []byte, guidance string) error) error
}

// Queue lists the newest requests, newest first.
type Queue interface {
	List(ctx context.Context, limit int) ([]QueueRow, error)
}

// QueueRow is one queued request as the screen shows it: no personal data.
type QueueRow struct {
	Seq         int64     `json:"seq"`
	ID          string    `json:"id"`
	State       string    `json:"state"` // as package queue names them: sealed, uploading, granted, …
	QueuedAt    time.Time `json:"queued_at"`
	DueAt       eid.Date  `json:"due_at,omitempty"`
	Attempts    int       `json:"attempts"`
	SealedBytes int       `json:"sealed_bytes"`
	Offset      int64     `json:"offset,omitempty"`  // bytes of it that the central holds
	Damaged     bool      `json:"damaged,omitempty"` // the row was changed by something else than this software
	Receipt     bool      `json:"receipt"`           // the central's verified receipt is kept
	SyncMS      int64     `json:"sync_ms"`           // first byte sent to verified result; 0 if not known
	Code        eid.Code  `json:"code,omitempty"`    // last failure
	Reason      string    `json:"reason,omitempty"`  // the centre's reason code
}

// Devices says how the device workers are.
type Devices interface {
	Devices(ctx context.Context) ([]Device, error)
}

// Device is one device worker.
type Device struct {
	Name     string   `json:"name"`  // chip, camera, scanner, usb
	State    string   `json:"state"` // ready, starting, missing, failed
	Detail   string   `json:"detail,omitempty"`
	Restarts int      `json:"restarts"`
	Emulated bool     `json:"emulated,omitempty"`
	Code     eid.Code `json:"code,omitempty"` // why it is not ready, or what the officer must know of one that is
}

// Consents gives the text that a person agrees to.
type Consents interface {
	// ConsentText returns the text in force in language "vi" or "en" with its
	// version; *eid.Error of eid.CodeInput for what is unknown.
	ConsentText(kind eid.ProcedureKind, language string) (ConsentText, error)
}

// ConsentText is one version of the consent text.
type ConsentText struct {
	Version  string `json:"version"`
	Language string `json:"language"`
	Text     string `json:"text"`               // paragraphs one a line
	Citation string `json:"citation,omitempty"` // the legal article
}
