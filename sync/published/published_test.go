package published

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

var (
	now  = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	days = 24 * time.Hour
)

func rootKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func item(kind string, version int64) Item {
	return Item{Kind: kind, Version: version, NotBefore: now.Add(-days), NotAfter: now.Add(90 * days), Data: []byte("data")}
}

func sign(t testing.TB, root *ecdsa.PrivateKey, i Item) []byte {
	t.Helper()
	m, err := Sign(root, i)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, dir string, root *ecdsa.PrivateKey) *Store {
	t.Helper()
	s, err := OpenStore(dir, root.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerify(t *testing.T) {
	root := rootKey(t)
	want := item(KindCalendar, 3)
	m := sign(t, root, want)
	got, err := Verify(root.Public(), m)
	if err != nil || !got.Same(want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	// A stolen TLS or receipt key of the central is not the root.
	if _, err := Verify(rootKey(t).Public(), m); eid.CodeOf(err) != eid.CodePublished {
		t.Fatalf("another key's item: %v", err)
	}
	for i := range m {
		bad := bytes.Clone(m)
		bad[i] ^= 1 << (i % 8)
		if _, err := Verify(root.Public(), bad); eid.CodeOf(err) != eid.CodePublished {
			t.Fatalf("byte %d of %d may be changed: %v", i, len(m), err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	root := rootKey(t)
	for name, spoil := range map[string]func(*Item){
		"kind":           func(i *Item) { i.Kind = "passwords" },
		"version":        func(i *Item) { i.Version = 0 },
		"times":          func(i *Item) { i.NotAfter = i.NotBefore },
		"no data":        func(i *Item) { i.Data = nil },
		"too much data":  func(i *Item) { i.Data = make([]byte, MaxData+1) },
		"no seal keys":   func(i *Item) { i.Kind = KindSealKeys },
		"no rules":       func(i *Item) { i.Kind = KindRules },
		"path in a name": func(i *Item) { i.Kind, i.Data = KindRules, mustCBOR(t, map[string][]byte{"../x.toml": {1}}) },
	} {
		i := item(KindCalendar, 1)
		spoil(&i)
		if _, err := Sign(root, i); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func mustCBOR(t testing.TB, v any) []byte {
	t.Helper()
	b, err := encMode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStoreNeverGoesBack(t *testing.T) {
	root, dir := rootKey(t), t.TempDir()
	s := open(t, dir, root)
	v2 := sign(t, root, item(KindCalendar, 2))
	if _, fresh, err := s.Put(v2, now); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if _, fresh, err := s.Put(sign(t, root, item(KindCalendar, 2)), now); err != nil || fresh {
		t.Fatalf("the same again: %v, %v", fresh, err)
	}
	other := item(KindCalendar, 2)
	other.Data = []byte("other")
	over := item(KindCalendar, 9)
	over.NotAfter = now.Add(-time.Hour)
	early := item(KindCalendar, 9)
	early.NotBefore = now.Add(days)
	for name, tc := range map[string]struct {
		signed []byte
		code   eid.Code
	}{
		"older":       {sign(t, root, item(KindCalendar, 1)), eid.CodePublishedOlder},
		"same number": {sign(t, root, other), eid.CodePublished},
		"expired":     {sign(t, root, over), eid.CodePublished},
		"other root":  {sign(t, rootKey(t), item(KindCalendar, 3)), eid.CodePublished},
		"cut":         {v2[:len(v2)-1], eid.CodePublished},
	} {
		if _, fresh, err := s.Put(tc.signed, now); fresh || eid.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, %v, want %s", name, fresh, err, tc.code)
		}
	}
	if _, _, err := s.Put(sign(t, root, early), now); !errors.Is(err, ErrNotYet) {
		t.Errorf("early: %v", err)
	}
	// The same folder again, in this process and in another one's place.
	for _, again := range []*Store{s, open(t, dir, root)} {
		if k, ok := again.Get(KindCalendar); !ok || k.Version != 2 || !bytes.Equal(k.Signed, v2) {
			t.Fatalf("kept %+v, %v", k.Item, ok)
		}
	}
}

func TestStoreSeesWhatAnotherProcessPuts(t *testing.T) {
	root, dir := rootKey(t), t.TempDir()
	a, b := open(t, dir, root), open(t, dir, root)
	if _, _, err := a.Put(sign(t, root, item(KindCalendar, 5)), now); err != nil {
		t.Fatal(err)
	}
	if k, ok := b.Get(KindCalendar); !ok || k.Version != 5 {
		t.Fatalf("the other sees %v, %v", k.Version, ok)
	}
	if _, _, err := b.Put(sign(t, root, item(KindCalendar, 4)), now); eid.CodeOf(err) != eid.CodePublishedOlder {
		t.Fatalf("older into the other: %v", err)
	}
}

// A file exchanged under the store's feet is either the root's and newer, or ignored.
func TestStoreIgnoresForeignFiles(t *testing.T) {
	root, dir := rootKey(t), t.TempDir()
	s := open(t, dir, root)
	old := sign(t, root, item(KindCalendar, 1))
	if _, _, err := s.Put(sign(t, root, item(KindCalendar, 2)), now); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KindCalendar+fileSuffix)
	for name, content := range map[string][]byte{"older": old, "noise": []byte("noise"), "empty": nil} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if k, ok := s.Get(KindCalendar); !ok || k.Version != 2 {
			t.Errorf("%s: version %d, %v", name, k.Version, ok)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, KindRules+fileSuffix), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get(KindRules); ok {
		t.Error("a calendar was taken for rules")
	}
}

func sealKey(t testing.TB) hpke.PrivateKey {
	t.Helper()
	k, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func putSealKeys(t testing.TB, s *Store, root *ecdsa.PrivateKey, version int64, from, to time.Time, keys ...SealKey) {
	t.Helper()
	data, err := EncodeSealKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	m := sign(t, root, Item{Kind: KindSealKeys, Version: version, NotBefore: from, NotAfter: to, Data: data})
	if _, fresh, err := s.Put(m, from.Add(time.Minute)); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
}

func TestSealKeysOverlapAndEnd(t *testing.T) {
	root := rootKey(t)
	s := open(t, t.TempDir(), root)
	p := SealPolicy{Grace: 7 * days, Warn: 14 * days}
	if _, err := s.Recipients(now, p); eid.CodeOf(err) != eid.CodeSealKeys {
		t.Fatalf("without a list: %v", err)
	}
	a, b := sealKey(t).PublicKey(), sealKey(t).PublicKey()
	putSealKeys(t, s, root, 1, now, now.Add(100*days),
		NewSealKey(a, now, now.Add(60*days)), NewSealKey(b, now.Add(30*days), now.Add(100*days)),
		SealKey{KEM: 0x7fff, Key: []byte("of newer software"), NotBefore: now.Unix(), NotAfter: now.Add(100 * days).Unix()})
	for _, tc := range []struct {
		day     int
		keys    int
		warning eid.Code
		code    eid.Code
	}{
		{1, 1, "", ""},
		{35, 2, "", ""},
		{64, 2, "", ""},
		{70, 1, "", ""},
		{90, 1, eid.CodeSealKeysEnding, ""},
		{101, 1, eid.CodeSealKeysEnding, ""},
		{108, 0, "", eid.CodeSealKeys},
	} {
		r, err := s.Recipients(now.Add(time.Duration(tc.day)*days), p)
		if tc.code != "" {
			if eid.CodeOf(err) != tc.code {
				t.Errorf("day %d: %v, want %s", tc.day, err, tc.code)
			}
			continue
		}
		if err != nil || len(r.Keys) != tc.keys || r.Warning != tc.warning || !r.Until.Equal(now.Add(107*days)) {
			t.Errorf("day %d: %d keys, warning %q, until %v, %v", tc.day, len(r.Keys), r.Warning, r.Until, err)
		}
	}
}

// Who sets the clock back does not bring an old list to life: a newer item
// proves that it is later.
func TestClockSetBack(t *testing.T) {
	root := rootKey(t)
	s := open(t, t.TempDir(), root)
	putSealKeys(t, s, root, 1, now, now.Add(10*days), NewSealKey(sealKey(t).PublicKey(), now, now.Add(10*days)))
	later := item(KindCalendar, 1)
	later.NotBefore, later.NotAfter = now.Add(50*days), now.Add(90*days)
	if _, _, err := s.Put(sign(t, root, later), now.Add(51*days)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recipients(now.Add(days), DefaultSealPolicy()); eid.CodeOf(err) != eid.CodeSealKeys {
		t.Fatalf("with the clock set back: %v", err)
	}
}

func FuzzDecodeItem(f *testing.F) {
	f.Add(mustCBOR(f, itemPayload{KindCalendar, 1, 1, 2, []byte("x")}))
	f.Add(mustCBOR(f, itemPayload{KindRules, 1, 1, 2, mustCBOR(f, map[string][]byte{"a.toml": {1}})}))
	f.Add(mustCBOR(f, itemPayload{KindSealKeys, 1, 1, 2, mustCBOR(f, []SealKey{{KEM: 1, Key: []byte{1}, NotAfter: 1}})}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if i, err := decodeItem(data); err == nil && i.check() != nil {
			t.Fatal("an invalid item was accepted")
		}
	})
}
