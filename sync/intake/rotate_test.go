package intake_test

import (
	"context"
	"crypto/hpke"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/wire"
)

// privates are all of the central's keys that open requests.
func privates(dir string) ([]hpke.PrivateKey, error) {
	all, err := authority.SealKeys(dir)
	var keys []hpke.PrivateKey
	for _, k := range all {
		keys = append(keys, k.Private)
	}
	return keys, err
}

// TestSealKeysRotateBesideARunningIntake: what is sealed to the older key is
// opened, and what is sealed to one that was made after the start, too, both on
// receipt and for the decision; while the keys cannot be read nothing is refused.
func TestSealKeysRotateBesideARunningIntake(t *testing.T) {
	var broken atomic.Bool
	var opened atomic.Int32
	var c *centre
	decide := func(context.Context, request.Body) (intake.Verdict, error) {
		opened.Add(1)
		return intake.Verdict{State: wire.StateGranted}, nil
	}
	c = newCentre(t, decide, func(o *intake.Options) {
		o.Keys = func() ([]hpke.PrivateKey, error) {
			if broken.Load() {
				return nil, errors.New("disk")
			}
			return privates(c.keys)
		}
	})
	send := func(data []byte, id string, want int) {
		t.Helper()
		if status, body := c.put(t, c.client, id, data, wire.Digest(data)); status != want {
			t.Fatalf("PUT = %d %s, want %d", status, body, want)
		}
	}
	first, sealed := c.sealed(t, 1, nil)
	old := c.seal
	made, err := authority.RotateSealKey(c.keys)
	if err != nil {
		t.Fatal(err)
	}
	send(sealed, first, http.StatusCreated)
	c.seal = made.Private
	second, next := c.sealed(t, 2, request.Hash(sealed))
	broken.Store(true)
	send(next, second, http.StatusServiceUnavailable)
	broken.Store(false)
	send(next, second, http.StatusCreated)
	for _, id := range []string{first, second} {
		if status, _ := c.result(t, c.client, id, 5*time.Second); status != http.StatusOK {
			t.Fatalf("result = %d", status)
		}
	}
	// After a restart the newest is the first; the older one still opens.
	c.stop()
	if c.opts.SealKey, _, err = authority.Keys(c.keys); err != nil {
		t.Fatal(err)
	}
	if string(c.opts.SealKey.PublicKey().Bytes()) != string(made.Private.PublicKey().Bytes()) {
		t.Fatal("the new key is not the one in use")
	}
	c.start(t)
	c.seal = old
	third, late := c.sealed(t, 3, request.Hash(next))
	send(late, third, http.StatusCreated)
	if status, _ := c.result(t, c.client, third, 5*time.Second); status != http.StatusOK || opened.Load() != 3 {
		t.Fatalf("result = %d, %d decided", status, opened.Load())
	}
	// A key that was never the central's.
	if c.seal, err = request.SealKEM().GenerateKey(); err != nil {
		t.Fatal(err)
	}
	id, strange := c.sealed(t, 4, request.Hash(late))
	send(strange, id, http.StatusUnprocessableEntity)
}
