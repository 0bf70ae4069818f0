package chip_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/chip"
	"github.com/enrold/enrold/reader/transcript"
)

// grey is a portrait of nobody.
func grey(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 48, 64))
	for i := range img.Pix {
		img.SetGray(i%48, i/48, color.Gray{Y: uint8(64 + i%128)})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 50}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inProcess is the room without a process between.
func inProcess(t *testing.T) *chip.Client {
	t.Helper()
	var cfg config.Config
	cfg.Chip.Socket = pcsctest.Socket()
	handlers, closeAll, err := chip.Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	return chip.NewClient(direct(handlers))
}

// limit is how soon the officer must know.
const limit = 500 * time.Millisecond

// A card pulled at any command of a whole reading is told within the limit, and
// the next reading works.
func TestRemovalAtEveryCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("some 40 s: every insertion takes one")
	}
	desk, c, ctx := pcsctest.Start(t), inProcess(t), context.Background()
	key, _ := keyOf(t, 1, "citizen")
	var slowest time.Duration
	for n := 1; ; n++ {
		desk.Put(control.Command{Person: 1, Personality: "cccd-2021", Fault: fmt.Sprintf("removal@%d", n)})
		i, err := c.Inspect(ctx, key, false, nil)
		if err != nil {
			t.Fatalf("command %d: %v", n, err)
		}
		if i.Err == nil {
			if i.Document.APDUs >= n || n < 20 {
				t.Errorf("a reading of %d commands ended well with the card pulled at %d", i.Document.APDUs, n)
			}
			break
		}
		tr, err := transcript.Parse(bytes.NewReader(i.Transcript))
		if err != nil {
			t.Fatal(err)
		}
		last := tr.Exchanges[len(tr.Exchanges)-1]
		took := time.Duration(last.TookMS * float64(time.Millisecond))
		slowest = max(slowest, took)
		if eid.CodeOf(i.Err) != eid.CodeChipRemoved || last.Failure != eid.CodeChipRemoved || len(tr.Exchanges) != n || took > limit {
			t.Errorf("command %d: %v after %s and %d commands", n, i.Err, took, len(tr.Exchanges))
		}
	}
	t.Logf("the slowest removal is told after %s", slowest)
	desk.Put(control.Command{Person: 1, Personality: "cccd-2021"})
	if doc, err := c.ReadChip(ctx, key, nil); err != nil || doc.Access != "PACE-GM/MRZ" {
		t.Errorf("put back: %v", err)
	}
}

// Another card comes in the middle of a reading: nothing of it is read, neither
// by the reading under way nor with the first card's key.
func TestSwap(t *testing.T) {
	desk, c, ctx := pcsctest.Start(t), inProcess(t), context.Background()
	key, _ := keyOf(t, 0, "citizen")
	other, id := keyOf(t, 1, "citizen")
	for _, at := range []string{"DG1", "DG2"} {
		desk.Put(control.Command{Person: 0})
		swapped := false
		doc, err := c.ReadChip(ctx, key, func(_ float64, file string) {
			if file == at && !swapped {
				swapped = true
				desk.Put(control.Command{Person: 1})
			}
		})
		if eid.CodeOf(err) != eid.CodeChipRemoved || doc.Holder.DocumentNumber.Reveal() == id.DocumentNumber {
			t.Errorf("swapped at %s: %v", at, err)
		}
		if _, err := c.ReadChip(ctx, key, nil); eid.CodeOf(err) != eid.CodeChipAccess {
			t.Errorf("the other card opens with the first one's key: %v", err)
		}
		if doc, err := c.ReadChip(ctx, other, nil); err != nil || doc.Holder.Name.Reveal() != id.Name {
			t.Errorf("the other card: %v", err)
		}
	}
}

// Two readings at once: one is told to wait. pcscd dies under the third and
// comes back for the fourth.
func TestBusyAndRestart(t *testing.T) {
	desk, c, ctx := pcsctest.Start(t), inProcess(t), context.Background()
	key, _ := keyOf(t, 0, "citizen")
	desk.Put(control.Command{Person: 0})
	var second error
	if _, err := c.ReadChip(ctx, key, func(float64, string) {
		if second == nil {
			_, second = c.ReadChip(ctx, key, nil)
		}
	}); err != nil || eid.CodeOf(second) != eid.CodeDeviceBusy {
		t.Errorf("first: %v, second: %v", err, second)
	}
	stopped := false
	start := time.Now()
	_, err := c.ReadChip(ctx, key, func(_ float64, file string) {
		if file == "DG2" && !stopped {
			stopped = true
			desk.Stop()
			start = time.Now()
		}
	})
	if code := eid.CodeOf(err); code != eid.CodeNoReader && code != eid.CodeChipRemoved || time.Since(start) > limit {
		t.Errorf("pcscd ended: %v after %s", err, time.Since(start))
	}
	if _, err := c.Readers(ctx); eid.CodeOf(err) != eid.CodeNoReader {
		for end := time.Now().Add(time.Second); eid.CodeOf(err) != eid.CodeNoReader && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			_, err = c.Readers(ctx)
		}
		if eid.CodeOf(err) != eid.CodeNoReader {
			t.Errorf("pcscd is away: %v", err)
		}
	}
	desk = pcsctest.Start(t)
	desk.Put(control.Command{Person: 0})
	if _, err := c.ReadChip(ctx, key, nil); err != nil {
		t.Errorf("pcscd is back: %v", err)
	}
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := c.Readers(ctx)
		if err == nil && list[0].State == "card" && list[0].Profile == "virtual-pcd" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v %v", list, err)
		}
	}
}

// The officer's desk has two readers: the card is found on either, and a name
// chooses one.
func TestTwoReaders(t *testing.T) {
	desk, ctx := pcsctest.Start(t), context.Background()
	first, _ := keyOf(t, 0, "citizen")
	second, id := keyOf(t, 1, "citizen")
	desk.Put(control.Command{Person: 1, Slot: 1})
	c := inProcess(t)
	if doc, err := c.ReadChip(ctx, second, nil); err != nil || doc.Reader != "Virtual PCD 00 01" {
		t.Errorf("card on the second reader: %v, %q", err, doc.Reader)
	}
	desk.Put(control.Command{Person: 0})
	if doc, err := c.ReadChip(ctx, first, nil); err != nil || doc.Reader != "Virtual PCD 00 00" {
		t.Errorf("cards on both: %v, %q", err, doc.Reader)
	}
	var cfg config.Config
	cfg.Chip.Socket, cfg.Chip.Reader = pcsctest.Socket(), "pcd 00 01"
	handlers, _, err := chip.Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := chip.NewClient(direct(handlers)).ReadChip(ctx, second, nil); err != nil || doc.Holder.Name.Reveal() != id.Name {
		t.Errorf("second reader by its name: %v", err)
	}
}

// The screen is told when a card comes and goes, while nobody reads.
func TestWatchTells(t *testing.T) {
	desk, c := pcsctest.Start(t), inProcess(t)
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan struct{}, 16)
	ended := make(chan error, 1)
	go func() { ended <- c.Watch(ctx, func() { told <- struct{}{} }) }()
	state := func(want string) {
		t.Helper()
		for late := time.After(3 * time.Second); ; {
			if list, err := c.Readers(ctx); err == nil && list[0].State == want {
				return
			}
			select {
			case <-told:
			case <-late:
				t.Fatalf("nobody told that the reader is %s", want)
			}
		}
	}
	state("empty")
	desk.Put(control.Command{Person: 0})
	state("card")
	desk.Remove()
	state("empty")
	cancel()
	if err := <-ended; err == nil {
		t.Error("a watch that was given up ends well")
	}
}
