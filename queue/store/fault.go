package store

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
)

// ErrFull says that the disk is full; nothing was written, and writing goes on
// once there is space.
var ErrFull = errors.New("disk is full")

// ErrStopped says that the disk failed: what is on it is unknown until the files
// are opened again, so nothing more is acknowledged. Linux reports a failed
// write-back once and then forgets it, so that a second fsync would lie.
var ErrStopped = errors.New("store stopped after an error of the disk")

// ErrClosed says that the store is closed.
var ErrClosed = errors.New("store is closed")

// Primary result codes of SQLite, https://www.sqlite.org/rescode.html.
const (
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteNotADB   = 26
	sqliteReadOnly = 8 // a file system that the kernel made read-only after an error
)

// classify adds ErrFull where the cause is a lack of space and ErrStopped where
// it is the disk.
func classify(err error) error {
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrStopped) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqliteFull:
			return fmt.Errorf("%w: %w", ErrFull, err)
		case sqliteIOErr, sqliteCorrupt, sqliteNotADB, sqliteReadOnly:
			return fmt.Errorf("%w: %w", ErrStopped, err)
		}
	}
	return err
}

// Full says that err is a lack of space, also where a reader met it: SQLite writes
// the index of its log for readers, too.
func Full(err error) bool { return errors.Is(classify(err), ErrFull) }

// unsynced marks a failed fsync, whatever its number says, except for a lack of
// space, which some file systems report only then.
func unsynced(err error) error {
	err = classify(err)
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrStopped) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStopped, err)
}
