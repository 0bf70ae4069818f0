package queue

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hpke"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
)

const marker = "PHUONGTHAOMARKER"

// desk is a queue with the keys of both ends.
type desk struct {
	*Queue
	dir     string
	key     *request.DeviceKey
	central hpke.PrivateKey

	// Of the next open; nil as in Options.
	clock    Clock
	counter  Counter
	draftKey DraftKey
}

func openDesk(t testing.TB) *desk {
	t.Helper()
	dir := t.TempDir()
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "keys", "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{dir: filepath.Join(dir, "data"), key: key, central: central}
	d.open(t)
	t.Cleanup(func() { d.Close() })
	return d
}

func (d *desk) open(t testing.TB) {
	t.Helper()
	q, err := Open(t.Context(), d.options())
	if err != nil {
		t.Fatal(err)
	}
	d.Queue = q
}

func (d *desk) options() Options {
	return Options{Dir: d.dir, DeskID: "desk-1", Software: "test", Signers: request.Signers{Device: d.key}, Recipients: []hpke.PublicKey{d.central.PublicKey()}, MinFree: 1, Reserve: 1 << 20, Clock: d.clock, Counter: d.counter, DraftKey: d.draftKey}
}

func (d *desk) keys() request.KnownKeys {
	return request.KnownKeys{Devices: []crypto.PublicKey{d.key.Public()}}
}

func (d *desk) reopen(t testing.TB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.open(t)
}

func newRequest(sampleBytes int) station.Request {
	return station.Request{
		ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2, RuleSet: "vn-69-2024",
		Subject:   eid.Subject{PersonalNumber: "099078000404", Name: marker},
		Portraits: []eid.PortraitRecord{{Record: bytes.Repeat([]byte(marker), sampleBytes/len(marker))}},
		DueAt:     "2026-11-20", ReceivedAt: time.Date(2026, 11, 17, 8, 0, 0, 5, time.UTC),
	}
}

// fileSample makes a payload that is a file; less is a row.
const fileSample = 2 * MaxInRow

func (d *desk) statement(t testing.TB, id string) Statement {
	t.Helper()
	r, err := d.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return Statement{ID: id, DeskID: "desk-1", Seq: r.Seq, BodyHash: r.BodyHash, Signed: []byte("statement")}
}

// payloads are the files of waiting requests.
func (d *desk) payloads(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(d.dir, payloadFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestEnqueueSealsAndChains(t *testing.T) {
	d := openDesk(t)
	previous := make([]byte, request.HashSize)
	for i := int64(1); i <= 4; i++ {
		if i == 3 {
			d.reopen(t) // the chain goes on after a restart
		}
		r := newRequest(1000)
		got, err := d.Enqueue(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := d.Enqueue(t.Context(), r)
		if err != nil || again != got {
			t.Fatalf("second Enqueue = %+v, %v, want %+v", again, err, got)
		}
		found, ok, err := d.Find(t.Context(), r.ID)
		if err != nil || !ok || found != got {
			t.Fatalf("Find = %+v, %v, %v, want %+v", found, ok, err, got)
		}
		sealed, err := d.Payload(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		body, by, err := request.Open(d.central, d.keys(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if got.Seq != i || body.Seq != i || !bytes.Equal(body.Previous, previous) || by.Device.Origin != request.KeySoftware {
			t.Fatalf("request %d: queued %d, body %d, previous %x, origin %s", i, got.Seq, body.Seq, body.Previous, by.Device.Origin)
		}
		if body.Request.Subject.Name.Reveal() != marker || !body.Request.ReceivedAt.Equal(r.ReceivedAt) {
			t.Fatal("the body is not the request")
		}
		previous = request.Hash(sealed)
	}
	rows, err := d.List(t.Context(), 10)
	if err != nil || len(rows) != 4 || rows[0].Seq != 4 || rows[0].State != Sealed {
		t.Fatalf("List = %+v, %v", rows, err)
	}
}

func TestConcurrentEnqueueIsGapFree(t *testing.T) {
	d := openDesk(t)
	same := newRequest(100)
	var mu sync.Mutex
	seen := map[int64]int{}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			r := same
			if i%4 != 0 {
				r = newRequest(100)
			}
			got, err := d.Enqueue(context.Background(), r)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[got.Seq]++
		})
	}
	all.Wait()
	if len(seen) != 31 {
		t.Fatalf("%d numbers given, want 31", len(seen))
	}
	for seq := int64(1); seq <= 31; seq++ {
		if n := seen[seq]; n != 1 && n != 10 {
			t.Fatalf("number %d given %d times", seq, n)
		}
	}
}

func TestReceiptPurgesOnlyItsOwnBody(t *testing.T) {
	d := openDesk(t)
	a, b := newRequest(fileSample), newRequest(fileSample)
	for _, r := range []station.Request{a, b} {
		if _, err := d.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	good := d.statement(t, a.ID)
	for name, spoil := range map[string]func(*Statement){
		"other body":    func(s *Statement) { s.BodyHash = d.statement(t, b.ID).BodyHash },
		"other number":  func(s *Statement) { s.Seq = 2 },
		"other desk":    func(s *Statement) { s.DeskID = "desk-2" },
		"other request": func(s *Statement) { s.ID = b.ID },
		"unsigned":      func(s *Statement) { s.Signed = nil },
	} {
		bad := good
		spoil(&bad)
		if err := d.Received(t.Context(), bad); eid.CodeOf(err) != eid.CodeReceipt {
			t.Errorf("%s: Received = %v, want %s", name, err, eid.CodeReceipt)
		}
	}
	if n := len(d.payloads(t)); n != 2 {
		t.Fatalf("%d payloads after wrong receipts, want 2", n)
	}
	if err := d.Settled(t.Context(), Outcome{Statement: good, State: Granted}); err == nil {
		t.Fatal("a request that was not received was granted")
	}
	for range 2 { // the second time it is the same
		if err := d.Received(t.Context(), good); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.payloads(t); len(got) != 1 || filepath.Base(got[0]) != b.ID {
		t.Fatalf("payloads after receipt: %v", got)
	}
	if _, err := d.Payload(t.Context(), a.ID); err == nil {
		t.Fatal("a purged payload was read")
	}
	for range 2 {
		if err := d.Settled(t.Context(), Outcome{Statement: good, State: Rejected, Reason: "face_no_match", Took: time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Get(t.Context(), a.ID)
	if err != nil || got.State != Rejected || got.Reason != "face_no_match" || got.Error != eid.CodeRejected || got.SyncMS != 1000 || !got.Receipt || got.Attempts != 1 {
		t.Fatalf("Get = %+v, %v", got, err)
	}
}

func TestDueFollowsDeadlineAndBackOff(t *testing.T) {
	d := openDesk(t)
	late, soon := newRequest(fileSample), newRequest(fileSample)
	soon.DueAt = "2026-11-18"
	for _, r := range []station.Request{late, soon} {
		if _, err := d.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	due := func(want string) {
		t.Helper()
		r, _, err := d.Due(t.Context(), now)
		if err != nil || r == nil || r.ID != want {
			t.Fatalf("Due = %+v, %v, want %s", r, err, want)
		}
	}
	due(soon.ID)
	later := now.Add(time.Minute).Truncate(time.Millisecond)
	if err := d.Failed(t.Context(), Attempt{ID: soon.ID, Code: eid.CodeReceipt, Next: later}); err != nil {
		t.Fatal(err)
	}
	due(late.ID)
	if err := d.Failed(t.Context(), Attempt{ID: late.ID, Code: eid.CodeSyncRefused, Reason: "chain_broken", Aside: true}); err != nil {
		t.Fatal(err)
	}
	r, next, err := d.Due(t.Context(), now)
	if err != nil || r != nil || !next.Equal(later) {
		t.Fatalf("Due = %+v, %v, %v, want nothing before %v", r, next, err, later)
	}
	if got, err := d.Get(t.Context(), late.ID); err != nil || got.State != Refused || got.Attempts != 1 || got.Reason != "chain_broken" {
		t.Fatalf("refused = %+v, %v", got, err)
	}
	if len(d.payloads(t)) != 2 {
		t.Fatal("a refused request lost its payload")
	}
}

func TestSweepRemovesOrphans(t *testing.T) {
	d := openDesk(t)
	r, row := newRequest(fileSample), newRequest(10)
	for _, r := range []station.Request{r, row} {
		if _, err := d.Enqueue(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{".new-123", newRequest(0).ID, row.ID} {
		if err := os.WriteFile(filepath.Join(d.dir, payloadFolder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.reopen(t)
	<-d.sweeper.joined
	if got := d.payloads(t); len(got) != 1 || filepath.Base(got[0]) != r.ID {
		t.Fatalf("after the sweep: %v", got)
	}
}

// A disk that fails to give a file says nothing of what is in it: it may be a
// request of a time that an older copy of the database does not know.
func TestSweepKeepsWhatCannotBeRead(t *testing.T) {
	d := openDesk(t)
	<-d.sweeper.joined
	name := newRequest(0).ID
	if err := os.Mkdir(filepath.Join(d.dir, payloadFolder, name), 0o700); err != nil { // opens, and reading it fails
		t.Fatal(err)
	}
	if stale, err := d.sweeper.stale(t.Context(), name); stale || err != nil {
		t.Fatalf("unreadable file: stale %v, %v", stale, err)
	}
}

func TestDamagedPayloadIsNotSent(t *testing.T) {
	d := openDesk(t)
	r := newRequest(fileSample)
	if _, err := d.Enqueue(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	name := d.payloads(t)[0]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Payload(t.Context(), r.ID); eid.CodeOf(err) != eid.CodeQueueDamaged {
		t.Fatalf("Payload of a damaged file = %v", err)
	}
}

func TestRoom(t *testing.T) {
	d := openDesk(t)
	if err := d.Room(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.o.MinFree = 1 << 62
	if err := d.Room(t.Context()); eid.CodeOf(err) != eid.CodeDiskFull {
		t.Fatalf("Room = %v, want %s", err, eid.CodeDiskFull)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	d := openDesk(t)
	if q, err := Open(t.Context(), d.options()); eid.CodeOf(err) != eid.CodeQueue || q != nil {
		t.Fatalf("second Open = %v, want %s", err, eid.CodeQueue)
	}
}

func TestClosedQueueAnswers(t *testing.T) {
	d := openDesk(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enqueue(context.Background(), newRequest(1)); eid.CodeOf(err) != eid.CodeQueue {
		t.Fatalf("Enqueue after Close = %v", err)
	}
}

func BenchmarkEnqueue(b *testing.B) {
	for _, size := range []int{1 << 10, 400 << 10} {
		for _, producers := range []int{1, 4} {
			b.Run(fmt.Sprintf("%dKB/%dproducers", size>>10, producers), func(b *testing.B) {
				d := openDesk(b)
				b.SetBytes(int64(size))
				b.SetParallelism(producers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := d.Enqueue(context.Background(), newRequest(size)); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
