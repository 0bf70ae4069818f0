package published

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// centre is a central's store behind its HTTPS routes.
func centre(t *testing.T, s *Store, wrap func(http.Handler) http.Handler) *Client {
	t.Helper()
	h := Handler(s)
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	c, err := NewClient(server.URL, &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSync(t *testing.T) {
	root := rootKey(t)
	theirs, ours := open(t, t.TempDir(), root), open(t, t.TempDir(), root)
	client := centre(t, theirs, nil)
	for _, kind := range []string{KindCalendar, KindTrustList} {
		if _, _, err := theirs.Put(sign(t, root, item(kind, 1)), now); err != nil {
			t.Fatal(err)
		}
	}
	fresh, err := ours.Sync(t.Context(), client, now)
	if err != nil || !slices.Equal(fresh, []string{KindTrustList, KindCalendar}) {
		t.Fatalf("first: %v, %v", fresh, err)
	}
	if fresh, err := ours.Sync(t.Context(), client, now); err != nil || len(fresh) != 0 {
		t.Fatalf("second: %v, %v", fresh, err)
	}
	if _, _, err := theirs.Put(sign(t, root, item(KindCalendar, 2)), now); err != nil {
		t.Fatal(err)
	}
	if fresh, err := ours.Sync(t.Context(), client, now); err != nil || !slices.Equal(fresh, []string{KindCalendar}) {
		t.Fatalf("third: %v, %v", fresh, err)
	}
}

// A central that was taken over offers what it likes; the desk takes nothing
// that the root did not sign, and nothing that is older.
func TestSyncWithAThief(t *testing.T) {
	root, thief := rootKey(t), rootKey(t)
	ours := open(t, t.TempDir(), root)
	if _, _, err := ours.Put(sign(t, root, item(KindCalendar, 5)), now); err != nil {
		t.Fatal(err)
	}
	stolen := open(t, t.TempDir(), thief)
	if _, _, err := stolen.Put(sign(t, thief, item(KindCalendar, 6)), now); err != nil {
		t.Fatal(err)
	}
	if fresh, err := ours.Sync(t.Context(), centre(t, stolen, nil), now); len(fresh) != 0 || eid.CodeOf(err) != eid.CodePublished {
		t.Fatalf("signed by another key: %v, %v", fresh, err)
	}
	rolledBack := open(t, t.TempDir(), root)
	if _, _, err := rolledBack.Put(sign(t, root, item(KindCalendar, 4)), now); err != nil {
		t.Fatal(err)
	}
	if fresh, err := ours.Sync(t.Context(), centre(t, rolledBack, nil), now); len(fresh) != 0 || eid.CodeOf(err) != eid.CodePublishedOlder {
		t.Fatalf("rolled back: %v, %v", fresh, err)
	}
	liar := func(body string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		}
	}
	for name, body := range map[string]string{
		"no list":    "<html>",
		"other hash": `[{"kind":"calendar","version":9,"hash":"00"}]`,
		"long":       string(make([]byte, maxList+1)),
	} {
		if fresh, err := ours.Sync(t.Context(), centre(t, rolledBack, liar(body)), now); len(fresh) != 0 || eid.CodeOf(err) != eid.CodePublished {
			t.Errorf("%s: %v, %v", name, fresh, err)
		}
	}
	if k, _ := ours.Get(KindCalendar); k.Version != 5 {
		t.Fatalf("version %d", k.Version)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(`[{"kind":"calendar","version":1,"hash":"00"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if entries, err := parseList(body); err == nil && len(entries) > maxFiles {
			t.Fatal("too many entries")
		}
	})
}
