package wire

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// LogHead is the head of a desk's audit log: a Merkle tree (RFC 6962 §2.1) over
// its entries. The zero head is that of an empty log.
type LogHead struct {
	Size int64  `cbor:"size"`
	Root []byte `cbor:"root"` // SHA-256; nil when Size is 0
}

// Log is a desk's log head with the proof that it extends the head of From
// entries, the last one that the central said it keeps. The proof is empty when
// From is 0 or the size itself.
type Log struct {
	LogHead
	From  int64    `cbor:"from"`
	Proof [][]byte `cbor:"proof"`
}

// ErrLog says that a desk's log contradicts what the central keeps of it: it
// was cut, edited, or restored from an older copy.
var ErrLog = errors.New("log does not extend the known one")

// ErrLogFrom says that a proof starts elsewhere than at the kept head: nothing
// is wrong, the desk's next one starts there.
var ErrLogFrom = errors.New("proof starts at another size")

func (h LogHead) check() error {
	if h.Size < 0 || (h.Size == 0) != (len(h.Root) == 0) || h.Size > 0 && len(h.Root) != tlog.HashSize {
		return errors.New("log head out of bounds")
	}
	return nil
}

func (l Log) check() error {
	if err := l.LogHead.check(); err != nil {
		return err
	}
	if l.From < 0 || len(l.Proof) > maxProof {
		return errors.New("log proof out of bounds")
	}
	for _, h := range l.Proof {
		if len(h) != tlog.HashSize {
			return errors.New("log proof out of bounds")
		}
	}
	return nil
}

// NewLog joins a head with the proof that it extends the first from entries.
func NewLog(head LogHead, from int64, proof tlog.TreeProof) Log {
	l := Log{LogHead: head, From: from, Proof: [][]byte{}}
	for _, h := range proof {
		l.Proof = append(l.Proof, bytes.Clone(h[:]))
	}
	return l
}

// Extends checks that l is the kept log or a longer one that begins with it.
// The central keeps l.LogHead when it is nil. ErrLog is an alarm: also for a
// log that is shorter than the kept one.
func (l Log) Extends(kept LogHead) error {
	switch {
	case l.Size < kept.Size:
		return fmt.Errorf("%w: %d entries, %d are known", ErrLog, l.Size, kept.Size)
	case kept.Size == 0:
		return nil
	case l.Size == kept.Size:
		if !bytes.Equal(l.Root, kept.Root) {
			return fmt.Errorf("%w: another root at %d entries", ErrLog, l.Size)
		}
		return nil
	case l.From != kept.Size:
		return ErrLogFrom
	}
	proof := make(tlog.TreeProof, len(l.Proof))
	for i, h := range l.Proof {
		proof[i] = tlog.Hash(h)
	}
	if err := tlog.CheckTree(proof, l.Size, tlog.Hash(l.Root), kept.Size, tlog.Hash(kept.Root)); err != nil {
		return fmt.Errorf("%w: from %d to %d entries", ErrLog, kept.Size, l.Size)
	}
	return nil
}
