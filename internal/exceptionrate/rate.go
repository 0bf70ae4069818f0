// Package exceptionrate counts by day how many requests of a desk leave a finger
// out, and says when they are too many: a second officer who signs everything that
// is put before him is no second officer, and elsewhere most exceptions were fraud.
// It keeps numbers only, nothing about a person.
package exceptionrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/queue/store"
)

// The alarm: over the last Days days at least Least requests with an exception,
// and more than one in Share of all. One person without hands is no alarm at a
// desk that has served three.
const (
	Days  = 30
	Least = 3
	Share = 20
)

const (
	fileName = "exceptions.json"
	maxFile  = 64 << 10
)

// day is what happened on one day, in Viet Nam.
type day struct {
	Requests int `json:"requests"`
	Excepted int `json:"excepted"` // of them with an exception
}

// Rate is safe for concurrent use.
type Rate struct {
	dir string

	mu   sync.Mutex
	days map[eid.Date]day
}

// Open reads the counts in a desk's folder; there may be none yet.
func Open(dir string) (*Rate, error) {
	r := &Rate{dir: dir, days: map[eid.Date]day{}}
	text, err := store.ReadFile(dir, fileName, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r.days)
	}
	if err == nil && r.days == nil { // "null"
		err = errors.New("no counts in the file")
	}
	if err != nil {
		return nil, fmt.Errorf("read rate of exceptions: %w", err)
	}
	return r, nil
}

// Count adds one queued request. The count is kept even where it cannot be
// written; then the error says so.
func (r *Rate) Count(at time.Time, excepted bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	today := procedure.Day(at)
	d := r.days[today]
	d.Requests++
	if excepted {
		d.Excepted++
	}
	r.days[today] = d
	oldest := procedure.Day(at.AddDate(0, 0, -Days))
	maps.DeleteFunc(r.days, func(on eid.Date, _ day) bool { return on <= oldest })
	text, err := json.Marshal(r.days)
	if err == nil {
		err = store.WriteFile(r.dir, fileName, text)
	}
	if err == nil {
		err = store.SyncDir(r.dir)
	}
	if err != nil {
		return fmt.Errorf("write rate of exceptions: %w", err)
	}
	return nil
}

// High returns how many requests of the last Days days left a finger out, and
// whether that is an alarm.
func (r *Rate) High(now time.Time) (excepted int, alarm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest, all := procedure.Day(now.AddDate(0, 0, -Days)), 0
	for on, d := range r.days {
		if on > oldest {
			excepted, all = excepted+d.Excepted, all+d.Requests
		}
	}
	return excepted, excepted >= Least && excepted*Share > all
}
