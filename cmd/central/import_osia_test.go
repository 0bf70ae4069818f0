package main

import (
	"context"
	"crypto/hpke"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/osia"
	"github.com/enrold/enrold/sync/uplink"
	"github.com/enrold/enrold/sync/wire"
)

// A desk's queue over OSIA into the real intake, with the desk's own TLS
// identity; the same request over the central's own wire is known there.
func TestQueueOverOSIA(t *testing.T) {
	o := newOffice(t)
	f := folder{Data: o.path("central")}
	seal, receipt, err := authority.Keys(f.keys())
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.Open(t.Context(), intake.Options{Dir: f.Data, SealKey: seal, Receipt: receipt, Decider: later{}, AcceptEmulated: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	handler, err := withOSIA(in.Handler(), f, in, &receipt.PublicKey, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	if server.TLS, err = authority.Files(f.keys()).ServerTLS(); err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	defer server.Close()
	conf, err := wire.Files{CA: o.path("desk", "ca.pem"), Cert: o.path("desk", "cert.pem"), Key: o.path("desk", "key.pem")}.ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	client, err := osia.NewClient(osia.Options{URL: server.URL + osiaPrefix, TLS: conf, DeskID: "desk-1", Device: o.device})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	q, err := queue.Open(t.Context(), queue.Options{
		Dir: o.path("data"), DeskID: "desk-1", MinFree: 1, Signers: request.Signers{Device: o.device}, Recipients: []hpke.PublicKey{seal.PublicKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	id := uuid.Must(uuid.NewV7()).String()
	if _, err := q.Enqueue(t.Context(), station.Request{ID: id, Procedure: eid.CitizenLevel2, DueAt: "2026-11-27"}); err != nil {
		t.Fatal(err)
	}
	sealed, err := q.Payload(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- uplink.Courier{Transport: client, DeskID: "desk-1", ReceiptKey: &receipt.PublicKey, Queue: q, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		row, err := q.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if row.State == queue.Received {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("still %s %s %s", row.State, row.Error, row.Reason)
		}
	}
	known, err := in.Desk(t.Context(), "desk-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, fresh, err := in.Accept(t.Context(), known, id, sealed); err != nil || fresh {
		t.Fatalf("the same request by another way: fresh %v, %v", fresh, err)
	}
}
