package uplink

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/enrold/enrold/queue"
)

// outage is a queue with one request and a network that is down.
type outage struct {
	row queue.Row

	mu  sync.Mutex
	all []time.Time
}

// tries returns when the network was tried.
func (o *outage) tries() []time.Time {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.all)
}

func (o *outage) Waiting(context.Context, int) ([]queue.Row, error)  { return []queue.Row{o.row}, nil }
func (o *outage) Payload(context.Context, string) ([]byte, error)    { return []byte("x"), nil }
func (o *outage) Awaiting(context.Context, int) ([]queue.Row, error) { return nil, nil }
func (o *outage) AwaitingActivation(context.Context, int) ([]queue.Row, error) {
	return nil, nil
}
func (o *outage) Announced(context.Context, string) error         { return nil }
func (o *outage) Uploading(context.Context, string, int64) error  { return nil }
func (o *outage) Failed(context.Context, queue.Attempt) error     { return nil }
func (o *outage) Received(context.Context, queue.Statement) error { return nil }
func (o *outage) Settled(context.Context, queue.Outcome) error    { return nil }
func (o *outage) Log(context.Context) (queue.LogHead, error)      { return queue.LogHead{}, nil }
func (o *outage) ConsistencyOf(context.Context, int64, int64) (tlog.TreeProof, error) {
	return nil, nil
}
func (o *outage) Changes() (<-chan struct{}, func()) { return nil, func() {} }
func (o *outage) RoundTrip(*http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, time.Now())
	return nil, errors.New("network is unreachable")
}

// A day without a network: few attempts, none in a burst, and one at once when
// somebody asks for it.
func TestDayOffline(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		o := &outage{row: queue.Row{ID: "0198c0de-0000-7000-8000-000000000001", Seq: 1, State: queue.Sealed, SealedBytes: 1, BodyHash: make([]byte, 32), DueAt: "2026-11-20"}}
		u, err := New(Options{URL: "https://central.invalid", TLS: &tls.Config{}, DeskID: "desk-1", ReceiptKey: &key.PublicKey, Queue: o})
		if err != nil {
			t.Fatal(err)
		}
		u.client = &http.Client{Transport: o}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- u.Run(ctx) }()
		start := time.Now()

		time.Sleep(time.Minute)
		tries := o.tries()
		if n := len(tries); n < 30 || n > 200 {
			t.Errorf("%d attempts in the first minute, want one about every second", n)
		}
		for i := 1; i < len(tries); i++ {
			if gap := tries[i].Sub(tries[i-1]); gap > shortCeiling && tries[i].Sub(start) < 30*time.Second {
				t.Errorf("%v without an attempt in the first half minute", gap)
			}
		}
		time.Sleep(24 * time.Hour)
		tries = o.tries()
		n := len(tries)
		if n > 4000 {
			t.Errorf("%d attempts in a day", n)
		}
		if last := time.Since(tries[n-1]); last > longCeiling {
			t.Errorf("last attempt %v ago, want at most %v", last, longCeiling)
		}
		u.Kick()
		if len(o.tries()) == n {
			t.Error("a kick brought no attempt")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestNewChecksOptions(t *testing.T) {
	key := &ecdsa.PublicKey{}
	for _, url := range []string{"", "http://central", "central:8443", "https://", "https://central/?x=1"} {
		if _, err := New(Options{URL: url, TLS: &tls.Config{}, DeskID: "desk-1", ReceiptKey: key, Queue: &outage{}}); err == nil {
			t.Errorf("New accepted the URL %q", url)
		}
	}
	if _, err := New(Options{URL: "https://central", DeskID: "desk-1", ReceiptKey: key, Queue: &outage{}}); err == nil {
		t.Error("New went without TLS")
	}
}
