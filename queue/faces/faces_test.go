package faces

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/locked"
)

// desk is a Key that keeps what it sealed, as a TPM keeps what its parent wraps.
type desk struct {
	sealed map[string][]byte
	err    error
}

func (d *desk) Seal(secret []byte) ([]byte, error) {
	handle := fmt.Appendf(nil, "handle %d", len(d.sealed))
	d.sealed[string(handle)] = bytes.Clone(secret)
	return handle, nil
}

func (d *desk) Unseal(handle []byte) ([]byte, error) {
	secret, ok := d.sealed[string(handle)]
	if d.err != nil {
		return nil, d.err
	}
	if !ok {
		return nil, errors.New("no such key")
	}
	return bytes.Clone(secret), nil
}

type world struct {
	dir string
	key *desk
	now time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t.TempDir(), &desk{sealed: map[string][]byte{}}, time.Unix(1_800_000_000, 0)}
}

func (w *world) open(t *testing.T) (*Store, Opened, []Entry) {
	t.Helper()
	var all []Entry
	s, found, err := Open(w.dir, Options{Key: w.key, Memory: locked.New(), Now: func() time.Time { return w.now }}, func(e Entry) error {
		e.Template = slices.Clone(e.Template)
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // again, where the test did
	return s, found, all
}

func entry(s *Store, n uint64, expires time.Time) Entry {
	e := Entry{Number: n, Person: s.Person("099000000001"), Expires: expires, Model: "test-model", Template: make([]float32, 128)}
	e.Request[0] = byte(n)
	for i := range e.Template {
		e.Template[i] = float32(i)*0.25 + float32(n)
	}
	return e
}

func same(a, b Entry) bool {
	return a.Number == b.Number && a.Person == b.Person && a.Request == b.Request && a.Expires.Equal(b.Expires) && a.Model == b.Model && slices.Equal(a.Template, b.Template)
}

func TestRestart(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	var want []Entry
	for n := range uint64(5) {
		e := entry(s, n, w.now.Add(time.Duration(n)*time.Hour+time.Minute))
		want = append(want, e)
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	person := s.Person("099000000002")
	s.Close()
	w.now = w.now.Add(90 * time.Minute)
	s, found, got := w.open(t)
	if found != (Opened{Entries: 3, Expired: 2}) || !slices.EqualFunc(got, want[2:], same) {
		t.Errorf("found %+v, %d entries", found, len(got))
	}
	if s.Person("099000000002") != person {
		t.Error("a person is another after a restart")
	}
	gone, err := s.Keep(func(e Entry) bool { return e.Number != 3 })
	if err != nil || !slices.Equal(gone, []uint64{3}) {
		t.Errorf("gone %v, %v", gone, err)
	}
	if err := s.Add(entry(s, 9, time.Time{})); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, _, got := w.open(t); len(got) != 3 || got[0].Number != 2 || got[1].Number != 4 || got[2].Number != 9 || !got[2].Expires.IsZero() {
		t.Errorf("after Keep: %d entries", len(got))
	}
}

// TestTorn cuts the file at many lengths: whole records are kept, and each cut
// inside one is told.
func TestTorn(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	path := filepath.Join(w.dir, name)
	var ends []int
	size := func() int {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Size())
	}
	ends = append(ends, size())
	for n := range uint64(3) {
		e := entry(s, n, time.Time{})
		e.Template = e.Template[:4]
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, size())
	}
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n <= len(whole); n++ {
		if n%13 > 1 && !slices.Contains(ends, n) && !slices.Contains(ends, n+1) {
			continue // each is two fsyncs
		}
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, found, got := w.open(t)
		s.Close()
		kept, clean := 0, false
		for i, end := range ends {
			if n >= end {
				kept, clean = i, n == end
			}
		}
		want := Opened{Entries: kept, Torn: !clean}
		if n < ends[0] {
			want = Opened{Lost: n > 0}
		}
		if found != want || len(got) != kept {
			t.Fatalf("cut at %d of %d: %+v, want %+v", n, len(whole), found, want)
		}
	}
}

// TestAltered flips bits all over the file: nothing false is ever given.
func TestAltered(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	e := entry(s, 1, time.Time{})
	e.Template = e.Template[:2]
	path := filepath.Join(w.dir, name)
	if err := s.Add(e); err != nil {
		t.Fatal(err)
	}
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := 0; bit < 8*len(whole); bit += 11 {
		altered := bytes.Clone(whole)
		altered[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		s, found, got := w.open(t)
		s.Close()
		if len(got) != 0 || !found.Torn && !found.Lost {
			t.Fatalf("bit %d: %+v, %d entries", bit, found, len(got))
		}
	}
}

// TestKeyGone is a desk without a TPM after a power cut.
func TestKeyGone(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	if err := s.Add(entry(s, 1, time.Time{})); err != nil {
		t.Fatal(err)
	}
	s.Close()
	w.key.err = eid.Fail(eid.CodeTPM, "unseal", nil) // not now: the file waits
	if _, _, err := Open(w.dir, Options{Key: w.key, Memory: locked.New()}, func(Entry) error { return nil }); eid.CodeOf(err) != eid.CodeTPM {
		t.Fatalf("with a broken TPM: %v", err)
	}
	w.key.err = nil
	s, _, got := w.open(t)
	if len(got) != 1 {
		t.Fatalf("%d entries after the TPM failed once", len(got))
	}
	s.Close()
	w.key.sealed = map[string][]byte{}
	if _, found, got := w.open(t); !found.Lost || len(got) != 0 {
		t.Errorf("%+v, %d entries", found, len(got))
	}
}

// TestNothingInTheClear looks for templates, models and persons in the file.
func TestNothingInTheClear(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	e := entry(s, 1, time.Time{})
	if err := s.Add(e); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	plain := encode(e)
	for what, marker := range map[string][]byte{"template": plain[fixed : fixed+32], "model": []byte(e.Model), "person": e.Person[:], "number": []byte("099000000001")} {
		if bytes.Contains(data, marker) {
			t.Errorf("the file holds the %s", what)
		}
	}
	before, _, _ := splitHeader(data)
	first := bytes.Clone(before)
	if _, err := s.Keep(func(Entry) bool { return true }); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := splitHeader(data); err != nil || bytes.Equal(first, again) {
		t.Error("the new file has the old key")
	}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files in the folder, %v", len(files), err)
	}
}

// TestErrorKeepsTheFile ends Open by the caller's error.
func TestErrorKeepsTheFile(t *testing.T) {
	w := newWorld(t)
	s, _, _ := w.open(t)
	if err := s.Add(entry(s, 1, time.Time{})); err != nil {
		t.Fatal(err)
	}
	s.Close()
	full := errors.New("full")
	_, _, err := Open(w.dir, Options{Key: w.key, Memory: locked.New()}, func(Entry) error { return full })
	if !errors.Is(err, full) {
		t.Fatalf("open: %v", err)
	}
	if _, _, got := w.open(t); len(got) != 1 {
		t.Errorf("%d entries after a failed open", len(got))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(Entry{Number: 1, Model: "m", Template: []float32{1, 2, 3}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		plain := make([]byte, len(data), len(data)+64) // a heap object of its own: aligned
		copy(plain, data)
		e, err := decode(plain)
		if err != nil {
			return
		}
		again, err := decode(encode(e))
		if err != nil || again.Number != e.Number || len(again.Template) != len(e.Template) || again.Model != e.Model {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(magic + "\x00\x00\x00\x08handle \x00rest"))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, rest, err := splitHeader(data); err == nil && len(rest) > len(data) {
			t.Error("more than there was")
		}
		aead, err := newAEAD(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		r := reader{aead: aead, rest: data, buffer: make([]byte, maxRecord)}
		for {
			if _, ok, err := r.next(); err != nil || !ok {
				return
			}
		}
	})
}
