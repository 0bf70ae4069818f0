package demo

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// steps are the officer's actions of a citizen's visit in order.
func steps(t *testing.T, d *Desk, p Persona) []struct {
	name, action string
	in           func() any
} {
	t.Helper()
	key, err := d.Key(p)
	if err != nil {
		t.Fatal(err)
	}
	person, err := persons.Get(p.Person)
	if err != nil {
		t.Fatal(err)
	}
	fixed := func(v any) func() any { return func() any { return v } }
	finger := func(position eid.FingerPosition) func() any { return fixed(map[string]any{"position": position}) }
	return []struct {
		name, action string
		in           func() any
	}{
		{"start", "visit", fixed(map[string]any{"procedure": "citizen"})},
		{"chip", "chip", fixed(key)},
		{"face", "face", fixed(struct{}{})},
		{"right 1", "finger", finger(eid.RightIndex)},
		{"right 2", "finger", finger(eid.RightIndex)},
		{"left 1", "finger", finger(eid.LeftIndex)},
		{"left 2", "finger", finger(eid.LeftIndex)},
		{"details", "details", fixed(map[string]any{"contacts": person.Contacts})},
		{"consent", "consent", func() any {
			text, err := d.Screen.ConsentText(t.Context(), "vi")
			if err != nil {
				t.Fatal(err)
			}
			return map[string]any{"given": true, "text_version": text.Version, "language": "vi", "method": "verbal_witness"}
		}},
		{"send", "send", fixed(struct{}{})},
	}
}

// TestDaemonKilledAtEveryStep kills the daemon with -9 after and during every
// step: the visit resumes where it was, or is clearly abandoned, and nothing is
// half-queued.
func TestDaemonKilledAtEveryStep(t *testing.T) {
	p := Persona{Person: 2}
	d, _ := startDesk(t, Options{}, p)
	all := steps(t, d, p)
	for i, s := range all {
		if i == 0 {
			if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			restart(t, d, s.name)
			continue
		}
		killDuring(t, d, s.action, s.in())
		v := restart(t, d, "during "+s.name)
		if v.Step == station.StepAbandon {
			t.Fatalf("during %s: abandoned, though the kernel kept the journal's key", s.name)
		}
		if s.action == "send" && v.Step == station.StepDone {
			break // the kill came after the commit: queued once, and known
		}
		if v.Step == station.StepDone {
			t.Fatalf("during %s: done", s.name)
		}
		if !progressed(v, i) {
			if v, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
				t.Fatalf("%s again: %v (step %s)", s.name, err, v.Step)
			}
		}
		if s.action != "send" {
			restart(t, d, s.name)
		}
	}
	v, err := d.Screen.Visit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v != nil && v.Step != station.StepDone {
		t.Fatalf("the visit ended at %s", v.Step)
	}
	if n := queued(t, d); n != 1 {
		t.Fatalf("%d requests queued", n)
	}
	rows, err := d.Screen.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	row, err := d.settled(t.Context(), rows[0].ID)
	if err != nil || row.State != "granted" {
		t.Fatalf("settled as %s: %v", row.State, err)
	}
}

// progressed reports whether the step with index i of steps was journalled
// before the kill.
func progressed(v *station.View, i int) bool {
	impressions := func(p eid.FingerPosition) int {
		for _, f := range v.Fingers {
			if f.Position == p {
				return f.Impressions
			}
		}
		return 0
	}
	switch i {
	case 1:
		return v.Document != nil
	case 2:
		return v.Face != nil
	case 3, 4:
		return impressions(eid.RightIndex) >= i-2
	case 5, 6:
		return impressions(eid.LeftIndex) >= i-4
	case 7:
		return v.Contacts.Phone != ""
	case 8:
		return v.Consent != nil
	}
	return false
}

// killDuring starts the action and kills the daemon somewhat later.
func killDuring(t *testing.T, d *Desk, action string, in any) {
	t.Helper()
	done := make(chan error, 1)
	screen := d.screen()
	go func() { _, err := screen.Act(t.Context(), action, in); done <- err }()
	time.Sleep(15 * time.Millisecond)
	d.KillDaemon()
	<-done
}

func restart(t *testing.T, d *Desk, where string) *station.View {
	t.Helper()
	if p := d.take("enrold"); p != nil {
		p.kill()
	}
	if err := d.StartDaemon(t.Context()); err != nil {
		t.Fatalf("restart after %s: %v", where, err)
	}
	v, err := d.Screen.Visit(t.Context())
	if err != nil {
		t.Fatalf("after %s: %v", where, err)
	}
	if v == nil {
		t.Fatalf("after %s: the visit is gone without a word", where)
	}
	if n := queued(t, d); n > 0 && v.Step != station.StepDone {
		t.Fatalf("after %s: queued, but at step %s", where, v.Step)
	}
	return v
}

// TestWorkerKilled kills each worker with -9 while it works: a device error, the
// worker is back within 2 s, the visit goes on to its end.
func TestWorkerKilled(t *testing.T) {
	p := Persona{Person: 3}
	d, _ := startDesk(t, Options{}, p)
	victims := map[string]string{"chip": "chip", "face": "vision", "finger": "finger"}
	for _, s := range steps(t, d, p) {
		if name, ok := victims[s.action]; ok {
			killWorkerDuring(t, d, name, s.action, s.in())
			if name != "finger" {
				delete(victims, s.action)
			}
		}
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if s.action == "finger" {
			delete(victims, s.action)
		}
	}
	// The USB worker has no part in a visit: it must come back all the same.
	killWorkerDuring(t, d, "usb", "", nil)
	rows, err := d.Screen.Queue(t.Context())
	if err != nil || len(rows) != 1 {
		t.Fatalf("queue: %d rows, %v", len(rows), err)
	}
	if row, err := d.settled(t.Context(), rows[0].ID); err != nil || row.State != "granted" {
		t.Fatalf("settled as %s: %v", row.State, err)
	}
}

func killWorkerDuring(t *testing.T, d *Desk, name, action string, in any) {
	t.Helper()
	pid := childOf(t, d.Daemon(), name)
	done := make(chan error, 1)
	if action != "" {
		go func() { _, err := d.Screen.Act(t.Context(), action, in); done <- err }()
		time.Sleep(20 * time.Millisecond)
	}
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", name, err)
	}
	if action != "" {
		err := <-done
		refused, ok := errors.AsType[*Refused](err)
		if !ok || refused.Failure.Code != eid.CodeDeviceRestarted {
			t.Fatalf("%s killed during %s: the officer was told %v", name, action, err)
		}
	}
	within(t, 2*time.Second-time.Since(killed), name+" worker back", func() bool {
		now := findChild(d.Daemon(), name)
		return now != 0 && now != pid && deviceUp(t, d, name)
	})
	t.Logf("%s worker back after %v", name, time.Since(killed).Round(time.Millisecond))
}

// shownAs is a worker's name on the screen's device list.
var shownAs = map[string]string{"chip": "chip", "vision": "camera", "finger": "scanner", "usb": "usb"}

func deviceUp(t *testing.T, d *Desk, worker string) bool {
	t.Helper()
	devices, err := d.Screen.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, dev := range devices {
		if dev.Name == shownAs[worker] {
			return dev.Code == "" && dev.Restarts > 0
		}
	}
	t.Fatalf("no device %q on the screen", shownAs[worker])
	return false
}

func childOf(t *testing.T, parent int, worker string) int {
	t.Helper()
	var pid int
	within(t, 5*time.Second, worker+" worker runs", func() bool { pid = findChild(parent, worker); return pid != 0 })
	return pid
}

// findChild returns the process that parent runs as `enrold worker NAME`, or 0.
func findChild(parent int, worker string) int {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0
	}
	for _, l := range lines {
		args, err := os.ReadFile(l)
		if err != nil || !strings.Contains(string(args), "\x00worker\x00"+worker+"\x00") {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(l), "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(l)))
			return pid
		}
	}
	return 0
}
