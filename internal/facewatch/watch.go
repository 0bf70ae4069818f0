// Package facewatch looks for the same face under two identities among the
// desk's own unsent requests, and for an officer who enrols himself. It never
// looks wider: a face is kept from the moment its request is queued to the
// central's receipt, at most Life, and is wiped from memory and file then.
package facewatch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/locked"
	"github.com/enrold/enrold/match/gallery"
	"github.com/enrold/enrold/queue/faces"
)

// Life bounds how long a face is kept if no receipt comes.
const Life = 30 * 24 * time.Hour

// renew is how old the file's key may become: a key in the kernel's keyring ends
// by itself after a day.
const renew = 6 * time.Hour

// nearest is how many candidates are looked at: the person's own earlier
// requests may be among them.
const nearest = 16

// Description is a template with what is needed to judge it.
type Description struct {
	Model    string
	Template []float32 // unit length; nil: this desk's model is not fit for a search
	Alike    float64   // cosine similarity from which two are one person to the model
}

// Describe makes the template of the person of several images.
type Describe func(ctx context.Context, live []eid.FaceSample) (Description, error)

// Options of a watch; all are required.
type Options struct {
	Dir      string // folder of the file
	Key      faces.Key
	Describe Describe
	Waits    func(ctx context.Context, requestID string) (bool, error) // no receipt yet
	Now      func() time.Time
	Log      *slog.Logger
}

// Watch is safe for concurrent use.
type Watch struct {
	o      Options
	memory *locked.Memory
	store  *faces.Store

	mu      sync.Mutex
	models  map[string]*gallery.Gallery
	entries map[uint64]faces.Entry // without templates
	next    uint64
	pending *faces.Entry // of the open visit
	renewed time.Time
	stale   bool // the file holds what memory does not
}

// Open reads what is kept. Close it.
func Open(o Options) (*Watch, error) {
	w := &Watch{o: o, memory: locked.New(), models: map[string]*gallery.Gallery{}, entries: map[uint64]faces.Entry{}, renewed: o.Now()}
	store, _, err := faces.Open(o.Dir, faces.Options{Key: o.Key, Memory: w.memory, Now: o.Now, Log: o.Log}, w.hold)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open face watch: %w", err), w.closeGalleries())
	}
	w.store = store
	if err := w.memory.Refused(); err != nil {
		o.Log.Warn("faces of unsent requests may reach the swap", "error", err)
	}
	return w, nil
}

// hold takes an entry into memory.
func (w *Watch) hold(e faces.Entry) error {
	g := w.models[e.Model]
	if g == nil {
		var err error
		g, err = gallery.New(gallery.Options{Dimension: len(e.Template), Kernel: gallery.Best(), Memory: w.memory})
		if err != nil {
			return err
		}
		w.models[e.Model] = g
	}
	if err := g.Add(e.Number, e.Template); err != nil {
		return err
	}
	w.next = max(w.next, e.Number+1)
	e.Template = nil
	w.entries[e.Number] = e
	return nil
}

// Seen implements station.SeenBefore.
func (w *Watch) Seen(ctx context.Context, visitID, identity string, live []eid.FaceSample) ([]eid.Code, error) {
	const op = "look for face"
	id, err := parseID(visitID)
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, op, err)
	}
	d, err := w.o.Describe(ctx, live)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if d.Template == nil {
		return nil, nil
	}
	person := w.store.Person(identity)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgetPending()
	w.pending = &faces.Entry{Person: person, Request: id, Model: d.Model, Template: d.Template}
	g := w.models[d.Model]
	if g == nil {
		return nil, nil
	}
	found, err := g.Search(ctx, d.Template, nearest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	var twice, officer bool
	for _, c := range found {
		if float64(c.Score) < d.Alike {
			break
		}
		e := w.entries[c.Number]
		officer = officer || e.Request == [16]byte{}
		twice = twice || e.Request != [16]byte{} && e.Person != person && e.Request != id
	}
	var codes []eid.Code
	if twice {
		codes = append(codes, eid.CodeFaceTwice)
	}
	if officer {
		codes = append(codes, eid.CodeFaceOfficer)
	}
	return codes, nil
}

// parseID reads a UUID in its usual form (RFC 9562 §4).
func parseID(text string) (id [16]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != len(id) || formatID([16]byte(b)) != text {
		return id, errors.New("not a UUID")
	}
	return [16]byte(b), nil
}

func formatID(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Ended keeps the face of a visit whose request was queued, and forgets any other.
func (w *Watch) Ended(visitID string, queued bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.forgetPending()
	p := w.pending
	if p == nil || !queued || formatID(p.Request) != visitID {
		return nil
	}
	p.Expires = w.o.Now().Add(Life)
	return w.add(*p)
}

// AddOfficer keeps an officer's face until ForgetOfficers.
func (w *Watch) AddOfficer(officer string, d Description) error {
	if d.Template == nil {
		return eid.Fail(eid.CodeModels, "keep officer's face", errors.New("this desk's model is not fit for a search"))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.add(faces.Entry{Person: w.store.Person("officer " + officer), Model: d.Model, Template: d.Template})
}

func (w *Watch) add(e faces.Entry) error {
	e.Number = w.next
	if err := w.store.Add(e); err != nil {
		return err
	}
	return w.hold(e)
}

func (w *Watch) forgetPending() {
	if w.pending != nil {
		clear(w.pending.Template)
		w.pending = nil
	}
}

// Sweep wipes the faces whose requests have their receipt or whose time is over.
// Call it when the queue changed, and now and then.
func (w *Watch) Sweep(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, done := w.o.Now(), map[uint64]bool{}
	for number, e := range w.entries {
		if e.Request == [16]byte{} {
			continue
		}
		waits, err := w.o.Waits(ctx, formatID(e.Request))
		if err != nil {
			return fmt.Errorf("sweep faces: %w", err)
		}
		done[number] = !waits || !now.Before(e.Expires)
	}
	gone := 0
	for number, over := range done {
		if over {
			w.models[w.entries[number].Model].Delete(number) // first of all: no search may find it
			delete(w.entries, number)
			gone, w.stale = gone+1, true
		}
	}
	if !w.stale && now.Sub(w.renewed) < renew {
		return nil
	}
	if _, err := w.store.Keep(func(e faces.Entry) bool { _, held := w.entries[e.Number]; return held }); err != nil {
		return fmt.Errorf("sweep faces: %w", err)
	}
	w.renewed, w.stale = now, false
	w.o.Log.Info("faces of sent requests wiped", "gone", gone, "left", len(w.entries))
	return nil
}

// ForgetOfficers wipes all officers' faces.
func (w *Watch) ForgetOfficers() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for number, e := range w.entries {
		if e.Request == [16]byte{} {
			w.models[e.Model].Delete(number)
			delete(w.entries, number)
			w.stale = true
		}
	}
	_, err := w.store.Keep(func(e faces.Entry) bool { return e.Request != [16]byte{} })
	return err
}

// Len is how many faces are held.
func (w *Watch) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.entries)
}

// Close wipes the memory; the sealed file stays.
func (w *Watch) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgetPending()
	return errors.Join(w.closeGalleries(), w.store.Close())
}

func (w *Watch) closeGalleries() error {
	var errs []error
	for _, g := range w.models {
		errs = append(errs, g.Close())
	}
	clear(w.models)
	return errors.Join(errs...)
}
