// Package upload is the central's end of resumable uploads: what a desk
// announces, and the pieces of it that arrive over connections that are cut.
// A finished upload goes through the intake's one door.
//
// It speaks tus 1.0.0 (core, creation, checksum) under /v1/uploads/, and
// [wire.Sync] at /v1/announcements. Beyond tus: an upload is named by its
// request's id, so that a desk that lost the answer to a creation finds it
// again; and the answer to the last chunk carries the signed receipt.
package upload

import (
	"context"
	"errors"
)

// Parts keeps what has arrived of unfinished uploads. Desk and id have passed
// request.CheckDesk and request.CheckID, hash is a SHA-256 of the whole. What
// Append acknowledged survives a power cut. Several processes may share one
// Parts; Append alone decides between them.
type Parts interface {
	// Create makes an empty upload. The same upload again is no error and keeps
	// what it has; another size or hash under the id is ErrConflict, and more
	// open uploads of one desk than the store allows ErrTooMany.
	Create(ctx context.Context, desk, id string, size int64, hash []byte) error
	// Offset returns how many bytes have arrived, of how many, or ErrUnknown.
	Offset(ctx context.Context, desk, id string) (offset, size int64, err error)
	// Append adds chunk at the offset at and returns the new offset. Where at is
	// not the offset it is ErrOffset and nothing is written; a chunk that goes
	// over the size is ErrOffset, too.
	Append(ctx context.Context, desk, id string, at int64, chunk []byte) (int64, error)
	// Bytes returns what has arrived.
	Bytes(ctx context.Context, desk, id string) ([]byte, error)
	// Drop forgets an upload; an unknown one is no error.
	Drop(ctx context.Context, desk, id string) error
}

// Errors of Parts.
var (
	ErrUnknown  = errors.New("no such upload")
	ErrConflict = errors.New("upload is known with another size or hash")
	ErrOffset   = errors.New("offset is not the upload's")
	ErrTooMany  = errors.New("too many open uploads")
)
