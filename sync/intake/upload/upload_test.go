package upload_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/upload"
	"github.com/enrold/enrold/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "0198c0de-1234-7abc-8def-0123456789ab"

// door is an intake that takes everything of desk-1 once.
type door struct {
	got     map[string][]byte
	refusal error // of the next Accept
}

func (d *door) Caller(r *http.Request) (string, error) {
	if r.Header.Get("Desk") == "" {
		return "", wire.Problem{Status: http.StatusForbidden, Code: wire.ReasonUnknownDesk}
	}
	return r.Header.Get("Desk"), nil
}

func (d *door) Accept(_ context.Context, _, id string, sealed []byte) ([]byte, error) {
	if err := d.refusal; err != nil {
		d.refusal = nil
		return nil, err
	}
	d.got[id] = bytes.Clone(sealed)
	return []byte("receipt of " + id), nil
}

func (d *door) Known(_ context.Context, _, id string, hash []byte) ([]byte, error) {
	sealed, ok := d.got[id]
	switch {
	case !ok:
		return nil, nil
	case !bytes.Equal(request.Hash(sealed), hash):
		return nil, wire.Problem{Status: http.StatusConflict, Code: wire.ReasonOtherBody}
	}
	return []byte("receipt of " + id), nil
}

type bench struct {
	t      *testing.T
	door   *door
	parts  *upload.Folder
	server *httptest.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, door: &door{got: map[string][]byte{}}}
	var err error
	if b.parts, err = upload.OpenFolder(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(upload.NewHandler(upload.Options{Door: b.door, Parts: b.parts}))
	t.Cleanup(b.server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return b
}

// do sends a request; headers are pairs. It returns status, headers and body.
func (b *bench) do(method, path string, body io.Reader, headers ...string) (int, http.Header, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Desk", "desk-1")
	req.Header.Set(wire.HeaderTusResumable, wire.TusVersion)
	req.Header.Set("Content-Type", wire.TypeTus)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

func (b *bench) create(sealed []byte) int {
	status, _, _ := b.do(http.MethodPost, wire.UploadsPath, nil,
		wire.HeaderTusLength, strconv.Itoa(len(sealed)), wire.HeaderTusMetadata, wire.TusMetadata(id, request.Hash(sealed)))
	return status
}

func (b *bench) patch(at int, chunk []byte, headers ...string) (int, http.Header, []byte) {
	return b.do(http.MethodPatch, wire.UploadPath(id), bytes.NewReader(chunk),
		append([]string{wire.HeaderTusOffset, strconv.Itoa(at), wire.HeaderTusChecksum, wire.TusDigest(chunk)}, headers...)...)
}

func (b *bench) offset() string {
	_, h, _ := b.do(http.MethodHead, wire.UploadPath(id), nil)
	return h.Get(wire.HeaderTusOffset)
}

func sealedBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestUpload(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(100_000)
	for range 2 { // the answer to a creation may be lost: it is asked again
		if s := b.create(sealed); s != http.StatusCreated {
			t.Fatalf("create: %d", s)
		}
	}
	if s := b.create(sealedBytes(100_000)); s != http.StatusConflict {
		t.Errorf("another hash under the same id: %d", s)
	}
	if s, h, _ := b.patch(0, sealed[:60_000]); s != http.StatusNoContent || h.Get(wire.HeaderTusOffset) != "60000" {
		t.Fatalf("first chunk: %d %v", s, h)
	}
	for name, test := range map[string]struct {
		at      int
		chunk   []byte
		headers []string
		want    int
	}{
		"the same chunk again": {0, sealed[:60_000], nil, http.StatusConflict},
		"a gap":                {70_000, sealed[70_000:], nil, http.StatusConflict},
		"too much":             {60_000, sealedBytes(40_001), nil, http.StatusRequestEntityTooLarge},
		"another digest":       {60_000, sealed[60_000:], []string{wire.HeaderTusChecksum, wire.TusDigest(sealed)}, wire.StatusChecksum},
		"an unknown digest":    {60_000, sealed[60_000:], []string{wire.HeaderTusChecksum, "md5 AAAA"}, http.StatusBadRequest},
		"another content":      {60_000, sealed[60_000:], []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		"another version":      {60_000, sealed[60_000:], []string{wire.HeaderTusResumable, "0.2.2"}, http.StatusPreconditionFailed},
		"no desk":              {60_000, sealed[60_000:], []string{"Desk", ""}, http.StatusForbidden},
		"another desk":         {60_000, sealed[60_000:], []string{"Desk", ".."}, http.StatusNotFound},
	} {
		if s, _, body := b.patch(test.at, test.chunk, test.headers...); s != test.want {
			t.Errorf("%s: %d %s, want %d", name, s, body, test.want)
		}
		if at := b.offset(); at != "60000" {
			t.Fatalf("%s: offset is %s then", name, at)
		}
	}
	b.door.refusal = errors.New("the store is away")
	if s, _, _ := b.patch(60_000, sealed[60_000:]); s != http.StatusServiceUnavailable {
		t.Errorf("an intake that cannot take it now: %d", s)
	}
	s, h, _ := b.patch(100_000, nil, wire.WholeDigestHeader, wire.Digest(sealed))
	receipt, err := base64.StdEncoding.DecodeString(h.Get(wire.HeaderReceipt))
	if s != http.StatusNoContent || err != nil || string(receipt) != "receipt of "+id || !bytes.Equal(b.door.got[id], sealed) {
		t.Fatalf("empty chunk at the end: %d %q %v", s, receipt, err)
	}
	if s, _, _ := b.do(http.MethodHead, wire.UploadPath(id), nil); s != http.StatusNotFound {
		t.Errorf("a finished upload is still there: %d", s)
	}
}

func TestDamagedUploadBeginsAnew(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(1000)
	b.create(sealed)
	if s, _, _ := b.patch(0, sealedBytes(1000), wire.WholeDigestHeader, wire.Digest(sealed)); s != wire.StatusChecksum || len(b.door.got) != 0 {
		t.Fatalf("other bytes: %d", s)
	}
	if s, _, _ := b.do(http.MethodHead, wire.UploadPath(id), nil); s != http.StatusNotFound {
		t.Fatalf("damaged bytes are kept: %d", s)
	}
}

func TestRefusedUploadIsDropped(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(1000)
	b.create(sealed)
	b.door.refusal = wire.Problem{Status: http.StatusUnprocessableEntity, Code: wire.ReasonNotAuthentic}
	s, _, body := b.patch(0, sealed)
	if p := wire.ReadProblem(s, bytes.NewReader(body)); p.Status != 422 || p.Code != wire.ReasonNotAuthentic {
		t.Fatalf("%+v", p)
	}
	if s, _, _ := b.do(http.MethodHead, wire.UploadPath(id), nil); s != http.StatusNotFound {
		t.Fatalf("a refused upload is kept: %d", s)
	}
}

// TestNewcomerWins: a connection that stands still holds the upload; a HEAD on
// another one gets it, with all that came over the first.
func TestNewcomerWins(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(100_000)
	b.create(sealed)
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, b.server.URL+wire.UploadPath(id), r)
		if err != nil {
			t.Error(err)
		}
		for k, v := range map[string]string{"Desk": "desk-1", wire.HeaderTusResumable: wire.TusVersion, "Content-Type": wire.TypeTus, wire.HeaderTusOffset: "0"} {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			ended <- 0
			return
		}
		resp.Body.Close()
		ended <- resp.StatusCode
	}()
	if _, err := w.Write(sealed[:30_000]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	if at := b.offset(); at != "30000" {
		t.Errorf("offset %s, want what came", at)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the newcomer waited %v", took)
	}
	w.Close()
	if s := <-ended; s == http.StatusNoContent {
		t.Error("the first connection was told that all is well")
	}
	if s, h, _ := b.patch(30_000, sealed[30_000:]); s != http.StatusNoContent || h.Get(wire.HeaderReceipt) == "" {
		t.Errorf("the rest: %d", s)
	}
}

func TestAnnounce(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(5000)
	m := wire.Sync{Requests: []wire.Announcement{{ID: id, Hash: request.Hash(sealed), Size: 5000, Due: "2026-11-27"}}}
	ask := func() wire.Known {
		t.Helper()
		body, err := wire.EncodeSync(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > 300 {
			t.Errorf("an announcement takes %d bytes", len(body))
		}
		s, _, data := b.do(http.MethodPost, wire.AnnouncePath, bytes.NewReader(body))
		if s != http.StatusOK {
			t.Fatalf("announce: %d %s", s, data)
		}
		a, err := wire.ReadSyncAnswer(bytes.NewReader(data), m)
		if err != nil {
			t.Fatal(err)
		}
		return a.Requests[0]
	}
	if k := ask(); k.State != wire.PresenceAnnounced {
		t.Errorf("%+v", k)
	}
	b.patch(0, sealed[:1000])
	if k := ask(); k.State != wire.PresenceUploading || k.Offset != 1000 {
		t.Errorf("%+v", k)
	}
	b.patch(1000, sealed[1000:])
	if k := ask(); k.State != wire.PresenceReceived || string(k.Receipt) != "receipt of "+id {
		t.Errorf("%+v", k)
	}
	m.Requests[0].Hash = request.Hash(nil)
	if k := ask(); k.State != wire.PresenceRefused || k.Reason != wire.ReasonOtherBody {
		t.Errorf("%+v", k)
	}
	if s, _, _ := b.do(http.MethodPost, wire.AnnouncePath, bytes.NewReader([]byte{0xff})); s != http.StatusBadRequest {
		t.Errorf("no CBOR: %d", s)
	}
}

func TestFolderSweep(t *testing.T) {
	b, sealed := newBench(t), sealedBytes(1000)
	b.create(sealed)
	b.patch(0, sealed[:10])
	if n, err := b.parts.Sweep(time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("Sweep dropped %d fresh uploads, %v", n, err)
	}
	if n, err := b.parts.Sweep(time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("Sweep dropped %d old uploads, %v", n, err)
	}
	if at := b.offset(); at != "" {
		t.Errorf("offset %s after the sweep", at)
	}
}

func TestTooManyUploads(t *testing.T) {
	b := newBench(t)
	for n := 0; ; n++ {
		other := "0198c0de-1234-7abc-8def-" + strconv.FormatInt(100000000000+int64(n), 10)
		err := b.parts.Create(t.Context(), "desk-1", other, 10, request.Hash(nil))
		if errors.Is(err, upload.ErrTooMany) && n >= 100 {
			return
		}
		if err != nil || n > 1000 {
			t.Fatalf("upload %d: %v", n, err)
		}
	}
}
