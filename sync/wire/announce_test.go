package wire

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/queue/request"
)

func announcement() Sync {
	return Sync{
		Requests: []Announcement{{ID: ident.Request, Hash: request.Hash([]byte("sealed")), Size: 6, Due: "2026-11-27"}},
		Log:      &Log{LogHead: LogHead{Size: 3, Root: make([]byte, 32)}, From: 1, Proof: [][]byte{make([]byte, 32)}},
	}
}

func TestSyncBounds(t *testing.T) {
	good, err := EncodeSync(announcement())
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadSync(bytes.NewReader(good))
	if err != nil || back.Requests[0].ID != ident.Request || back.Log.Size != 3 {
		t.Fatalf("%+v, %v", back, err)
	}
	for name, spoil := range map[string]func(*Sync){
		"id":        func(s *Sync) { s.Requests[0].ID = "x" },
		"hash":      func(s *Sync) { s.Requests[0].Hash = nil },
		"size":      func(s *Sync) { s.Requests[0].Size = MaxRequest + 1 },
		"no size":   func(s *Sync) { s.Requests[0].Size = 0 },
		"deadline":  func(s *Sync) { s.Requests[0].Due = "27.11.2026" },
		"too many":  func(s *Sync) { s.Requests = make([]Announcement, MaxAnnounced+1) },
		"root":      func(s *Sync) { s.Log.Root = nil },
		"proof":     func(s *Sync) { s.Log.Proof[0] = []byte{1} },
		"long":      func(s *Sync) { s.Log.Proof = make([][]byte, maxProof+1) },
		"negative":  func(s *Sync) { s.Log.From = -1 },
		"negative2": func(s *Sync) { s.Log.Size = -1 },
	} {
		s := announcement()
		spoil(&s)
		if _, err := EncodeSync(s); err == nil {
			t.Errorf("%s: it was encoded", name)
		}
	}
}

func TestSyncAnswer(t *testing.T) {
	s := announcement()
	answer := func(k Known) error {
		w := httptest.NewRecorder()
		if err := WriteSyncAnswer(w, SyncAnswer{Requests: []Known{k}}); err != nil {
			return err
		}
		_, err := ReadSyncAnswer(w.Body, s)
		return err
	}
	for name, k := range map[string]Known{
		"announced": {ID: ident.Request, State: PresenceAnnounced},
		"uploading": {ID: ident.Request, State: PresenceUploading, Offset: 5},
		"received":  {ID: ident.Request, State: PresenceReceived, Receipt: []byte("r")},
		"refused":   {ID: ident.Request, State: PresenceRefused, Reason: ReasonOtherBody},
	} {
		if err := answer(k); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, k := range map[string]Known{
		"another request":       {ID: "0198c0de-1234-7abc-8def-0123456789ac", State: PresenceAnnounced},
		"more than there is":    {ID: ident.Request, State: PresenceUploading, Offset: 7},
		"received, no receipt":  {ID: ident.Request, State: PresenceReceived},
		"refused for no reason": {ID: ident.Request, State: PresenceRefused},
		"another state":         {ID: ident.Request, State: "lost"},
	} {
		if answer(k) == nil {
			t.Errorf("%s: it was believed", name)
		}
	}
	if _, err := ReadSyncAnswer(bytes.NewReader([]byte{0xa0}), s); err == nil {
		t.Error("an answer without the request was believed")
	}
}

// tree is a log in memory.
type tree struct{ hashes []tlog.Hash }

func (l *tree) add(t *testing.T, entry string) {
	h, err := tlog.StoredHashes(int64(l.size()), []byte(entry), l)
	if err != nil {
		t.Fatal(err)
	}
	l.hashes = append(l.hashes, h...)
}

func (l *tree) size() (n int) {
	for tlog.StoredHashCount(int64(n+1)) <= int64(len(l.hashes)) {
		n++
	}
	return n
}

func (l *tree) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *tree) log(t *testing.T, from int64) Log {
	size := int64(l.size())
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		t.Fatal(err)
	}
	var proof tlog.TreeProof
	if from > 0 {
		if proof, err = tlog.ProveTree(size, from, l); err != nil {
			t.Fatal(err)
		}
	}
	return NewLog(LogHead{Size: size, Root: root[:]}, from, proof)
}

func TestLogExtends(t *testing.T) {
	ours, other := &tree{}, &tree{}
	for _, e := range []string{"a", "b", "c"} {
		ours.add(t, e)
		other.add(t, e+"!")
	}
	kept := ours.log(t, 0).LogHead
	if err := ours.log(t, 0).Extends(LogHead{}); err != nil {
		t.Errorf("the first head: %v", err)
	}
	if err := ours.log(t, 0).Extends(kept); err != nil {
		t.Errorf("the same head: %v", err)
	}
	if err := other.log(t, 0).Extends(kept); !errors.Is(err, ErrLog) {
		t.Errorf("another log of the same length: %v", err)
	}
	for _, e := range []string{"d", "e"} {
		ours.add(t, e)
		other.add(t, e)
	}
	longer := ours.log(t, 3)
	if err := longer.Extends(kept); err != nil {
		t.Errorf("a longer log: %v", err)
	}
	if err := other.log(t, 3).Extends(kept); !errors.Is(err, ErrLog) {
		t.Errorf("a longer log with another beginning: %v", err)
	}
	if err := ours.log(t, 2).Extends(kept); !errors.Is(err, ErrLogFrom) {
		t.Errorf("a proof from elsewhere: %v", err)
	}
	rolled := &tree{}
	rolled.add(t, "a")
	if err := rolled.log(t, 0).Extends(kept); !errors.Is(err, ErrLog) {
		t.Errorf("a log that was rolled back: %v", err)
	}
}

func TestTusMetadata(t *testing.T) {
	hash := request.Hash(nil)
	id, got, err := ParseTusMetadata("filename d29ybGQ=, " + TusMetadata(ident.Request, hash))
	if err != nil || id != ident.Request || !bytes.Equal(got, hash) {
		t.Fatalf("%q %x %v", id, got, err)
	}
	for _, bad := range []string{"", "id !!", "id MQ==", "sha256 MQ=="} {
		if _, _, err := ParseTusMetadata(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzReadSync(f *testing.F) {
	good, err := EncodeSync(announcement())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSync(bytes.NewReader(data))
		if err != nil {
			return
		}
		if s.check() != nil {
			t.Fatal("invalid announcements were accepted")
		}
		if s.Log != nil {
			_ = s.Log.Extends(LogHead{Size: 1, Root: make([]byte, 32)})
		}
		if _, err := EncodeSync(s); err != nil {
			t.Fatalf("accepted, but cannot be encoded: %v", err)
		}
	})
}

func FuzzReadSyncAnswer(f *testing.F) {
	w := httptest.NewRecorder()
	if err := WriteSyncAnswer(w, SyncAnswer{Requests: []Known{{ID: ident.Request, State: PresenceUploading, Offset: 3}}}); err != nil {
		f.Fatal(err)
	}
	f.Add(w.Body.Bytes())
	s := announcement()
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ReadSyncAnswer(bytes.NewReader(data), s)
		if err == nil && (len(a.Requests) != 1 || a.Requests[0].Offset > s.Requests[0].Size) {
			t.Fatal("an answer about something else was accepted")
		}
	})
}

func FuzzTusMetadata(f *testing.F) {
	f.Add(TusMetadata(ident.Request, request.Hash(nil)))
	f.Fuzz(func(t *testing.T, value string) {
		id, hash, err := ParseTusMetadata(value)
		if err == nil && (id == "" || len(hash) == 0) {
			t.Fatal("metadata without id or hash were accepted")
		}
	})
}
