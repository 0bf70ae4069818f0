package osia

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

const testDesk = "desk-1"

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// centre takes any bytes as a request and signs receipts: what is under test is
// the way there.
type centre struct {
	device, receipt *ecdsa.PrivateKey
	key             *ecdsa.PublicKey // in place of device's
	rows            map[string]queue.Row
	refusal         error

	mu         sync.Mutex
	got        map[string][][]byte // id: bodies, in the order of their coming
	statements map[string][][]byte
}

func (c *centre) Caller(*http.Request) (string, []crypto.PublicKey, error) {
	if c.key != nil {
		return testDesk, []crypto.PublicKey{c.key}, nil
	}
	return testDesk, []crypto.PublicKey{c.device.Public()}, nil
}

func (c *centre) know(row queue.Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows[row.ID] = row
}

func (c *centre) Accept(_ context.Context, desk, id string, sealed []byte) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		return nil, false, c.refusal
	}
	c.got[id] = append(c.got[id], sealed)
	return c.sign(id, wire.NewReceipt(request.Ident{Desk: desk, Request: id, Seq: max(1, c.rows[id].Seq)}, request.Hash(sealed), time.Now()))
}

func (c *centre) sign(id string, s wire.Statement) ([]byte, bool, error) {
	signed, err := wire.SignStatement(c.receipt, s)
	c.statements[id] = append(c.statements[id], signed)
	return signed, true, err
}

func (c *centre) decide(t testing.TB, row queue.Row) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, err := c.sign(row.ID, wire.NewResult(ident(row), row.BodyHash, wire.StateGranted, "", time.Now())); err != nil {
		t.Fatal(err)
	}
}

func (c *centre) Statements(_ context.Context, _, id string) ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statements[id], nil
}

func ident(row queue.Row) request.Ident {
	return request.Ident{Desk: testDesk, Request: row.ID, Seq: row.Seq}
}

// line is a client and a server with a way between them that can lose answers.
type line struct {
	*Client
	centre *centre
	unwrap *ecdsa.PrivateKey
	calls  []string // methods and paths, ids left out
	// lose cuts the connection after the n-th call was served, so that its
	// answer is lost; 0 for none.
	lose int
	mu   sync.Mutex
}

func newLine(t *testing.T, wrapped bool, change ...func(*Options)) *line {
	t.Helper()
	l := &line{centre: &centre{
		device: newKey(t), receipt: newKey(t), rows: map[string]queue.Row{},
		got: map[string][][]byte{}, statements: map[string][][]byte{},
	}}
	if wrapped {
		l.unwrap = newKey(t)
	}
	server, err := NewServer(ServerOptions{Central: l.centre, Dir: t.TempDir(), ReceiptKey: &l.centre.receipt.PublicKey, UnwrapKey: l.unwrap})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(l.between(t, checked(t, http.StripPrefix("/osia", server.Handler()))))
	t.Cleanup(front.Close)
	o := Options{
		URL: front.URL + "/osia", TLS: &tls.Config{RootCAs: front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
		Token: "token", DeskID: testDesk, Device: l.centre.device,
	}
	if wrapped {
		o.WrapKey = &l.unwrap.PublicKey
	}
	for _, f := range change {
		f(&o)
	}
	if l.Client, err = NewClient(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// between notes each call and loses the answer of one.
func (l *line) between(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if parts := strings.Split(r.URL.Path, "/"); len(parts) > 4 {
			id = parts[4]
		}
		if r.Header.Get("Authorization") != "Bearer token" || r.URL.Query().Get("transactionId") != id {
			t.Errorf("%s %s without token or transaction", r.Method, r.URL.Path)
		}
		l.mu.Lock()
		l.calls = append(l.calls, r.Method+" "+strings.TrimPrefix(strings.ReplaceAll(r.URL.Path, id, "ID"), "/osia/v1/enrollments"))
		lost := len(l.calls) == l.lose
		l.mu.Unlock()
		if lost {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func (l *line) row(t testing.TB, seq int64, sealed []byte) queue.Row {
	t.Helper()
	row := queue.Row{ID: "0198c0de-1234-7abc-8def-00000000000" + string('0'+rune(seq)), Seq: seq, BodyHash: request.Hash(sealed), SealedBytes: len(sealed), DueAt: "2026-11-27"}
	l.centre.rows[row.ID] = row
	return row
}

var sealedBytes = bytes.Repeat([]byte("sealed "), 5000)

func (l *line) check(t *testing.T, row queue.Row, receipt []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := wire.VerifyStatement(&l.centre.receipt.PublicKey, receipt)
	if err != nil || s.About(wire.KindReceipt, ident(row), row.BodyHash) != nil {
		t.Fatalf("receipt %+v, %v", s, err)
	}
	if got := l.centre.got[row.ID]; len(got) != 1 || !bytes.Equal(got[0], sealedBytes) {
		t.Fatalf("the central has %d bodies", len(got))
	}
}

func TestDeliver(t *testing.T) {
	for name, wrapped := range map[string]bool{"sealed bytes": false, "JWE": true} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, wrapped)
			row := l.row(t, 1, sealedBytes)
			receipt, err := l.Deliver(t.Context(), row, sealedBytes)
			l.check(t, row, receipt, err)
			want := "POST /ID, POST /ID/buffer, PATCH /ID, PUT /ID/finalize, GET /ID"
			if got := strings.Join(l.calls, ", "); got != want {
				t.Errorf("calls %s", got)
			}
			if result, err := l.Result(t.Context(), row); result != nil || err != nil {
				t.Errorf("result = %x, %v", result, err)
			}
			l.centre.decide(t, row)
			result, err := l.Result(t.Context(), row)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := wire.VerifyStatement(&l.centre.receipt.PublicKey, result); err != nil || s.State != wire.StateGranted {
				t.Fatalf("result %+v, %v", s, err)
			}
			// The whole again: found by its id, nothing is sent.
			l.calls = nil
			receipt, err = l.Deliver(t.Context(), row, sealedBytes)
			l.check(t, row, receipt, err)
			if got := strings.Join(l.calls, ", "); got != "POST /ID, GET /ID" {
				t.Errorf("calls of a replay: %s", got)
			}
		})
	}
}

// Each answer in turn is lost: the next try ends with the same receipt, and the
// central has the request once.
func TestEveryAnswerMayBeLost(t *testing.T) {
	for lose := 1; lose <= 5; lose++ {
		l := newLine(t, false)
		row := l.row(t, 1, sealedBytes)
		l.lose = lose
		// The last call is a GET, which Go's client repeats by itself.
		if _, err := l.Deliver(t.Context(), row, sealedBytes); lose < 5 && eid.CodeOf(err) != eid.CodeOffline {
			t.Fatalf("answer %d lost: %v", lose, err)
		}
		receipt, err := l.Deliver(t.Context(), row, sealedBytes)
		l.check(t, row, receipt, err)
	}
}

func TestRefusals(t *testing.T) {
	problem := func(err error) wire.Problem {
		p, _ := errors.AsType[wire.Problem](err)
		return p
	}
	l := newLine(t, false)
	row := l.row(t, 1, sealedBytes)
	l.centre.refusal = wire.Problem{Status: http.StatusUnprocessableEntity, Code: wire.ReasonNotAuthentic}
	if _, err := l.Deliver(t.Context(), row, sealedBytes); problem(err).Code != wire.ReasonNotAuthentic {
		t.Errorf("a forged request: %v", err)
	}
	l.centre.refusal = errors.New("disk on fire")
	if _, err := l.Deliver(t.Context(), row, sealedBytes); problem(err).Status != http.StatusInternalServerError {
		t.Errorf("a broken central: %v", err)
	}
	l.centre.refusal = nil
	other := row
	other.BodyHash = request.Hash([]byte("other"))
	if _, err := l.Deliver(t.Context(), other, []byte("other")); problem(err).Code != wire.ReasonOtherBody {
		t.Errorf("the id with other bytes, unfinished: %v", err)
	}
	receipt, err := l.Deliver(t.Context(), row, sealedBytes)
	l.check(t, row, receipt, err)
	if _, err := l.Deliver(t.Context(), other, []byte("other")); problem(err).Code != wire.ReasonOtherBody {
		t.Errorf("the id with other bytes, finalized: %v", err)
	}
	// A wrapped buffer at a central without the key.
	wrapped := newLine(t, true)
	wrapped.o.WrapKey = &newKey(t).PublicKey
	row = wrapped.row(t, 2, sealedBytes)
	if _, err := wrapped.Deliver(t.Context(), row, sealedBytes); problem(err).Code != wire.ReasonOtherKey {
		t.Errorf("wrapped to another key: %v", err)
	}
	// The integrity wrapper of another device.
	stranger := newLine(t, false)
	stranger.o.Device = newKey(t)
	row = stranger.row(t, 3, sealedBytes)
	if _, err := stranger.Deliver(t.Context(), row, sealedBytes); problem(err).Code != wire.ReasonNotAuthentic {
		t.Errorf("signed by another device: %v", err)
	}
}

// A central without our statements keeps the request; the desk keeps its payload.
func TestPlainCentralGivesNoReceipt(t *testing.T) {
	finished := false
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case r.Method == http.MethodGet:
			status := inProgress
			if finished {
				status = finalized
			}
			reply(w, http.StatusOK, Enrollment{EnrollmentID: "x", Status: status})
		case strings.HasSuffix(r.URL.Path, "/buffer"):
			reply(w, http.StatusCreated, map[string]string{"bufferId": "7"})
		case strings.HasSuffix(r.URL.Path, "/finalize"):
			finished = true
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer front.Close()
	c, err := NewClient(Options{
		URL: front.URL, TLS: &tls.Config{RootCAs: front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}, DeskID: testDesk, Device: newKey(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	row := (&line{centre: &centre{rows: map[string]queue.Row{}}}).row(t, 1, sealedBytes)
	if _, err := c.Deliver(t.Context(), row, sealedBytes); eid.CodeOf(err) != eid.CodeReceipt || !finished {
		t.Fatalf("%v, finalized %v", err, finished)
	}
}

func TestIntegrityBindsDocumentAndBuffer(t *testing.T) {
	device := newKey(t)
	make := func() Enrollment {
		e, err := document(device, "https://c/v1/enrollments/x/buffer/1", typeSealed, sealedBytes)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if err := checkIntegrity(device.Public(), make(), sealedBytes); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Enrollment){
		"reference": func(e *Enrollment) { e.DocumentData[0].Parts[0].DataRef += "0" },
		"type":      func(e *Enrollment) { e.DocumentData[0].Parts[0].MimeType = typeJWE },
		"hash":      func(e *Enrollment) { e.Integrity[0].Hash = base64.StdEncoding.EncodeToString(make().Encode()) },
		"signature": func(e *Enrollment) { e.Integrity[0].Signature = make().Integrity[0].Signature[1:] },
		"scope":     func(e *Enrollment) { e.Integrity[0].Scope = "$" },
		"encrypted": func(e *Enrollment) { e.Encryption = &Encryption{Type: "JWE", Scope: scopeBuffer} },
		"none":      func(e *Enrollment) { e.Integrity = nil },
	} {
		e := make()
		spoil(&e)
		if checkIntegrity(device.Public(), e, sealedBytes) == nil {
			t.Errorf("%s may be changed", name)
		}
	}
	if checkIntegrity(device.Public(), make(), sealedBytes[1:]) == nil {
		t.Error("the buffer may be changed")
	}
}

// Encode gives some other hash.
func (e Enrollment) Encode() []byte { return request.Hash([]byte(e.DocumentData[0].Parts[0].DataRef)) }

func FuzzServerDocuments(f *testing.F) {
	f.Add("/v1/enrollments/0198c0de-1234-7abc-8def-000000000001", "POST", []byte(`{"requestData":{"deskId":"desk-1","sequence":1,"bodyHash":"AA==","size":1}}`))
	f.Add("/v1/enrollments/0198c0de-1234-7abc-8def-000000000001", "PATCH", []byte(`{"documentData":[{"parts":[{}]}],"integrity":[{"type":"JWS","signature":"a.b.c"}]}`))
	f.Add("/v1/enrollments/0198c0de-1234-7abc-8def-000000000001/buffer", "POST", []byte("x"))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	c := &centre{device: key, receipt: key, rows: map[string]queue.Row{}, got: map[string][][]byte{}, statements: map[string][][]byte{}}
	s, err := NewServer(ServerOptions{Central: c, Dir: f.TempDir(), ReceiptKey: &key.PublicKey})
	if err != nil {
		f.Fatal(err)
	}
	h := s.Handler()
	f.Fuzz(func(t *testing.T, path, method string, body []byte) {
		r, err := http.NewRequest(method, "https://c"+path+"?transactionId=1", bytes.NewReader(body))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d", method, path, w.Code)
		}
	})
}
