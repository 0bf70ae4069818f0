package durability

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

const (
	killsVariable = "CRASH_N"
	shortKills    = 25
	centralEvery  = 4  // desk kills for each kill of the central
	checkEvery    = 20 // kills between looks at the disk
)

// TestKills kills a desk with -9 at random moments, its central now and then,
// while four producers enqueue and the uplink sends over TLS. What was
// acknowledged is there after every kill; at the end the central has each
// request exactly once and the chain is whole.
func TestKills(t *testing.T) {
	kills := times(t, killsVariable, shortKills)
	root, data, self := t.TempDir(), t.TempDir(), executable(t)
	if err := prepare(t.Context(), root, data); err != nil {
		t.Fatal(err)
	}
	at, l := places{root, data, data}, newLedger()
	o := order{Root: root, Data: data, Addr: freeAddr(t), desk: desk{Producers: 4, Waiting: 48, Journal: true}}
	startCentral := func() *child { o.Role = "central"; return start(t, self, o, func(string) {}) }
	startDesk := func(d desk) *child {
		o.Role, o.desk = "desk", d
		c := start(t, self, o, l.hear)
		c.tell(l.unanswered()...)
		return c
	}
	load := o.desk
	central := startCentral()
	begun, checked, early, centralKills := time.Now(), 0, 0, 0
	for i := range kills {
		c := startDesk(load)
		if rand.N(10) == 0 { // in the middle of opening
			early++
			time.Sleep(rand.N(60 * time.Millisecond))
		} else {
			if !c.wait() {
				t.Fatalf("kill %d: the desk did not start: %s", i+1, c.errText.String())
			}
			moment(l)
		}
		if i%centralEvery == 0 {
			central.kill()
			centralKills++
			central = startCentral()
			time.Sleep(rand.N(100 * time.Millisecond))
		}
		c.kill()
		if (i+1)%checkEvery == 0 || i == kills-1 {
			promised := l.promises()
			gone, findings, err := lost(t.Context(), at, l, promised[checked:])
			if err != nil || len(gone) > 0 || len(findings) > 0 || len(l.broken) > 0 {
				t.Fatalf("after %d kills: lost %v, found %v, broken %v, %v", i+1, gone, findings, l.broken, err)
			}
			checked = len(promised)
			progress(killsVariable, "crash: %d of %d kills, %d requests acknowledged, 0 lost, %v", i+1, kills, checked, time.Since(begun).Round(time.Second))
		}
	}
	central.kill()
	central = startCentral()
	promised, n := l.promises(), settle(t, at, l, startDesk(desk{Journal: true}), central)
	if len(promised) < kills {
		t.Fatalf("only %d requests acknowledged in %d kills: this proves nothing", len(promised), kills)
	}
	t.Logf("%d kills of the desk (%d while it opened), %d of the central, %v: %d requests acknowledged, 0 lost; %d at the central, 0 twice, chain whole",
		kills, early, centralKills, time.Since(begun).Round(time.Second), len(promised), n)
}

// settle lets both ends finish what waits, then holds the ledger against both
// disks. It returns how many requests the central has.
func settle(t *testing.T, at places, l *ledger, d, central *child) int {
	t.Helper()
	if !d.wait() || !central.wait() {
		t.Fatalf("no start at the end: %s%s", d.errText.String(), central.errText.String())
	}
	if err := drained(t.Context(), at.desk); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*child{d, central} {
		if err := c.end(); err != nil {
			t.Fatal(err)
		}
	}
	promised := l.promises()
	gone, findings, err := lost(t.Context(), at, l, promised)
	if err != nil || len(gone) > 0 || len(findings) > 0 || len(l.broken) > 0 {
		t.Fatalf("at the end: lost %v, found %v, broken %v, %v", gone, findings, l.broken, err)
	}
	n, err := exact(t.Context(), at, promised)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// moment waits for a random time, or for a random word of the desk and a little
// more: so that a busy machine, too, is killed in the middle of work.
func moment(l *ledger) {
	if rand.N(3) == 0 {
		time.Sleep(rand.N(250 * time.Millisecond))
		return
	}
	words := l.words.Load() + 1 + rand.Int64N(40)
	for end := time.Now().Add(time.Second); l.words.Load() < words && time.Now().Before(end); {
		time.Sleep(500 * time.Microsecond)
	}
	time.Sleep(rand.N(5 * time.Millisecond))
}

func executable(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}
