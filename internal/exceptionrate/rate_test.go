package exceptionrate_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/exceptionrate"
)

func open(t *testing.T, dir string) *exceptionrate.Rate {
	t.Helper()
	r, err := exceptionrate.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAlarm: few are none, many are one, they outlive a restart and grow old.
func TestAlarm(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		plain, excepted int
		after           time.Duration
		count           int
		alarm           bool
	}{
		{0, 2, 0, 2, false},               // two of two: too few to say
		{0, 1, time.Hour, 3, true},        // three of three
		{57, 0, 24 * time.Hour, 3, false}, // three of sixty is one in twenty
		{0, 1, time.Hour, 4, true},        // four of sixty-one
		{100, 0, 24 * time.Hour, 4, false},
		{1, 0, 28 * 24 * time.Hour, 1, false}, // the first three are over
		{0, 0, 60 * 24 * time.Hour, 0, false},
	} {
		now = now.Add(step.after)
		r := open(t, dir) // the daemon was started again
		for n := range step.plain + step.excepted {
			if err := r.Count(now, n < step.excepted); err != nil {
				t.Fatal(err)
			}
		}
		if count, alarm := r.High(now); count != step.count || alarm != step.alarm {
			t.Errorf("step %d: %d, alarm %t, want %d, %t", i+1, count, alarm, step.count, step.alarm)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "exceptions.json")); err != nil || info.Size() > 4<<10 {
		t.Errorf("the file keeps everything: %v, %v", info, err)
	}
}

func TestDamagedFile(t *testing.T) {
	for _, text := range []string{"{", "null"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "exceptions.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exceptionrate.Open(dir); err == nil {
			t.Errorf("%s: read", text)
		}
	}
}
