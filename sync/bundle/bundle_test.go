package bundle

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/signed"
	"github.com/enrold/enrold/sync/wire"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// desk is a real queue with its device key.
type desk struct {
	*queue.Queue
	id     string
	device *request.DeviceKey
}

func openDesk(t testing.TB, id string, seal hpke.PublicKey) *desk {
	t.Helper()
	dir := t.TempDir()
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), queue.Options{
		Dir: filepath.Join(dir, "data"), DeskID: id, Software: "test", MinFree: 1,
		Signers: request.Signers{Device: key}, Recipients: []hpke.PublicKey{seal},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return &desk{Queue: q, id: id, device: key}
}

func (d *desk) enqueue(t testing.TB, n int) {
	t.Helper()
	for range n {
		_, err := d.Enqueue(t.Context(), station.Request{ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2, DueAt: "2026-11-27"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desk) rows(t testing.TB, s queue.State) []queue.Row {
	t.Helper()
	all, err := d.List(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r queue.Row) bool { return r.State != s })
}

func (d *desk) export(t testing.TB, to string) string {
	t.Helper()
	var awaiting []string
	for _, r := range d.rows(t, queue.Received) {
		awaiting = append(awaiting, r.ID)
	}
	dir, err := Export{
		To: to, Desk: d.id, Device: d.device, Rows: d.rows(t, queue.Sealed), Awaiting: awaiting, Payloads: d, Now: time.Now(),
	}.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (d *desk) settle(t testing.TB, c *central, dir string) (Settled, error) {
	t.Helper()
	return Settle{Desk: d.id, ReceiptKey: &c.receipt.PublicKey, Ledger: d, Now: time.Now}.Take(t.Context(), dir)
}

// central opens and verifies requests as an intake does, and keeps them in memory.
type central struct {
	t       testing.TB
	seal    hpke.PrivateKey
	receipt *ecdsa.PrivateKey
	devices map[string]crypto.PublicKey
	stored  map[string]kept
	log     wire.LogHead
}

type kept struct {
	ident      request.Ident
	hash       []byte
	statements [][]byte
}

func newCentral(t testing.TB) *central {
	t.Helper()
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return &central{t: t, seal: seal, receipt: newKey(t), devices: map[string]crypto.PublicKey{}, stored: map[string]kept{}}
}

func (c *central) desk(id string) *desk {
	d := openDesk(c.t, id, c.seal.PublicKey())
	c.devices[id] = d.device.Public()
	return d
}

func (c *central) DeviceKeys(_ context.Context, desk string) ([]crypto.PublicKey, error) {
	if key, ok := c.devices[desk]; ok {
		return []crypto.PublicKey{key}, nil
	}
	return nil, nil
}

func (c *central) Accept(_ context.Context, desk, id string, sealed []byte) ([]byte, bool, error) {
	if k, ok := c.stored[id]; ok {
		return k.statements[0], false, nil
	}
	body, _, err := request.Open(c.seal, request.KnownKeys{Devices: []crypto.PublicKey{c.devices[desk]}}, sealed)
	if err != nil {
		return nil, false, wire.Problem{Status: http.StatusUnprocessableEntity, Code: wire.ReasonNotAuthentic}
	}
	k := kept{ident: request.Ident{Desk: desk, Request: id, Seq: body.Seq}, hash: request.Hash(sealed)}
	receipt, err := wire.SignStatement(c.receipt, wire.NewReceipt(k.ident, k.hash, time.Now()))
	k.statements = [][]byte{receipt}
	c.stored[id] = k
	return receipt, true, err
}

func (c *central) decide() {
	for id, k := range c.stored {
		s, err := wire.SignStatement(c.receipt, wire.NewResult(k.ident, k.hash, wire.StateGranted, "", time.Now()))
		if err != nil {
			c.t.Fatal(err)
		}
		k.statements = append(k.statements[:1:1], s)
		c.stored[id] = k
	}
}

func (c *central) Statements(_ context.Context, _, id string) ([][]byte, error) {
	return c.stored[id].statements, nil
}

func (c *central) Log(_ context.Context, _ string, log wire.Log) (wire.LogHead, error) {
	if err := log.Extends(c.log); err != nil && !errors.Is(err, wire.ErrLogFrom) {
		return c.log, err
	}
	c.log = log.LogHead
	return c.log, nil
}

func (c *central) take(dir string) (Imported, error) {
	return Import{Door: c, Receipt: c.receipt, Now: time.Now}.Take(c.t.Context(), dir, filepath.Dir(dir))
}

func (c *central) mustTake(dir string) Imported {
	c.t.Helper()
	im, err := c.take(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	return im
}

func TestThereAndBack(t *testing.T) {
	c := newCentral(t)
	d, stick := c.desk("Desk-1."), t.TempDir()
	d.enqueue(t, 3)
	first := d.export(t, stick)
	im := c.mustTake(first)
	if im.Fresh != 3 || im.Known+im.Refused+im.Damaged != 0 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	done, err := d.settle(t, c, im.Answer)
	if err != nil || done.Received != 3 || len(done.Codes) != 0 || len(d.rows(t, queue.Received)) != 3 {
		t.Fatalf("settle: %+v, %v", done, err)
	}
	if row := d.rows(t, queue.Received)[0]; true {
		if _, err := d.Payload(t.Context(), row.ID); err == nil {
			t.Error("a payload is still there")
		}
	}
	// The same answer again brings nothing, and says so.
	if done, err = d.settle(t, c, im.Answer); err != nil || done.Known != 3 || !slices.Contains(done.Codes, eid.CodeBundleReplayed) {
		t.Fatalf("settle again: %+v, %v", done, err)
	}
	// The next stick asks for results and brings one more.
	c.decide()
	d.enqueue(t, 1)
	im = c.mustTake(d.export(t, stick))
	if im.Fresh != 1 {
		t.Fatalf("second import: %+v", im)
	}
	if done, err = d.settle(t, c, im.Answer); err != nil || done.Decided != 3 || done.Received != 1 || len(d.rows(t, queue.Granted)) != 3 {
		t.Fatalf("second settle: %+v, %v", done, err)
	}
	// The first bundle replayed: nothing new at the central, and a whole answer.
	im = c.mustTake(first)
	if im.Fresh != 0 || im.Known != 3 || !slices.Contains(im.Codes, eid.CodeBundleReplayed) {
		t.Fatalf("replay: %+v", im)
	}
	if done, err = d.settle(t, c, im.Answer); err != nil || done.Received+done.Decided+done.Bad != 0 {
		t.Fatalf("settle of the replay: %+v, %v", done, err)
	}
	found, err := FindRequests(stick)
	if err != nil || len(found) != 2 {
		t.Fatalf("found %v, %v", found, err)
	}
	if _, err := FindResults(t.TempDir()); eid.CodeOf(err) != eid.CodeInput {
		t.Fatalf("an empty stick: %v", err)
	}
}

// The network is faster for some: both ways end in the same receipt.
func TestCrossesTheNetwork(t *testing.T) {
	c := newCentral(t)
	d := c.desk("desk-1")
	d.enqueue(t, 2)
	dir := d.export(t, t.TempDir())
	row := d.rows(t, queue.Sealed)[0]
	sealed, err := d.Payload(t.Context(), row.ID)
	if err != nil {
		t.Fatal(err)
	}
	receipt, _, err := c.Accept(t.Context(), d.id, row.ID, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Received(t.Context(), queue.Statement{ID: row.ID, DeskID: d.id, Seq: row.Seq, BodyHash: row.BodyHash, Signed: receipt}); err != nil {
		t.Fatal(err)
	}
	im := c.mustTake(dir)
	if im.Fresh != 1 || im.Known != 1 || len(im.Codes) != 0 {
		t.Fatalf("import: %+v", im)
	}
	if done, err := d.settle(t, c, im.Answer); err != nil || done.Received != 1 || done.Known != 1 || done.Bad != 0 {
		t.Fatalf("settle: %+v, %v", done, err)
	}
}

func rewrite(t testing.TB, path string, f func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(b []byte) []byte { b[len(b)/2] ^= 1; return b }

func TestBadBundlesAreRefusedWhole(t *testing.T) {
	c, other := newCentral(t), newCentral(t)
	d := c.desk("desk-1")
	d.enqueue(t, 2)
	stranger := other.desk("desk-9")
	stranger.enqueue(t, 1)
	for name, tc := range map[string]struct {
		spoil func(dir string) string
		code  eid.Code
	}{
		"no manifest": {func(dir string) string { return remove(t, dir, manifestFile) }, eid.CodeBundleUnfinished},
		"manifest not renamed": {func(dir string) string {
			if err := os.Rename(filepath.Join(dir, manifestFile), filepath.Join(dir, unfinishedFile)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, eid.CodeBundleUnfinished},
		"empty manifest": {func(dir string) string {
			rewrite(t, filepath.Join(dir, manifestFile), func([]byte) []byte { return nil })
			return dir
		}, eid.CodeBundleUnfinished},
		"no folder": {func(dir string) string { return dir + "x" }, eid.CodeBundleUnfinished},
		"one bit of the manifest": {func(dir string) string {
			rewrite(t, filepath.Join(dir, manifestFile), flip)
			return dir
		}, eid.CodeBundleAltered},
		"a link for the manifest": {func(dir string) string {
			remove(t, dir, manifestFile)
			if err := os.Symlink("/dev/zero", filepath.Join(dir, manifestFile)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, eid.CodeBundleAltered},
		"another central's desk": {func(string) string { return stranger.export(t, t.TempDir()) }, eid.CodeBundleForeign},
		"a results bundle":       {func(dir string) string { return c.mustTake(dir).Answer }, eid.CodeBundleAltered},
	} {
		dir := tc.spoil(d.export(t, t.TempDir()))
		before := len(c.stored)
		if im, err := c.take(dir); eid.CodeOf(err) != tc.code || len(c.stored) != before {
			t.Errorf("%s: %+v, %v, want %s", name, im, err, tc.code)
		}
	}
}

func remove(t testing.TB, dir, name string) string {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// One bad file does not keep the others from coming in.
func TestBadFilesAreCounted(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(path string)
		code  eid.Code
	}{
		"missing": {func(p string) { remove(t, filepath.Dir(p), filepath.Base(p)) }, eid.CodeBundleUnfinished},
		"cut":     {func(p string) { rewrite(t, p, func(b []byte) []byte { return b[:len(b)-1] }) }, eid.CodeBundleUnfinished},
		"longer":  {func(p string) { rewrite(t, p, func(b []byte) []byte { return append(b, 0) }) }, eid.CodeBundleAltered},
		"one bit": {func(p string) { rewrite(t, p, flip) }, eid.CodeBundleAltered},
		"a link": {func(p string) {
			remove(t, filepath.Dir(p), filepath.Base(p))
			if err := os.Symlink("/etc/passwd", p); err != nil {
				t.Fatal(err)
			}
		}, eid.CodeBundleAltered},
	} {
		c := newCentral(t)
		d := c.desk("desk-1")
		d.enqueue(t, 3)
		dir := d.export(t, t.TempDir())
		tc.spoil(filepath.Join(dir, payloadFolder, requestFile(d.rows(t, queue.Sealed)[1].ID)))
		im, err := c.take(dir)
		if err != nil || im.Fresh != 2 || im.Damaged != 1 || !slices.Equal(im.Codes, []eid.Code{tc.code}) {
			t.Errorf("%s: %+v, %v, want %s", name, im, err, tc.code)
			continue
		}
		if done, err := d.settle(t, c, im.Answer); err != nil || done.Received != 2 || len(d.rows(t, queue.Sealed)) != 1 {
			t.Errorf("%s: settle %+v, %v", name, done, err)
		}
	}
}

// A desk's own manifest over another desk's request.
func TestForeignRequestInABundle(t *testing.T) {
	c := newCentral(t)
	d, other := c.desk("desk-1"), c.desk("desk-2")
	other.enqueue(t, 1)
	dir, err := Export{To: t.TempDir(), Desk: d.id, Device: d.device, Rows: other.rows(t, queue.Sealed), Payloads: other, Now: time.Now()}.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	im := c.mustTake(dir)
	if im.Damaged != 1 || !slices.Equal(im.Codes, []eid.Code{eid.CodeBundleForeign}) || len(c.stored) != 0 {
		t.Fatalf("%+v", im)
	}
}

func TestRefusedRequestsStepAside(t *testing.T) {
	c := newCentral(t)
	d := c.desk("desk-1")
	d.enqueue(t, 1)
	dir := d.export(t, t.TempDir())
	wrong, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	right := c.seal
	c.seal = wrong
	im := c.mustTake(dir)
	if im.Refused != 1 || !slices.Contains(im.Codes, eid.CodeSyncRefused) {
		t.Fatalf("import: %+v", im)
	}
	done, err := d.settle(t, c, im.Answer)
	if rows := d.rows(t, queue.Refused); err != nil || done.Refused != 1 || len(rows) != 1 || rows[0].Reason != string(wire.ReasonNotAuthentic) {
		t.Fatalf("settle: %+v, %v", done, err)
	}
	// Mended at the central, the same stick brings it in after all.
	c.seal = right
	im = c.mustTake(dir)
	if done, err = d.settle(t, c, im.Answer); err != nil || im.Fresh != 1 || done.Received != 1 {
		t.Fatalf("afterwards: %+v, %+v, %v", im, done, err)
	}
}

func TestBadResultsAreRefused(t *testing.T) {
	c, thief := newCentral(t), newCentral(t)
	d, other := c.desk("desk-1"), c.desk("desk-2")
	thief.devices[d.id], thief.seal = d.device.Public(), c.seal
	d.enqueue(t, 1)
	other.enqueue(t, 1)
	for name, tc := range map[string]struct {
		dir  func() string
		code eid.Code
	}{
		"another desk's":  {func() string { return c.mustTake(other.export(t, t.TempDir())).Answer }, eid.CodeBundleForeign},
		"another central": {func() string { return thief.mustTake(d.export(t, t.TempDir())).Answer }, eid.CodeBundleAltered},
		"one bit": {func() string {
			dir := c.mustTake(d.export(t, t.TempDir())).Answer
			rewrite(t, filepath.Join(dir, manifestFile), flip)
			return dir
		}, eid.CodeBundleAltered},
		"unfinished": {func() string { return remove(t, c.mustTake(d.export(t, t.TempDir())).Answer, manifestFile) }, eid.CodeBundleUnfinished},
	} {
		if done, err := d.settle(t, c, tc.dir()); eid.CodeOf(err) != tc.code || len(d.rows(t, queue.Sealed)) != 1 {
			t.Errorf("%s: %+v, %v, want %s", name, done, err, tc.code)
		}
	}
}

// A receipt for other bytes inside a genuine bundle lets nothing go.
func TestReceiptForOtherBytesPurgesNothing(t *testing.T) {
	c := newCentral(t)
	d := c.desk("desk-1")
	d.enqueue(t, 1)
	row := d.rows(t, queue.Sealed)[0]
	c.mustTake(d.export(t, t.TempDir()))
	wrong, err := wire.SignStatement(c.receipt, wire.NewReceipt(request.Ident{Desk: d.id, Request: row.ID, Seq: row.Seq}, request.Hash([]byte("other")), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	k := c.stored[row.ID]
	k.statements = [][]byte{wrong}
	c.stored[row.ID] = k
	im := c.mustTake(d.export(t, t.TempDir()))
	done, err := d.settle(t, c, im.Answer)
	if err != nil || done.Bad != 1 || !slices.Contains(done.Codes, eid.CodeReceipt) || len(d.rows(t, queue.Sealed)) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := d.Payload(t.Context(), row.ID); err != nil {
		t.Fatalf("the payload is gone: %v", err)
	}
}

func TestPublishedItemsComeBack(t *testing.T) {
	c := newCentral(t)
	d, root := c.desk("desk-1"), newKey(t)
	d.enqueue(t, 1)
	theirs, err := published.OpenStore(t.TempDir(), root.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := published.OpenStore(t.TempDir(), root.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m, err := published.Sign(root, published.Item{Kind: published.KindCalendar, Version: 1, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Data: []byte("x = 1")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := theirs.Put(m, now); err != nil {
		t.Fatal(err)
	}
	dir := d.export(t, t.TempDir())
	im, err := Import{Door: c, Receipt: c.receipt, Published: theirs, Now: time.Now}.Take(t.Context(), dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := Settle{Desk: d.id, ReceiptKey: &c.receipt.PublicKey, Ledger: d, Published: ours, Now: time.Now}
	rewrite(t, filepath.Join(im.Answer, payloadFolder, itemFile(published.KindCalendar)), flip)
	if done, err := s.Take(t.Context(), im.Answer); err != nil || len(done.Published) != 0 || !slices.Contains(done.Codes, eid.CodeBundleAltered) || done.Received != 1 {
		t.Fatalf("altered item: %+v, %v", done, err)
	}
	rewrite(t, filepath.Join(im.Answer, payloadFolder, itemFile(published.KindCalendar)), flip)
	if done, err := s.Take(t.Context(), im.Answer); err != nil || !slices.Equal(done.Published, []string{published.KindCalendar}) {
		t.Fatalf("%+v, %v", done, err)
	}
}

func FuzzManifests(f *testing.F) {
	id := uuid.Must(uuid.NewV7()).String()
	for _, m := range []any{
		Requests{Version: 1, Bundle: id, DeskID: "d", Made: 1, Count: 1, Entries: []Entry{{ID: id, Seq: 1, Hash: make([]byte, 32), Size: 1}}, Awaiting: []string{id}},
		Results{Version: 1, Bundle: id, InReplyTo: id, DeskID: "d", Made: 1, Answers: []Answer{{ID: id, Statements: [][]byte{{1}}}}},
	} {
		data, err := encMode.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeRequests(data); err == nil && m.check() != nil {
			t.Fatal("an invalid manifest was accepted")
		}
		if m, err := decodeResults(data); err == nil && m.check() != nil {
			t.Fatal("an invalid answer was accepted")
		}
		if _, err := signed.Unverified(typeRequests, data); err == nil && len(data) == 0 {
			t.Fatal("nothing was read as a message")
		}
	})
}
