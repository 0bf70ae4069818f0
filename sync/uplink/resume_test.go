package uplink

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/sync/wire"
)

// TestOffsetAskedOnlyWhenInDoubt: a request of which nothing went out needs no
// question after a failure; one that was cut off does.
func TestOffsetAskedOnlyWhenInDoubt(t *testing.T) {
	sealed := make([]byte, 300_000)
	rand.Read(sealed)
	var (
		mu     sync.Mutex
		stored []byte
		asked  []string
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.Header.Get(wire.HeaderTusOffset))
		if r.Method == http.MethodPatch {
			if len(asked) == 1 { // cut in the midst of it
				part, err := io.ReadAll(io.LimitReader(r.Body, 100_000))
				if err != nil {
					t.Error(err)
				}
				stored = append(stored, part...)
				panic(http.ErrAbortHandler)
			}
			rest, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			stored = append(stored, rest...)
		}
		w.Header().Set(wire.HeaderTusOffset, strconv.Itoa(len(stored)))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	dials := 0
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials == 1 {
			return nil, errors.New("no way out")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	turns := 0
	p := &upload{
		client: &http.Client{Transport: transport}, url: server.URL, sealed: sealed, chunk: func() int { return len(sealed) },
		at: func(int64) error { return nil }, sent: func(int) {}, timed: func(int, time.Duration) {},
		turn: func(context.Context) (func(), error) { turns++; return func() {}, nil },
	}
	if _, err := p.run(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, sealed) {
		t.Errorf("%d bytes stored, not what was sent", len(stored))
	}
	if want := []string{"PATCH 0", "HEAD ", "PATCH 100000"}; !slices.Equal(asked, want) || turns != 3 {
		t.Errorf("the server was asked %q in %d turns, want %q in 3", asked, turns, want)
	}
}
