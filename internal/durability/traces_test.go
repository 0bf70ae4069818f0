package durability

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/queue"
)

// TestTracesOfADay lets a desk work with its central away and back, cuts the
// power in the middle and searches its whole disk, block by block with what was
// deleted, for the persons; and its files for the sealed bytes of requests that
// have their receipts. Sealed bytes may stay in deleted blocks of a disk: nobody
// but the central opens those.
func TestTracesOfADay(t *testing.T) {
	l := newLab(t)
	disk, led := l.newDisk("desk"), newLedger()
	at := places{t.TempDir(), disk.dir, t.TempDir()}
	if err := prepare(t.Context(), at.root, at.central); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	work := func(d desk) *child {
		c := start(t, executable(t), order{Role: "desk", Root: at.root, Data: at.desk, Addr: addr, desk: d}, led.hear)
		c.tell(led.unanswered()...)
		return c
	}
	morning := work(desk{Producers: 2, Journal: true, Limit: 20, Offline: true})
	until(t, "the morning's requests are queued", func() bool { return len(led.promises()) >= 20 })
	if err := morning.end(); err != nil {
		t.Fatal(err)
	}
	central := start(t, executable(t), order{Role: "central", Root: at.root, Data: at.central, Addr: addr}, func(string) {})
	if !central.wait() {
		t.Fatal(central.errText.String())
	}
	afternoon := work(desk{Journal: true})
	if !afternoon.wait() {
		t.Fatal(afternoon.errText.String())
	}
	if err := drained(t.Context(), at.desk); err != nil {
		t.Fatal(err)
	}
	if err := afternoon.end(); err != nil {
		t.Fatal(err)
	}
	central.kill() // the evening's requests stay
	evening := work(desk{Producers: 2, Journal: true, Waiting: 1000})
	until(t, "the evening's requests are queued", func() bool { return len(led.promises()) >= 30 })
	evening.pause()
	cut := disk.picture()
	evening.kill()
	disk.bootFrom(cut)

	gone, findings, err := lost(t.Context(), at, led, led.promises())
	if err != nil || len(gone) > 0 || len(findings) > 0 {
		t.Fatalf("lost %v, found %v, %v", gone, findings, err)
	}
	purged := fingerprints(t, at)
	files := 0
	err = filepath.WalkDir(at.desk, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for name, m := range purged {
			if bytes.Contains(data, m) {
				t.Errorf("%s still holds %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := run("umount", disk.dir); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(disk.file)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range marks() {
		if at := bytes.Index(raw, m); at >= 0 {
			t.Errorf("%s lies on the disk at %d", name, at)
		}
	}
	// That the search finds what is there: numbers of requests are on the disk.
	if id := led.promises()[0]; !bytes.Contains(raw, []byte(id)) {
		t.Fatalf("the disk does not even hold %s: this proves nothing", id)
	}
	left := 0
	for _, m := range purged {
		if bytes.Contains(raw, m) {
			left++
		}
	}
	disk.mount()
	t.Logf("%d requests, %d with receipts; %d markers searched in a disk of %d MB, %d files: none; sealed bytes of %d purged requests in deleted blocks",
		len(led.promises()), len(purged), len(marks()), len(raw)>>20, files, left)
	if len(purged) < 20 {
		t.Fatalf("only %d requests were purged: this proves nothing", len(purged))
	}
}

// fingerprints are parts of the sealed bytes of the requests that the desk has
// receipts for, as the central keeps them.
func fingerprints(t *testing.T, at places) map[string][]byte {
	t.Helper()
	r, err := queue.OpenReader(t.Context(), filepath.Join(at.desk, "desk"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := atCentral(t.Context(), at.central)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, a := range list {
		row, err := r.Get(t.Context(), a.id)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := os.ReadFile(a.payload)
		if err != nil {
			t.Fatal(err)
		}
		if row.Receipt {
			parts["the sealed bytes of "+a.id] = sealed[len(sealed)/2 : len(sealed)/2+48]
		}
	}
	return parts
}

// marks are the person's data in the forms in which they could lie on a disk.
func marks() map[string][]byte {
	m := map[string][]byte{}
	for name, text := range map[string]string{
		"name": markerName, "name in the MRZ": markerMRZ, "number": markerNumber, "phone": markerPhone, "portrait": markerImage,
	} {
		m[name] = []byte(text)
		m[name+", NFD"] = norm.NFD.Bytes([]byte(text))
		m[name+", lower case"] = []byte(strings.ToLower(text))
		m[name+", hex"] = []byte(hex.EncodeToString([]byte(text)))
		for shift := range 3 { // base64 depends on where the text begins
			enc := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), text...))
			m[name+", base64 "+string(rune('0'+shift))] = []byte(enc[4 : len(enc)-4])
		}
	}
	return m
}
