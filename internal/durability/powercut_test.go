package durability

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	cutsVariable = "POWERFAIL_N"
	shortCuts    = 3
	weakEvery    = 5 // the control has a fifth of the cuts
	weakCuts     = 10
)

// TestPowerCuts cuts the power of the disks of desk and central, both at work,
// and boots them again from what was on the disk at that moment. Everything that
// was acknowledged before the cut is there.
func TestPowerCuts(t *testing.T) {
	n := times(t, cutsVariable, shortCuts)
	l := newLab(t)
	r := cutPower(t, l, executable(t), n)
	if len(r.lost) > 0 || len(r.findings) > 0 {
		t.Fatalf("%d of %d acknowledged requests lost in %d power cuts: %v; found %v", len(r.lost), r.promised, n, r.lost, r.findings)
	}
	if r.promised < n {
		t.Fatalf("only %d requests acknowledged in %d cuts: this proves nothing", r.promised, n)
	}
	t.Logf("%d power cuts, %v: %d requests acknowledged, 0 lost; %d at the central, 0 twice, chain whole", n, r.took, r.promised, r.central)
}

// TestPowerCutsNoticeWeakSync is the control: the same programs linked with
// synchronous=NORMAL must lose some, or the harness would not notice anything.
func TestPowerCutsNoticeWeakSync(t *testing.T) {
	n := max(times(t, cutsVariable, 1)/weakEvery, weakCuts)
	if os.Getenv(cutsVariable) == "" {
		t.Skipf("the control runs in make powerfail (%s)", cutsVariable)
	}
	l := newLab(t)
	weak := filepath.Join(t.TempDir(), "weak.test")
	build := exec.Command("go", "test", "-c", "-o", weak, "-ldflags", "-X github.com/enrold/enrold/queue/store.synchronous=NORMAL", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with synchronous=NORMAL: %v: %s", err, out)
	}
	r := cutPower(t, l, weak, n)
	if len(r.lost) == 0 {
		t.Fatalf("synchronous=NORMAL lost none of %d acknowledged requests in %d power cuts: the harness notices nothing", r.promised, n)
	}
	t.Logf("synchronous=NORMAL: %d of %d acknowledged requests lost in %d power cuts, as it must be", len(r.lost), r.promised, n)
}

type outcome struct {
	promised, central int
	lost              []string
	findings          []string
	took              time.Duration
}

// cutPower runs binary as desk and central on a disk each. A desk that has lost
// something starts anew, so that each loss is counted once.
func cutPower(t *testing.T, l *lab, binary string, cuts int) (r outcome) {
	t.Helper()
	root, begun := t.TempDir(), time.Now()
	desks, centrals := l.newDisk("desk"), l.newDisk("central")
	if err := prepare(t.Context(), root, centrals.dir); err != nil {
		t.Fatal(err)
	}
	if err := run("sync"); err != nil {
		t.Fatal(err)
	}
	led, addr, checked := newLedger(), freeAddr(t), 0
	at := places{root, desks.dir, centrals.dir}
	load := desk{Producers: 4, Waiting: 48}
	boot := func(d desk) (deskChild, centralChild *child) {
		centralChild = start(t, binary, order{Role: "central", Root: root, Data: centrals.dir, Addr: addr}, func(string) {})
		deskChild = start(t, binary, order{Role: "desk", Root: root, Data: desks.dir, Addr: addr, desk: d}, led.hear)
		deskChild.tell(led.unanswered()...)
		if !deskChild.wait() || !centralChild.wait() {
			t.Fatalf("no start: %s%s", deskChild.errText.String(), centralChild.errText.String())
		}
		return deskChild, centralChild
	}
	for i := range cuts {
		d, c := boot(load)
		moment(led)
		// The desk speaks no more, but what it has asked of its disk goes on. Its
		// picture comes first: the central may know more of the desk than the desk
		// knows of the central, never less.
		d.pause()
		desk, central := desks.picture(), centrals.picture()
		d.kill()
		c.kill()
		desks.bootFrom(desk)
		centrals.bootFrom(central)
		before := led.promises()
		gone, findings, err := lost(t.Context(), at, led, before[checked:])
		if err != nil {
			t.Fatal(err)
		}
		r.lost = append(r.lost, gone...)
		r.promised += len(before) - checked
		for _, f := range findings {
			r.findings = append(r.findings, f.Where+": "+f.Problem)
		}
		checked = len(before)
		progress(cutsVariable, "powerfail: %d of %d cuts, %d requests acknowledged, %d lost, %v", i+1, cuts, r.promised, len(r.lost), time.Since(begun).Round(time.Second))
	}
	if len(r.lost) == 0 {
		d, c := boot(desk{})
		r.central = settle(t, at, led, d, c)
	}
	r.took = time.Since(begun).Round(time.Second)
	return r
}
