// Package vault says what a central keeps: desks with their keys, requests with
// their states and signed results, the last head of each desk's log, alarms. It
// keeps nothing about a person: the sealed bytes are elsewhere (package payload).
//
// Package sqlvault implements it on SQLite, for one process, and on PostgreSQL,
// for several side by side; package vaulttest is the suite that both pass.
package vault

import (
	"context"
	"errors"
	"time"

	"github.com/enrold/enrold/sync/wire"
)

var (
	// ErrUnknown says that there is no such desk, key or request.
	ErrUnknown = errors.New("unknown")
	// ErrOtherSeq says that the desk's number belongs to another request.
	ErrOtherSeq = errors.New("number is used by another request")
	// ErrChain says that a request and its neighbour do not name each other.
	ErrChain = errors.New("chain of requests is broken")
	// ErrChanged says that another process was faster.
	ErrChanged = errors.New("changed by another")
)

// Vault is all that a central keeps. Every method is safe for several
// goroutines; what it acknowledged survives a power cut.
type Vault interface {
	Desks
	Requests
	Logs
	Close() error
}

// Desks is the registry.
type Desks interface {
	// Register adds a desk, or a certificate and a device key to one that is
	// known (renewal); it lifts a revocation, but not that of older keys.
	Register(ctx context.Context, desk string, c Certificate, device Key) error
	// RegisterOfficer adds an officer's key to a desk that is known.
	RegisterOfficer(ctx context.Context, desk string, o Officer) error
	// Revoke ends a desk's right to send, and its certificates and keys.
	Revoke(ctx context.Context, desk string, at time.Time) error
	// RevokeOfficer ends an officer's key at every desk.
	RevokeOfficer(ctx context.Context, kid []byte, at time.Time) error
	// Desk returns a desk whether or not it is revoked.
	Desk(ctx context.Context, id string) (Desk, error)
	// DeskOf returns the desk whose certificate has this SHA-256; ErrUnknown
	// when the certificate or the desk is revoked.
	DeskOf(ctx context.Context, certificate []byte) (Desk, error)
	// Supersede revokes the desk's certificates that were registered before this
	// one, and returns how many: the desk uses its renewed certificate.
	Supersede(ctx context.Context, desk string, certificate []byte, at time.Time) (int, error)
	Desks(ctx context.Context) ([]Desk, error)
}

// Requests are what was received, and what became of it.
type Requests interface {
	// Add stores r unless a request of its id is stored already; the first one
	// is returned with fresh false. ErrOtherSeq and ErrChain store nothing.
	Add(ctx context.Context, r Request) (first Request, fresh bool, err error)
	Request(ctx context.Context, id string) (Request, error)
	// Names says whether a request has the payload of this name.
	Names(ctx context.Context, payload string) (bool, error)
	// Claim takes at most n requests that are due, the longest waiting first,
	// and makes them due again after lease, in case the claimer dies. Next is
	// when another one will be due, zero when none is.
	Claim(ctx context.Context, now time.Time, lease time.Duration, n int) (due []Request, next time.Time, err error)
	// Postpone makes a claimed request due again at a time of the claimer's.
	Postpone(ctx context.Context, id string, state wire.State, at time.Time) error
	// Release makes every claimed request due now. Only for a vault that nobody
	// else uses.
	Release(ctx context.Context, now time.Time) error
	// Move gives a request its next state with the signed result, and when it is
	// due again (zero: never); ErrChanged when its state is not from.
	Move(ctx context.Context, id string, from wire.State, r Result, due time.Time) error
	// Results returns the signed results of a request, oldest first.
	Results(ctx context.Context, id string) ([]Result, error)
	// Counts returns how many requests are in each state.
	Counts(ctx context.Context) (map[wire.State]int, error)
	// Announce notes what a desk is going to send.
	Announce(ctx context.Context, a []Announcement) error
	// Announced returns what was announced and has not arrived, the nearest
	// deadline first.
	Announced(ctx context.Context, limit int) ([]Announcement, error)
}

// Logs are the heads of the desks' audit logs, and alarms.
type Logs interface {
	// Head returns the newest head that was found consistent; size 0 at first.
	Head(ctx context.Context, desk string) (wire.LogHead, error)
	// Advance replaces the head; ErrChanged when it is not from any more.
	Advance(ctx context.Context, desk string, from, to wire.LogHead) error
	// Raise stores an alarm, once for the same detail.
	Raise(ctx context.Context, a Alarm) error
	// Alarms returns the newest first.
	Alarms(ctx context.Context, limit int) ([]Alarm, error)
}
