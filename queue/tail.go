package queue

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/queue/store"
)

// unknown is the size of a tail that has to be read again.
const unknown = -1

// tail is the end of the audit log: all that another entry is built on. The zero
// tail is that of an empty log.
type tail struct {
	size int64
	last Entry
	leaf tlog.Hash   // of last
	edge []tlog.Hash // complete subtrees without a right neighbour, the largest first
}

// loadTail reads the tail of a log of size entries.
func loadTail(tx store.Tx, size int64) (t tail, err error) {
	if size == 0 {
		return t, nil
	}
	t.size = size
	if t.last, err = scanEntry(tx.Row(`SELECT `+entryColumns+` FROM audit WHERE number = ?`, size-1).Scan); err != nil {
		return t, err
	}
	places := []int64{tlog.StoredHashIndex(0, size-1)}
	for level, begin := 62, int64(0); level >= 0; level-- {
		if size>>level&1 != 0 {
			places = append(places, tlog.StoredHashIndex(level, begin>>level))
			begin += 1 << level
		}
	}
	hashes, err := treeIn(tx.Row).ReadHashes(places)
	if err != nil {
		return t, err
	}
	t.leaf, t.edge = hashes[0], hashes[1:]
	return t, nil
}

// add makes e the next entry and returns its row.
func (t *tail) add(e Entry) ([]any, error) {
	e.Number, e.Previous = t.size, make([]byte, tlog.HashSize)
	if t.size > 0 {
		copy(e.Previous, t.leaf[:])
	}
	hashes, err := t.grow(e)
	return []any{e.Number, e.At, e.Boot, e.Elapsed, e.Kind, e.Request, e.RowHash, e.Details, e.Previous, hashes}, err
}

// grow takes e as it stands for the next entry and returns the hashes of the tree
// that it completes: its leaf, and each subtree that it is the last of.
func (t *tail) grow(e Entry) (hashes []byte, err error) {
	if t.leaf, err = e.leaf(); err != nil {
		return nil, err
	}
	hash := t.leaf
	hashes = append(hashes, hash[:]...)
	for n := t.size; n&1 != 0; n >>= 1 {
		left := len(t.edge) - 1
		hash = tlog.NodeHash(t.edge[left], hash)
		t.edge = t.edge[:left]
		hashes = append(hashes, hash[:]...)
	}
	t.edge, t.size, t.last = append(t.edge, hash), t.size+1, e
	return hashes, nil
}
