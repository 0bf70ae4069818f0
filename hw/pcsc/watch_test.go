package pcsc_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/pcsc"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
)

// watch collects what a watcher tells until the test ends.
func watch(t *testing.T) func(what string, within time.Duration, want func(pcsc.Status) bool) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan pcsc.Status, 64)
	s := service(t)
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(ctx, func(now pcsc.Status) { told <- now }) })
	t.Cleanup(func() {
		began := time.Now()
		cancel()
		watching.Wait()
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("the watcher ends after %s", took)
		}
	})
	return func(what string, within time.Duration, want func(pcsc.Status) bool) time.Duration {
		t.Helper()
		began := time.Now()
		for late := time.After(within); ; {
			select {
			case now := <-told:
				if want(now) {
					return time.Since(began)
				}
			case <-late:
				t.Fatalf("%s: not told within %s", what, within)
			}
		}
	}
}

func firstIs(state pcsc.CardState) func(pcsc.Status) bool {
	return func(s pcsc.Status) bool {
		return s.Service && len(s.Readers) > 0 && s.Readers[0].State == state && (state != pcsc.Present || len(s.Readers[0].ATR) > 0)
	}
}

// Everything that a desk's reader can do to its officer, in one life of a watcher.
func TestWatch(t *testing.T) {
	wait := watch(t)
	wait("no pcscd", time.Second, func(s pcsc.Status) bool { return !s.Service && len(s.Readers) == 0 })
	desk := pcsctest.Start(t)
	wait("empty readers", 2*time.Second, firstIs(pcsc.Empty))
	desk.Insert(0, "citizen", "")
	wait("card", 2*time.Second, firstIs(pcsc.Present))
	holder := service(t)
	card, err := holder.Open(context.Background(), "", brief)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(card.Close)
	if r := card.Reader(); r.Profile != "virtual-pcd" || card.Tuning().Ladder[0] != 65536 {
		t.Errorf("%+v", r)
	}
	wait("in use", 2*time.Second, firstIs(pcsc.InUse))
	card.Close()
	wait("free again", 2*time.Second, firstIs(pcsc.Present))
	desk.Remove()
	t.Logf("a removal is told after %s", wait("removed", 2*time.Second, firstIs(pcsc.Empty)).Round(time.Millisecond))
	desk.Stop()
	wait("pcscd ended", 2*time.Second, func(s pcsc.Status) bool { return !s.Service })
	pcsctest.Start(t)
	wait("pcscd is back", 3*time.Second, firstIs(pcsc.Empty))
}

// cpu is the processor time that this process has spent.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Neither a dead pcscd, which answers in a tight loop, nor an idle one keeps
// the processor.
func TestWatchIsIdle(t *testing.T) {
	wait := watch(t)
	idle := func(what string) {
		t.Helper()
		before := cpu(t)
		time.Sleep(1500 * time.Millisecond)
		spent := cpu(t) - before
		t.Logf("%s: %s in 1.5 s", what, spent)
		if spent > 150*time.Millisecond {
			t.Errorf("%s costs %s of processor in 1.5 s", what, spent)
		}
	}
	idle("no pcscd")
	desk := pcsctest.Start(t)
	wait("readers", 2*time.Second, firstIs(pcsc.Empty))
	idle("idle readers")
	desk.Stop()
	wait("pcscd ended", 2*time.Second, func(s pcsc.Status) bool { return !s.Service })
	idle("pcscd that ended")
}
