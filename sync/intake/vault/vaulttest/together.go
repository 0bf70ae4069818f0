package vaulttest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
)

func each(v, other vault.Vault, f func(i int, v vault.Vault)) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { f(i, []vault.Vault{v, other}[i%2]) })
	}
	wg.Wait()
}

func sameAtOnce(t *testing.T, v, other vault.Vault) {
	r := entry(desk(t, v), 1, nil)
	var mu sync.Mutex
	var fresh int
	each(v, other, func(i int, v vault.Vault) {
		mine := r
		mine.Receipt = fmt.Append(nil, "receipt ", i)
		first, isFresh, err := v.Add(t.Context(), mine)
		if err != nil {
			t.Error(err)
			return
		}
		got, err := v.Request(t.Context(), r.Ident.Request)
		if err != nil || !bytes.Equal(first.Receipt, got.Receipt) {
			t.Errorf("receipt %q, the stored one is %q (%v)", first.Receipt, got.Receipt, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if isFresh {
			fresh++
		}
	})
	if fresh != 1 {
		t.Fatalf("%d times fresh, want once", fresh)
	}
}

// manyBodies: one desk's id and number with different bytes, all at once.
func manyBodies(t *testing.T, v, other vault.Vault) {
	r := entry(desk(t, v), 1, nil)
	var mu sync.Mutex
	won := map[string]bool{}
	fresh := 0
	each(v, other, func(i int, v vault.Vault) {
		mine := r
		mine.Hash, mine.Payload = request.Hash(fmt.Append(nil, i)), fmt.Sprint(r.Ident.Request, "-", i)
		first, isFresh, err := v.Add(t.Context(), mine)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		won[string(first.Hash)] = true
		if isFresh {
			fresh++
		}
	})
	if len(won) != 1 || fresh != 1 {
		t.Fatalf("%d bodies won, %d times fresh, want one", len(won), fresh)
	}
}

func claimsAtOnce(t *testing.T, v, other vault.Vault) {
	drain(t, v)
	d, previous := desk(t, v), []byte(nil)
	for seq := range int64(40) {
		r := entry(d, seq+1, previous)
		add(t, v, r)
		previous = r.Hash
	}
	var mu sync.Mutex
	seen := map[string]int{}
	each(v, other, func(_ int, v vault.Vault) {
		for range 20 {
			due, _, err := v.Claim(t.Context(), now, time.Hour, 2)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			for _, r := range due {
				seen[r.Ident.Request]++
			}
			mu.Unlock()
		}
	})
	if len(seen) != 40 {
		t.Errorf("%d of 40 were claimed", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	drain(t, v)
}
