package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
)

// TestNothingAboutAPersonIsOnDisk runs a granted visit, a refused one and one
// that a kill cuts in the middle, and then searches every file that desk,
// central and emulators wrote (database, log of the database, payloads, logs)
// for the person's name, numbers, contacts and portrait.
func TestNothingAboutAPersonIsOnDisk(t *testing.T) {
	p := Persona{Person: 1}
	d, actor := startDesk(t, Options{Offline: true}, p)
	// The central is down: the sealed request itself is searched too.
	all := steps(t, d, p)
	for _, s := range all {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	if files := payloads(t, d); len(files) != 1 {
		t.Fatalf("sealed payloads: %v", files)
	}
	search(t, d, "queued, central down")
	if err := d.StartCentral(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := d.Screen.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.settled(t.Context(), rows[0].ID); err != nil {
		t.Fatal(err)
	}
	search(t, d, "settled")

	refused := Persona{Person: 1, WrongFinger: true}
	if err := d.Seat(actor, refused); err != nil {
		t.Fatal(err)
	}
	if sum, err := d.Visit(t.Context(), refused); err != nil || sum.Outcome != "refused" {
		t.Fatalf("refused visit: %s, %v", sum.Outcome, err)
	}
	if err := d.Seat(actor, p); err != nil {
		t.Fatal(err)
	}
	for _, s := range all[:6] {
		if _, err := d.Screen.Act(t.Context(), s.action, s.in()); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	d.KillDaemon()
	search(t, d, "killed in the middle of a visit")
}

// search fails for every file of the run folder that holds a marker.
func search(t *testing.T, d *Desk, when string) {
	t.Helper()
	marks := markers(t, d)
	files, size := 0, 0
	err := filepath.WalkDir(d.opts.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // the database's log may go at any moment
		}
		if err != nil {
			return err
		}
		files, size = files+1, size+len(b)
		for name, m := range marks {
			if bytes.Contains(b, m) {
				t.Errorf("%s: %s is in %s", when, name, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 || size < 10_000 {
		t.Fatalf("only %d files with %d bytes searched: this proves nothing", files, size)
	}
	t.Logf("%s: %d markers searched in %d files, %d bytes", when, len(marks), files, size)
}

// markers are the person's data in the encodings in which they could lie on a disk.
func markers(t *testing.T, d *Desk) map[string][]byte {
	t.Helper()
	p, err := persons.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	photos, err := p.Photos(d.opts.Photos)
	if err != nil {
		t.Fatal(err)
	}
	marks := map[string][]byte{}
	for name, text := range map[string]string{
		"name": p.Citizen.Name, "name in the MRZ": p.Citizen.NameMRZ, "number": p.Citizen.PersonalNumber,
		"document number": p.Citizen.DocumentNumber, "residence": p.Citizen.Residence, "origin": p.Citizen.PlaceOfOrigin,
		"phone": p.Contacts.Phone.Reveal(), "e-mail": p.Contacts.Email.Reveal(),
	} {
		marks[name] = []byte(text)
		marks[name+" NFD"] = norm.NFD.Bytes([]byte(text))
		marks[name+" lower"] = []byte(strings.ToLower(text))
		marks[name+" hex"] = []byte(hex.EncodeToString([]byte(text)))
		for shift := range 3 { // base64 depends on where the text begins
			enc := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), text...))
			if len(enc) > 12 {
				marks[name+" base64 "+string(rune('0'+shift))] = []byte(enc[4 : len(enc)-4])
			}
		}
	}
	for i, photo := range photos {
		b, err := os.ReadFile(photo)
		if err != nil {
			t.Fatal(err)
		}
		marks["photograph "+string(rune('a'+i))] = b[len(b)/2 : len(b)/2+48]
	}
	marks["JPEG header"] = []byte("JFIF\x00")
	marks["PNG header"] = []byte("\x89PNG\r\n")
	return marks
}

// TestTwoDesksSideBySideAndNothingLeft runs two desks at once and checks that
// their processes and sockets are gone after Stop.
func TestTwoDesksSideBySideAndNothingLeft(t *testing.T) {
	p := Persona{Person: 4}
	a, _ := startDesk(t, Options{Procedure: eid.CitizenLevel2}, p)
	b, _ := startDesk(t, Options{Procedure: eid.ForeignerLevel2}, p)
	for _, d := range []*Desk{a, b} {
		if sum, err := d.Visit(t.Context(), p); err != nil || sum.Outcome != "granted" {
			t.Fatalf("%s: %s, %v", d.opts.Procedure, sum.Outcome, err)
		}
	}
	for _, d := range []*Desk{a, b} {
		d.Stop()
		within(t, 3*time.Second, "processes gone", func() bool { return len(processesOf(d.opts.Dir)) == 0 })
		for _, addr := range []string{d.centralAddr, d.cfg.Desk.Listen} {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				t.Errorf("%s still answers", addr)
			}
		}
		_ = filepath.WalkDir(d.opts.Dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type()&os.ModeSocket != 0 {
				t.Errorf("socket left: %s", path)
			}
			return nil
		})
	}
}

// processesOf lists command lines that name dir.
func processesOf(dir string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if b, err := os.ReadFile(l); err == nil && bytes.Contains(b, []byte(dir)) {
			found = append(found, string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
		}
	}
	return found
}
