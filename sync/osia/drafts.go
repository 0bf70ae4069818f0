package osia

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/wire"
)

// drafts keeps enrollments between creation and finalize, in a folder: what the
// desk said of each (ID.json) and its buffer (ID.buffer). They are sealed bytes
// and nothing about a person. Those that are never finished go after a while.
type drafts struct {
	dir string
	mu  *sync.Mutex
}

const (
	maxDrafts    = 4096
	draftsKept   = 30 * 24 * time.Hour
	draftSuffix  = ".json"
	bufferSuffix = ".buffer"
)

// draft is one unfinished enrollment.
type draft struct {
	RequestData
	Checked   bool `json:"checked"`   // the integrity of its buffer was verified
	Encrypted bool `json:"encrypted"` // the buffer is a JWE
}

func openDrafts(dir string) (drafts, error) {
	d := drafts{dir: dir, mu: new(sync.Mutex)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return d, fmt.Errorf("open OSIA drafts: %w", err)
	}
	_, err := store.Sweep(dir, func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err != nil || time.Since(info.ModTime()) < draftsKept
	})
	if err != nil {
		return d, fmt.Errorf("open OSIA drafts: %w", err)
	}
	return d, nil
}

func (d drafts) create(id string, r RequestData) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := os.Stat(filepath.Join(d.dir, id+draftSuffix)); err == nil {
		return refuse(http.StatusConflict, wire.ReasonOtherBody)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	if len(names) > 2*maxDrafts {
		return errors.New("too many unfinished enrollments")
	}
	return d.put(id, draft{RequestData: r})
}

func (d drafts) get(id, desk string) (RequestData, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.load(id, desk)
	return e.RequestData, err
}

func (d drafts) setBuffer(id, desk string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.load(id, desk)
	if err != nil {
		return err
	}
	e.Checked = false // another buffer needs another check
	if err := d.put(id, e); err != nil {
		return err
	}
	if err := store.WriteFile(d.dir, id+bufferSuffix, data); err != nil {
		return err
	}
	return store.SyncDir(d.dir)
}

func (d drafts) buffered(id, desk string) (draft, []byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.load(id, desk)
	if err != nil {
		return draft{}, nil, err
	}
	data, err := store.ReadFile(d.dir, id+bufferSuffix, maxBuffer)
	if errors.Is(err, fs.ErrNotExist) {
		return draft{}, nil, refuse(http.StatusBadRequest, wire.ReasonMalformed) // no buffer yet
	}
	return e, data, err
}

func (d drafts) checked(id string, encrypted bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.load(id, "")
	if err != nil {
		return err
	}
	e.Checked, e.Encrypted = true, encrypted
	return d.put(id, e)
}

func (d drafts) drop(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, suffix := range []string{bufferSuffix, draftSuffix} {
		if err := os.Remove(filepath.Join(d.dir, id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drop OSIA draft: %w", err)
		}
	}
	return nil
}

// load returns the draft of a desk; any desk's for "". Another desk's is as
// unknown as one that is not there.
func (d drafts) load(id, desk string) (draft, error) {
	data, err := store.ReadFile(d.dir, id+draftSuffix, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return draft{}, refuse(http.StatusNotFound, wire.ReasonUnknown)
	}
	if err != nil {
		return draft{}, err
	}
	var e draft
	if err := json.Unmarshal(data, &e); err != nil {
		return draft{}, errors.New("OSIA draft is damaged")
	}
	if desk != "" && desk != e.DeskID {
		return draft{}, refuse(http.StatusNotFound, wire.ReasonUnknown)
	}
	return e, nil
}

func (d drafts) put(id string, e draft) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("keep OSIA draft: %w", err)
	}
	if err := store.WriteFile(d.dir, id+draftSuffix, data); err != nil {
		return err
	}
	return store.SyncDir(d.dir)
}
