package osia

import (
	"context"
	"crypto/ecdsa"
	"crypto/hpke"
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

// A real queue over OSIA: sealed to granted, the payload gone in between.
func TestQueueOverOSIA(t *testing.T) {
	l := newLine(t, true)
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
	defer q.Close()
	l.centre.device, l.Client.o.Device = nil, key
	l.centre.key = key.Public().(*ecdsa.PublicKey)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- uplink.Courier{Transport: l.Client, DeskID: testDesk, ReceiptKey: &l.centre.receipt.PublicKey, Queue: q, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	id := uuid.Must(uuid.NewV7()).String()
	l.centre.know(queue.Row{ID: id, Seq: 1})
	if _, err := q.Enqueue(t.Context(), station.Request{ID: id, Procedure: eid.CitizenLevel2, DueAt: "2026-11-27"}); err != nil {
		t.Fatal(err)
	}
	await := func(want queue.State) queue.Row {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			row, err := q.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if row.State == want {
				return row
			}
			if time.Now().After(end) {
				t.Fatalf("still %s %s, want %s", row.State, row.Error, want)
			}
		}
	}
	row := await(queue.Received)
	if _, err := q.Payload(t.Context(), id); err == nil {
		t.Error("the payload is still there")
	}
	l.centre.decide(t, row)
	if _, err := q.Enqueue(t.Context(), station.Request{ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2, DueAt: "2026-11-27"}); err != nil {
		t.Fatal(err) // wakes the courier before its next look
	}
	await(queue.Granted)
}
