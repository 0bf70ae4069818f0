package bundle

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Payloads reads the sealed bytes of a request; *queue.Reader is one.
type Payloads interface {
	Payload(ctx context.Context, id string) ([]byte, error)
}

// Export is what a desk puts on a stick.
type Export struct {
	To       string // folder of the stick
	Desk     string
	Device   crypto.Signer
	Rows     []queue.Row // what waits to be sent, at most MaxEntries
	Awaiting []string    // ids whose results are asked for, at most MaxEntries
	Log      wire.Log
	Payloads Payloads
	Now      time.Time
}

// Write puts the bundle on the stick and returns its folder. One request after
// the other passes through memory. Too little room is eid.CodeDiskFull and
// leaves nothing behind; after any other error the folder has no manifest.
func (x Export) Write(ctx context.Context) (dir string, err error) {
	dir, err = x.write(ctx)
	if err != nil {
		return "", fmt.Errorf("write bundle: %w", err)
	}
	return dir, nil
}

func (x Export) write(ctx context.Context) (string, error) {
	id, err := newID()
	if err != nil {
		return "", err
	}
	m := Requests{
		Version: version, Bundle: id, DeskID: x.Desk, Made: x.Now.UnixMilli(),
		Count: len(x.Rows), Entries: make([]Entry, 0, len(x.Rows)), Awaiting: x.Awaiting, Log: x.Log,
	}
	size := int64(0)
	for _, r := range x.Rows {
		m.Entries = append(m.Entries, Entry{ID: r.ID, Seq: r.Seq, Hash: r.BodyHash, Size: int64(r.SealedBytes)})
		size += int64(r.SealedBytes)
	}
	slices.SortFunc(m.Entries, func(a, b Entry) int { return int(a.Seq - b.Seq) })
	if err := m.check(); err != nil {
		return "", err
	}
	p, err := begin(x.To, folderName(requestsPrefix, x.Desk, id, x.Now), len(m.Entries), size)
	if err != nil {
		return "", err
	}
	for _, e := range m.Entries {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		sealed, err := x.Payloads.Payload(ctx, e.ID)
		if err != nil {
			return "", err
		}
		if int64(len(sealed)) != e.Size || !bytes.Equal(request.Hash(sealed), e.Hash) {
			return "", fmt.Errorf("request %d changed while it was written", e.Seq)
		}
		if err := p.add(requestFile(e.ID), sealed); err != nil {
			return "", err
		}
	}
	if err := p.finish(x.Device, typeRequests, m); err != nil {
		return "", err
	}
	return filepath.Clean(p.dir), nil
}

func requestFile(id string) string { return id + ".req" }
