package osia

import (
	"context"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/uplink"
)

// ride is a desk's real queue that a courier carries to a central over OSIA.
type ride struct {
	*line
	t     *testing.T
	queue *queue.Queue
}

func newRide(t *testing.T, p uplink.Policy) *ride {
	t.Helper()
	l := newLine(t, true, func(o *Options) { o.Dial = p.Dial() })
	dir := t.TempDir()
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), queue.Options{
		Dir: filepath.Join(dir, "data"), DeskID: testDesk, MinFree: 1, Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{seal.PublicKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	l.centre.device, l.o.Device = nil, key
	l.centre.key = key.Public().(*ecdsa.PublicKey)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- uplink.Courier{
			Transport: l.Client, DeskID: testDesk, ReceiptKey: &l.centre.receipt.PublicKey, Queue: q,
			Policy: p, URL: l.Client.o.URL, Log: slog.New(slog.DiscardHandler),
		}.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &ride{l, t, q}
}

// enqueue queues a request with this deadline and so many bytes of a portrait.
func (r *ride) enqueue(due eid.Date, size int) (id string) {
	r.t.Helper()
	id = uuid.Must(uuid.NewV7()).String()
	rows, err := r.queue.List(r.t.Context(), 1)
	if err != nil {
		r.t.Fatal(err)
	}
	seq := int64(1)
	if len(rows) > 0 {
		seq = rows[0].Seq + 1
	}
	r.centre.know(queue.Row{ID: id, Seq: seq})
	portrait := make(eid.Blob, size)
	_, _ = rand.Read(portrait)
	in := station.Request{ID: id, Procedure: eid.CitizenLevel2, DueAt: due, Portraits: []eid.PortraitRecord{{Record: portrait}}}
	if _, err := r.queue.Enqueue(r.t.Context(), in); err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *ride) state(id string) queue.Row {
	r.t.Helper()
	row, err := r.queue.Get(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return row
}

func (r *ride) await(id string, want queue.State) queue.Row {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		row := r.state(id)
		if row.State == want {
			return row
		}
		if time.Now().After(end) {
			r.t.Fatalf("still %s %s, want %s", row.State, row.Error, want)
		}
	}
}

// A real queue over OSIA: sealed to granted, the payload gone in between.
func TestQueueOverOSIA(t *testing.T) {
	r := newRide(t, uplink.Policy{})
	id := r.enqueue("2026-11-27", 10)
	row := r.await(id, queue.Received)
	if _, err := r.queue.Payload(t.Context(), id); err == nil {
		t.Error("the payload is still there")
	}
	r.centre.decide(t, row)
	r.enqueue("2026-11-27", 10) // wakes the courier before its next look
	r.await(id, queue.Granted)
}

// TestRestraint: in quiet hours and over a metered link only what is urgent goes.
func TestRestraint(t *testing.T) {
	today := eid.Date(time.Now().In(time.FixedZone("ICT", 7*60*60)).Format(time.DateOnly))
	for name, p := range map[string]uplink.Policy{
		"quiet hours":  {Quiet: []uplink.Window{{From: 0, To: 12 * 60}, {From: 12 * 60, To: 0}}},
		"metered link": {Metered: []string{"lo*"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRide(t, p)
			waits := r.enqueue("2099-01-01", 10)
			urgent := r.enqueue(today, 10)
			r.await(urgent, queue.Received)
			if row := r.state(waits); row.State != queue.Sealed || row.Attempts != 0 {
				t.Errorf("what may wait is %s after %d attempts", row.State, row.Attempts)
			}
		})
	}
	r := newRide(t, uplink.Policy{Metered: []string{"wwan*"}}) // another link
	r.await(r.enqueue("2099-01-01", 10), queue.Received)
}

// TestBandwidth: 60 kB at 20 kB a second take 3 s, less a handshake's doubt.
func TestBandwidth(t *testing.T) {
	r := newRide(t, uplink.Policy{BytesPerSecond: 20_000})
	start := time.Now()
	r.await(r.enqueue("2026-11-27", 60_000), queue.Received)
	if took := time.Since(start); took < 2500*time.Millisecond {
		t.Errorf("60 kB took %v", took)
	}
}
