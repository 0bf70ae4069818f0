package chip_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
)

// asWorker makes the test binary be the worker process.
const asWorker = "ENROLD_TEST_AS_CHIP_WORKER"

func TestMain(m *testing.M) {
	if trust := os.Getenv(asWorker); trust != "" {
		if err := serve(trust); err != nil {
			slog.Error("worker ended", "error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pcsctest.Main(m))
}

func serve(trust string) error {
	var cfg config.Config
	cfg.Chip = config.Chip{Socket: os.Getenv("ENROLD_TEST_SOCKET"), Trust: trust, Origin: eid.OriginEmulated}
	cfg.Desk.Production = os.Getenv("ENROLD_TEST_PRODUCTION") != ""
	if worker.SandboxSupported() {
		if err := worker.Harden(false); err != nil {
			return err
		}
	}
	handlers, closeAll, err := chip.Handlers(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer func() { _ = closeAll() }()
	return worker.Child(context.Background(), handlers)
}

// client starts a supervised worker process.
func client(t *testing.T) *chip.Client {
	t.Helper()
	files, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	trust := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(trust, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(asWorker, trust)
	t.Setenv("ENROLD_TEST_SOCKET", pcsctest.Socket())
	h := worker.NewHandle("chip", []string{os.Args[0]}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return chip.NewClient(h)
}

var _ station.ChipReader = (*chip.Client)(nil)

func keyOf(t *testing.T, person int, document string) (eid.AccessKey, persons.Identity) {
	t.Helper()
	p, err := persons.Get(person)
	if err != nil {
		t.Fatal(err)
	}
	if document == "foreigner" {
		return eid.AccessKey{Number: eid.Private(p.Foreigner.DocumentNumber), Birth: p.Foreigner.Birth, Expiry: p.Foreigner.Expiry}, p.Foreigner
	}
	return eid.AccessKey{Number: eid.Private(p.Citizen.PersonalNumber), Birth: p.Citizen.Birth, Expiry: p.Citizen.Expiry}, p.Citizen
}

// The whole line on real parts: typed client, worker process, libpcsclite,
// pcscd, vpcd, emulated card.
func TestReadThroughEverything(t *testing.T) {
	desk, c, ctx := pcsctest.Start(t), client(t), context.Background()
	for _, document := range []string{"citizen", "foreigner"} {
		for person := range 2 {
			desk.Insert(person, document, "")
			key, id := keyOf(t, person, document)
			var seen []string
			start := time.Now()
			doc, err := c.ReadChip(ctx, key, func(_ float64, file string) {
				if len(seen) == 0 || seen[len(seen)-1] != file {
					seen = append(seen, file)
				}
			})
			took := time.Since(start)
			if err != nil {
				t.Fatalf("%s %d: %v", document, person, err)
			}
			if doc.PA.State != eid.CheckOK || doc.Holder.DocumentNumber.Reveal() != id.DocumentNumber || doc.Origin != eid.OriginEmulated || doc.Reader == "" || len(seen) < 4 {
				t.Errorf("%s %d: pa %+v, reader %q, progress %v", document, person, doc.PA, doc.Reader, seen)
			}
			if document == "citizen" && doc.Holder.Name.Reveal() != id.Name {
				t.Errorf("citizen %d: name of DG13 is missing", person)
			}
			if took > time.Second {
				t.Errorf("%s %d took %s", document, person, took)
			}
			t.Logf("%s %d: %s, %d commands, %d bytes, portrait %d bytes", document, person, took.Round(time.Millisecond), doc.APDUs, doc.Bytes, len(doc.Portrait))
			desk.Remove()
		}
	}
	// pcscd asks the reader now and then whether the card is still there.
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		list, err := c.Readers(ctx)
		if err == nil && len(list) > 0 && list[0].State == "empty" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v %v", list, err)
		}
	}
}

func TestTamperedChipAndWrongKey(t *testing.T) {
	desk, c, ctx := pcsctest.Start(t), client(t), context.Background()
	desk.Insert(0, "citizen", "dg2-byte")
	key, id := keyOf(t, 0, "citizen")
	doc, err := c.ReadChip(ctx, key, nil)
	if err != nil || doc.PA.State != eid.CheckFailed || doc.Holder.Name.Reveal() != id.Name {
		t.Errorf("tampered: %v %+v", err, doc.PA)
	}
	other, _ := keyOf(t, 1, "citizen")
	if _, err := c.ReadChip(ctx, other, nil); eid.CodeOf(err) != eid.CodeChipAccess {
		t.Errorf("another person's key: %v", err)
	}
	if doc, err = c.ReadChip(ctx, key, nil); err != nil || doc.PA.State != eid.CheckFailed {
		t.Errorf("after the wrong key: %v %+v", err, doc.PA)
	}
}

func TestProductionRefusesTestAnchors(t *testing.T) {
	t.Setenv("ENROLD_TEST_PRODUCTION", "1")
	key, _ := keyOf(t, 0, "citizen")
	if _, err := client(t).ReadChip(context.Background(), key, nil); eid.CodeOf(err) != eid.CodeTrust {
		t.Error(err)
	}
}

// direct calls handlers without a process between, so that their log can be read.
type direct map[string]worker.Handler

func (d direct) Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error {
	raw, err := cbor.Marshal(in)
	if err != nil {
		return err
	}
	result, err := d[method](ctx, raw, func(p any) error {
		m, err := cbor.Marshal(p)
		each(m)
		return err
	})
	if err != nil {
		return err
	}
	if raw, err = cbor.Marshal(result); err != nil {
		return err
	}
	return cbor.Unmarshal(raw, out)
}

// The card is pulled while EF.SOD is being read.
func TestCardPulled(t *testing.T) {
	desk := pcsctest.Start(t)
	var cfg config.Config
	cfg.Chip.Socket = pcsctest.Socket()
	handlers, _, err := chip.Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	desk.Insert(0, "citizen", "")
	key, _ := keyOf(t, 0, "citizen")
	pulled := sync.OnceFunc(desk.Remove)
	_, err = chip.NewClient(direct(handlers)).ReadChip(context.Background(), key, func(_ float64, file string) {
		if file == "SOD" {
			pulled()
		}
	})
	if eid.CodeOf(err) != eid.CodeChipRemoved {
		t.Error(err)
	}
	desk.Insert(0, "citizen", "")
	if _, err = chip.NewClient(direct(handlers)).ReadChip(context.Background(), key, nil); err != nil {
		t.Errorf("put back: %v", err)
	}
}

// The worker survives a caller that gives up, and logs nothing about the person.
func TestCancelAndLog(t *testing.T) {
	desk := pcsctest.Start(t)
	key, id := keyOf(t, 0, "citizen")
	var log bytes.Buffer
	var cfg config.Config
	cfg.Chip.Socket = pcsctest.Socket()
	handlers, closeAll, err := chip.Handlers(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	call := chip.NewClient(direct(handlers))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := call.ReadChip(ctx, key, nil); err == nil {
		t.Error("a reading without a card succeeded")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("giving up took %s", took)
	}
	desk.Insert(0, "citizen", "")
	doc, err := call.ReadChip(context.Background(), key, nil)
	if err != nil || doc.PA.State != eid.CheckNotPossible {
		t.Errorf("empty trust folder: %v %+v", err, doc.PA)
	}
	if err := closeAll(); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{id.PersonalNumber, id.DocumentNumber, id.NameMRZ, id.Name, string(id.Birth)} {
		if bytes.Contains(log.Bytes(), []byte(secret)) {
			t.Error("the log holds personal data")
		}
	}
	if !bytes.Contains(log.Bytes(), []byte("chip read")) {
		t.Errorf("log: %s", log.String())
	}
}
