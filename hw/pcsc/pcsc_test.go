package pcsc_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/pcsc"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/eid"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }

var brief = pcsc.Patience{Reader: 300 * time.Millisecond, Card: 300 * time.Millisecond}

func service(t *testing.T) *pcsc.Service {
	t.Helper()
	profiles, err := profile.Load("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := pcsc.New(pcsctest.Socket(), profiles, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNoService(t *testing.T) {
	s := service(t)
	start := time.Now()
	if _, err := s.WaitCard(context.Background(), "", brief); eid.CodeOf(err) != eid.CodeNoReader {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestReadersAndCards(t *testing.T) {
	desk, s, ctx := pcsctest.Start(t), service(t), context.Background()
	if _, err := s.WaitCard(ctx, "", brief); eid.CodeOf(err) != eid.CodeNoCard {
		t.Errorf("no card: %v", err)
	}
	if _, err := s.WaitCard(ctx, "no such reader", brief); eid.CodeOf(err) != eid.CodeNoReader {
		t.Errorf("no reader of that name: %v", err)
	}
	// The card comes while somebody waits for it.
	type result struct {
		r   pcsc.Reader
		err error
		at  time.Time
	}
	came := make(chan result, 1)
	go func() {
		r, err := s.WaitCard(ctx, "virtual", pcsc.Patience{Reader: time.Second, Card: 20 * time.Second})
		came <- result{r, err, time.Now()}
	}()
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	desk.Insert(0, "citizen", "")
	got := <-came
	if got.err != nil || len(got.r.ATR) == 0 {
		t.Fatalf("%+v %v", got.r, got.err)
	}
	t.Logf("the card was seen %s after it was put down", got.at.Sub(start).Round(time.Millisecond))

	card, err := s.Connect(ctx, got.r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(card.Close)
	answer, err := card.Transmit(ctx, []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01})
	if err != nil || string(answer) != "\x90\x00" {
		t.Errorf("%X %v", answer, err)
	}
	other := service(t)
	if _, err := other.WaitCard(ctx, "", brief); eid.CodeOf(err) != eid.CodeDeviceBusy {
		t.Errorf("second program: %v", err)
	}
	if _, err := other.Connect(ctx, got.r); eid.CodeOf(err) != eid.CodeDeviceBusy {
		t.Errorf("second program connects: %v", err)
	}
	desk.Remove()
	if _, err := card.Transmit(ctx, []byte{0x00, 0x84, 0x00, 0x00, 0x08}); eid.CodeOf(err) != eid.CodeChipRemoved {
		t.Errorf("after removal: %v", err)
	}
	card.Close()
	if _, err := card.Transmit(ctx, []byte{0x00, 0x84, 0x00, 0x00, 0x08}); err == nil {
		t.Error("a closed card answers")
	}
	if _, err := s.Open(ctx, "", pcsc.Patience{Reader: time.Second, Card: 2 * time.Second}); eid.CodeOf(err) != eid.CodeNoCard {
		t.Errorf("just after removal: %v", err)
	}
}

func TestServiceRestarts(t *testing.T) {
	desk, s, ctx := pcsctest.Start(t), service(t), context.Background()
	desk.Insert(0, "citizen", "")
	r, err := s.WaitCard(ctx, "", pcsc.Patience{Reader: time.Second, Card: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	card, err := s.Connect(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(card.Close)
	desk.Stop()
	if _, err := card.Transmit(ctx, []byte{0x00, 0x84, 0x00, 0x00, 0x08}); eid.CodeOf(err) != eid.CodeNoReader && eid.CodeOf(err) != eid.CodeChipRemoved {
		t.Errorf("pcscd is gone: %v", err)
	}
	card.Close()
	if _, err := s.WaitCard(ctx, "", brief); eid.CodeOf(err) != eid.CodeNoReader {
		t.Errorf("pcscd is gone: %v", err)
	}
	desk = pcsctest.Start(t)
	desk.Insert(1, "foreigner", "")
	if r, err = s.WaitCard(ctx, "", pcsc.Patience{Reader: 5 * time.Second, Card: 5 * time.Second}); err != nil {
		t.Fatalf("pcscd is back: %v", err)
	}
	if card, err = s.Connect(ctx, r); err != nil {
		t.Fatal(err)
	}
	defer card.Close()
	if answer, err := card.Transmit(ctx, []byte{0x00, 0x84, 0x00, 0x00, 0x08}); err != nil || len(answer) < 2 {
		t.Errorf("%X %v", answer, err)
	}
}

func TestContextEndsWaiting(t *testing.T) {
	pcsctest.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := service(t).WaitCard(ctx, "", pcsc.Patience{Reader: time.Minute, Card: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
