package uplink_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.uber.org/goleak"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGranted(t *testing.T) {
	l := newLine(t)
	l.central()
	row := l.until(l.enqueue(), state(queue.Granted))
	if row.Attempts != 1 || !row.Receipt || row.SyncMS <= 0 || row.Error != "" {
		t.Fatalf("row = %+v", row)
	}
	if l.payloads() != 0 {
		t.Fatal("the payload outlived its receipt")
	}
	if !l.uplink.Online() {
		t.Fatal("the uplink says it is offline")
	}
	t.Logf("first byte to verified result: %d ms", row.SyncMS)
}

func TestRejected(t *testing.T) {
	l := newLine(t)
	l.decide = intake.Verdict{State: wire.StateRejected, Reason: "finger_no_match"}
	l.central()
	row := l.until(l.enqueue(), state(queue.Rejected))
	if row.Reason != "finger_no_match" || row.Error != eid.CodeRejected {
		t.Fatalf("row = %+v", row)
	}
}

func TestOfflineThenUp(t *testing.T) {
	l := newLine(t)
	id := l.enqueue()
	row := l.until(id, func(r queue.Row) bool { return r.Attempts >= 3 })
	if row.State != queue.Sealed || row.Error != eid.CodeOffline || l.uplink.Online() {
		t.Fatalf("row while the central is down = %+v", row)
	}
	l.central()
	up := time.Now()
	row = l.until(id, state(queue.Granted))
	if took := time.Since(up); took > 3*time.Second || row.Attempts < 4 || row.Error != "" {
		t.Fatalf("%v after the central came up: %+v", took, row)
	}
}

func TestCentralDiesAtEachPoint(t *testing.T) {
	for name, between := range map[string]func(w http.ResponseWriter, r *http.Request, in http.Handler){
		"before it reads": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"in the middle of a body": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			panic(http.ErrAbortHandler)
		},
		"after it stored": func(_ http.ResponseWriter, r *http.Request, in http.Handler) {
			in.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
		"in the middle of the receipt": func(w http.ResponseWriter, r *http.Request, in http.Handler) {
			answer := httptest.NewRecorder()
			in.ServeHTTP(answer, r)
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("some bytes of it"))
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			var cuts atomic.Int32
			l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
				if sends(r) && cuts.Add(1) <= 2 {
					between(w, r, in)
				}
				in.ServeHTTP(w, r)
			}
			stop := l.central()
			id := l.enqueue()
			l.until(id, func(queue.Row) bool { return cuts.Load() >= 1 })
			stop() // and the whole process, too
			l.central()
			l.until(id, state(queue.Granted))
			if l.rows() != 1 || l.payloads() != 0 {
				t.Fatalf("central stored %d, desk keeps %d", l.rows(), l.payloads())
			}
		})
	}
}

func TestWrongReceiptPurgesNothing(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(l *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement){
		"another key": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) { return stranger, s },
		"another body": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.BodyHash = make([]byte, request.HashSize)
			return nil, s
		},
		"another desk": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.DeskID = "desk-2"
			return nil, s
		},
		"another number": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) { s.Seq++; return nil, s },
		"a result": func(_ *line, s wire.Statement) (*ecdsa.PrivateKey, wire.Statement) {
			s.Kind, s.State = wire.KindResult, wire.StateGranted
			return nil, s
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			forge := func(signed []byte) []byte {
				_, receipt, err := authority.Keys(l.path("central", "keys"))
				if err != nil {
					t.Error(err)
				}
				s, err := wire.VerifyStatement(&receipt.PublicKey, signed)
				if err != nil {
					t.Error(err)
				}
				key, s := spoil(l, s)
				if key == nil {
					key = receipt
				}
				forged, err := wire.SignStatement(key, s)
				if err != nil {
					t.Error(err)
				}
				return forged
			}
			l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
				answer := httptest.NewRecorder()
				in.ServeHTTP(answer, r)
				if header := answer.Header().Get(wire.HeaderReceipt); header != "" {
					signed, err := base64.StdEncoding.DecodeString(header)
					if err != nil {
						t.Error(err)
					}
					answer.Header().Set(wire.HeaderReceipt, base64.StdEncoding.EncodeToString(forge(signed)))
				}
				if r.URL.Path == wire.AnnouncePath {
					var a wire.SyncAnswer
					if err := cbor.Unmarshal(answer.Body.Bytes(), &a); err != nil {
						t.Error(err)
					}
					for i := range a.Requests {
						if a.Requests[i].Receipt != nil {
							a.Requests[i].Receipt = forge(a.Requests[i].Receipt)
						}
					}
					if err := wire.WriteSyncAnswer(w, a); err != nil {
						t.Error(err)
					}
					return
				}
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			}
			l.central()
			row := l.until(l.enqueue(), func(r queue.Row) bool { return r.Attempts >= 2 })
			if row.State != queue.Uploading || row.Error != eid.CodeReceipt || row.Receipt || l.payloads() != 1 {
				t.Fatalf("%d payloads, row = %+v", l.payloads(), row)
			}
		})
	}
}

func TestHardRefusalStepsAside(t *testing.T) {
	l := newLine(t)
	refuse := true
	var poison string
	var again atomic.Int32
	l.between = func(w http.ResponseWriter, r *http.Request, in http.Handler) {
		if sends(r) && refuse {
			refuse = false
			poison = path.Base(r.URL.Path)
			wire.WriteProblem(w, http.StatusUnprocessableEntity, wire.ReasonNotAuthentic)
			return
		}
		if sends(r) && path.Base(r.URL.Path) == poison {
			again.Add(1)
		}
		in.ServeHTTP(w, r)
	}
	l.central()
	row := l.until(l.enqueue(), state(queue.Refused))
	if row.Error != eid.CodeSyncRefused || row.Reason != string(wire.ReasonNotAuthentic) || row.Attempts != 1 {
		t.Fatalf("row = %+v", row)
	}
	l.until(l.enqueue(), state(queue.Granted)) // others pass it
	time.Sleep(300 * time.Millisecond)
	if again.Load() != 0 {
		t.Fatal("the refused request was tried again")
	}
	if l.payloads() != 1 {
		t.Fatal("the refused request lost its payload")
	}
}

func TestRefusedDeskKeepsItsRequests(t *testing.T) {
	l := newLine(t)
	registry, err := intake.OpenRegistry(t.Context(), l.path("central"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(registry.Revoke(t.Context(), deskID), registry.Close()); err != nil {
		t.Fatal(err)
	}
	l.central()
	row := l.until(l.enqueue(), func(r queue.Row) bool { return r.Attempts >= 2 })
	if row.State != queue.Sealed || row.Error != eid.CodeSyncRefused || row.Reason != string(wire.ReasonUnknownDesk) {
		t.Fatalf("row = %+v", row)
	}
}

func TestDamagedPayloadStepsAside(t *testing.T) {
	l := newLine(t)
	id := l.enqueue()
	name := l.path("data", "payload", id)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.ToUpper(data), 0o600); err != nil {
		t.Fatal(err)
	}
	l.central()
	if row := l.until(id, state(queue.Refused)); row.Error != eid.CodeQueueDamaged || l.puts.Load() != 0 {
		t.Fatalf("%d uploads, row = %+v", l.puts.Load(), row)
	}
}
