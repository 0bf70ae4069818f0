package main

import (
	"bytes"
	"context"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
)

// queueWithOne is a data folder whose daemon runs, with one request.
func queueWithOne(t *testing.T) (q *queue.Queue, dir, id string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.key"))
	if err != nil {
		t.Fatal(err)
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	q, err = queue.Open(t.Context(), queue.Options{
		Dir: dir, DeskID: "desk-1", Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{central.PublicKey()}, MinFree: 1, Reserve: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	id = uuid.Must(uuid.NewV7()).String()
	if _, err := q.Enqueue(t.Context(), station.Request{
		ID: id, Procedure: eid.CitizenLevel2, DueAt: "2026-11-20",
		Portraits: []eid.PortraitRecord{{Record: make([]byte, 20<<10)}}, // a payload that is a file
	}); err != nil {
		t.Fatal(err)
	}
	return q, dir, id
}

func TestQueueCommands(t *testing.T) {
	q, dir, id := queueWithOne(t)
	at := queueFolder{Data: dir}
	run := func(f func(context.Context, *bytes.Buffer) error) string {
		t.Helper()
		var out bytes.Buffer
		if err := f(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	var rows []queue.Row
	text := run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueLsCmd{queueFolder: at, Limit: 10, JSON: true}).Run(ctx, out)
	})
	if err := json.Unmarshal([]byte(text), &rows); err != nil || len(rows) != 1 || rows[0].ID != id || rows[0].State != queue.Sealed {
		t.Fatalf("ls --json: %s, %v", text, err)
	}
	text = run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueLsCmd{queueFolder: at, Limit: 10, State: queue.Granted}).Run(ctx, out)
	})
	if strings.Contains(text, id) || !strings.HasPrefix(text, "NUMBER") {
		t.Fatalf("ls --state granted: %s", text)
	}
	text = run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueShowCmd{ID: id, queueFolder: at}).Run(ctx, out)
	})
	if !strings.Contains(text, id) || !strings.Contains(text, "sealed seq=1") {
		t.Fatalf("show: %s", text)
	}
	export := filepath.Join(t.TempDir(), "plain")
	run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueExportCmd{queueFolder: at, Plain: export}).Run(ctx, out)
	})
	other := filepath.Join(t.TempDir(), "data")
	text = run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueImportCmd{From: export, queueFolder: queueFolder{Data: other}}).Run(ctx, out)
	})
	if !strings.Contains(text, "1 log entries") {
		t.Fatalf("import: %s", text)
	}
	text = run(func(ctx context.Context, out *bytes.Buffer) error {
		return (&queueVerifyCmd{queueFolder: queueFolder{Data: other}}).Run(ctx, out)
	})
	if !strings.HasPrefix(text, "1 requests, 1 payloads") || !strings.Contains(text, "imported") {
		t.Fatalf("verify: %s", text)
	}

	if err := (&queueCompactCmd{at}).Run(t.Context()); err == nil {
		t.Fatal("compacted beside the daemon")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (&queueCompactCmd{at}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	payload := filepath.Join(dir, "payload", id)
	data, err := os.ReadFile(payload)
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if err := os.WriteFile(payload, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = (&queueVerifyCmd{queueFolder: at, JSON: true}).Run(t.Context(), &out)
	if altered, ok := errors.AsType[queueAltered](err); !ok || altered.ExitCode() != 3 || !strings.Contains(out.String(), `"where":"payload"`) {
		t.Fatalf("verify of an altered payload = %v: %s", err, out.String())
	}
}
