package intake_test

import (
	"bytes"
	"context"
	"crypto/hpke"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/wire"
)

func TestReceiveOnceAndDecide(t *testing.T) {
	c := newCentre(t, grant)
	id, data := c.sealed(t, 1, nil)
	status, receipt := c.put(t, c.client, id, data, wire.Digest(data))
	if status != http.StatusCreated {
		t.Fatalf("PUT = %d %s", status, receipt)
	}
	s, err := wire.VerifyStatement(&c.receipt.PublicKey, receipt)
	if err != nil {
		t.Fatal(err)
	}
	ident := request.Ident{Desk: deskID, Request: id, Seq: 1}
	if err := s.About(wire.KindReceipt, ident, request.Hash(data)); err != nil {
		t.Fatal(err)
	}
	status, again := c.put(t, c.client, id, data, wire.Digest(data))
	if status != http.StatusOK || !bytes.Equal(again, receipt) {
		t.Fatalf("replay = %d, the receipt is the same: %v", status, bytes.Equal(again, receipt))
	}
	status, signed := c.result(t, c.client, id, 5*time.Second)
	if status != http.StatusOK {
		t.Fatalf("result = %d", status)
	}
	s, err = wire.VerifyStatement(&c.receipt.PublicKey, signed)
	if err != nil || s.About(wire.KindResult, ident, request.Hash(data)) != nil || s.State != wire.StateGranted {
		t.Fatalf("result = %+v, %v", s, err)
	}

	// The same id with another body: the central's word on the first stands.
	_, other := c.sealed(t, 1, nil, func(b *request.Body) { b.Request.ID = id; b.Software = "other" })
	if status, body := c.put(t, c.client, id, other, wire.Digest(other)); status != http.StatusConflict || problem(t, status, body) != wire.ReasonOtherBody {
		t.Fatalf("other body = %d %s", status, body)
	}
	searchMarker(t, c.dir)
}

func TestRefusals(t *testing.T) {
	c := newCentre(t, grant)
	first, firstData := c.sealed(t, 1, nil)
	if status, body := c.put(t, c.client, first, firstData, wire.Digest(firstData)); status != http.StatusCreated {
		t.Fatalf("PUT = %d %s", status, body)
	}
	stranger, err := request.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	otherDesk := c.enrol(t, "desk-2", stranger)
	otherSeal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(data []byte, at int) []byte {
		data = bytes.Clone(data)
		data[at] ^= 1
		return data
	}
	for name, test := range map[string]struct {
		make   func() (id string, data []byte, digest string)
		client *http.Client
		status int
		reason wire.Reason
	}{
		"no digest": {
			func() (string, []byte, string) { id, d := c.sealed(t, 2, request.Hash(firstData)); return id, d, "" },
			c.client, 400, wire.ReasonDigest,
		},
		"other digest": {func() (string, []byte, string) {
			id, d := c.sealed(t, 2, request.Hash(firstData))
			return id, d, wire.Digest(firstData)
		}, c.client, 400, wire.ReasonDigest},
		"not a UUID": {
			func() (string, []byte, string) { return "x", firstData, wire.Digest(firstData) },
			c.client, 400, wire.ReasonMalformed,
		},
		"other id": {
			func() (string, []byte, string) { return uuid.NewString(), firstData, wire.Digest(firstData) },
			c.client, 400, wire.ReasonMalformed,
		},
		"not sealed": {
			func() (string, []byte, string) {
				return uuid.NewString(), []byte("hello"), wire.Digest([]byte("hello"))
			},
			c.client, 400, wire.ReasonMalformed,
		},
		"ciphertext flipped": {func() (string, []byte, string) {
			id, d := c.sealed(t, 2, request.Hash(firstData))
			d = flipped(d, len(d)-1)
			return id, d, wire.Digest(d)
		}, c.client, 422, wire.ReasonNotAuthentic},
		"sealed to another key": {func() (string, []byte, string) {
			id := uuid.NewString()
			d, err := request.SealBytes([]hpke.PublicKey{otherSeal.PublicKey()}, request.Ident{Desk: deskID, Request: id, Seq: 2}, []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			return id, d, wire.Digest(d)
		}, c.client, 422, wire.ReasonOtherKey},
		"signed by another desk's key": {func() (string, []byte, string) {
			b := request.Body{Version: request.BodyVersion, DeskID: deskID, Seq: 2, Previous: request.Hash(firstData), Request: station.Request{ID: uuid.Must(uuid.NewV7()).String()}}
			d, err := request.Seal([]hpke.PublicKey{c.seal.PublicKey()}, request.Signers{Device: stranger}, b)
			if err != nil {
				t.Fatal(err)
			}
			return b.Request.ID, d, wire.Digest(d)
		}, c.client, 422, wire.ReasonNotAuthentic},
		"sent by another desk": {func() (string, []byte, string) {
			id, d := c.sealed(t, 2, request.Hash(firstData))
			return id, d, wire.Digest(d)
		}, otherDesk, 400, wire.ReasonMalformed},
		"known id of another desk": {
			func() (string, []byte, string) { return first, firstData, wire.Digest(firstData) },
			otherDesk, 409, wire.ReasonOtherBody,
		},
		"number used twice": {
			func() (string, []byte, string) { id, d := c.sealed(t, 1, nil); return id, d, wire.Digest(d) },
			c.client, 409, wire.ReasonOtherSeq,
		},
		"chain broken": {func() (string, []byte, string) {
			id, d := c.sealed(t, 2, bytes.Repeat([]byte{7}, request.HashSize))
			return id, d, wire.Digest(d)
		}, c.client, 409, wire.ReasonChain},
		"too large": {
			func() (string, []byte, string) {
				d := make([]byte, wire.MaxRequest+1)
				return uuid.NewString(), d, wire.Digest(d)
			},
			c.client, 413, wire.ReasonTooLarge,
		},
	} {
		t.Run(name, func(t *testing.T) {
			id, data, digest := test.make()
			status, body := c.put(t, test.client, id, data, digest)
			if got := problem(t, status, body); status != test.status || got != test.reason {
				t.Fatalf("PUT = %d %q, want %d %q", status, got, test.status, test.reason)
			}
		})
	}
	if n := len(payloads(t, c.dir)); n != 1 {
		t.Fatalf("%d payload files after refusals, want 1", n)
	}
	if status, body := c.result(t, otherDesk, first, 0); status != http.StatusNotFound {
		t.Fatalf("another desk's result = %d %s", status, body)
	}
}

func TestChainGoesOnOutOfOrder(t *testing.T) {
	c := newCentre(t, grant)
	one, oneData := c.sealed(t, 1, nil)
	two, twoData := c.sealed(t, 2, request.Hash(oneData))
	three, threeData := c.sealed(t, 3, request.Hash(twoData))
	for _, r := range []struct {
		id   string
		data []byte
	}{{three, threeData}, {one, oneData}, {two, twoData}} {
		if status, body := c.put(t, c.client, r.id, r.data, wire.Digest(r.data)); status != http.StatusCreated {
			t.Fatalf("PUT = %d %s", status, body)
		}
	}
}

func TestProductionRefusesEmulated(t *testing.T) {
	c := newCentre(t, grant, func(o *intake.Options) { o.AcceptEmulated = false })
	id, data := c.sealed(t, 1, nil) // a software key, as all keys in files are
	if status, body := c.put(t, c.client, id, data, wire.Digest(data)); status != 422 || problem(t, status, body) != wire.ReasonOrigin {
		t.Fatalf("PUT = %d %s", status, body)
	}
}

func TestRevokedDeskAndStrangersAreRefused(t *testing.T) {
	c := newCentre(t, grant)
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.Revoke(t.Context(), deskID); err != nil {
		t.Fatal(err)
	}
	if err := registry.Revoke(t.Context(), "desk-9"); err == nil {
		t.Fatal("an unknown desk was revoked")
	}
	id, data := c.sealed(t, 1, nil)
	if status, body := c.put(t, c.client, id, data, wire.Digest(data)); status != http.StatusForbidden || problem(t, status, body) != wire.ReasonUnknownDesk {
		t.Fatalf("PUT of a revoked desk = %d %s", status, body)
	}
	conf, err := c.deskFiles(deskID).ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*tls.Config){
		"no certificate": func(c *tls.Config) { c.Certificates = nil },
		"TLS 1.2":        func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
	} {
		bad := conf.Clone()
		spoil(bad)
		transport := &http.Transport{TLSClientConfig: bad}
		resp, err := (&http.Client{Transport: transport}).Get(c.server.URL + wire.ResultPath(id, 0))
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: answered %d", name, resp.StatusCode)
		}
		transport.CloseIdleConnections()
	}
}

func TestUndecidedIsDecidedAfterRestart(t *testing.T) {
	var ready atomic.Bool
	var asked atomic.Int32
	c := newCentre(t, func(ctx context.Context, b request.Body) (intake.Verdict, error) {
		asked.Add(1)
		if !ready.Load() {
			return intake.Verdict{}, errors.New("database is down")
		}
		return intake.Verdict{State: wire.StateRejected, Reason: "face_no_match"}, nil
	})
	id, data := c.sealed(t, 1, nil)
	if status, _ := c.put(t, c.client, id, data, wire.Digest(data)); status != http.StatusCreated {
		t.Fatalf("PUT = %d", status)
	}
	if status, _ := c.result(t, c.client, id, 50*time.Millisecond); status != http.StatusAccepted {
		t.Fatalf("result while undecided = %d, want 202", status)
	}
	for end := time.Now().Add(10 * time.Second); asked.Load() == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	c.stop()
	ready.Store(true)
	c.start(t)
	status, signed := c.result(t, c.client, id, 5*time.Second)
	if status != http.StatusOK {
		t.Fatalf("result after restart = %d", status)
	}
	s, err := wire.VerifyStatement(&c.receipt.PublicKey, signed)
	if err != nil || s.State != wire.StateRejected || s.Reason != "face_no_match" {
		t.Fatalf("result = %+v, %v", s, err)
	}
	if asked.Load() < 2 {
		t.Fatal("the decider was not asked again")
	}
}

func TestSameRequestOnManyConnections(t *testing.T) {
	c := newCentre(t, grant)
	id, data := c.sealed(t, 1, nil)
	receipts := make(chan string, 8)
	for range cap(receipts) {
		go func() {
			req, err := http.NewRequest(http.MethodPut, c.server.URL+wire.RequestPath(id), bytes.NewReader(data))
			if err == nil {
				req.Header.Set(wire.DigestHeader, wire.Digest(data))
				var resp *http.Response
				if resp, err = c.client.Do(req); err == nil {
					defer resp.Body.Close()
					var body []byte
					if body, err = io.ReadAll(resp.Body); err == nil {
						receipts <- fmt.Sprintf("%d %x", min(resp.StatusCode, 200), body)
						return
					}
				}
			}
			receipts <- err.Error()
		}()
	}
	seen := map[string]bool{}
	for range cap(receipts) {
		seen[<-receipts] = true
	}
	if len(seen) != 1 {
		t.Fatalf("%d different answers: %s", len(seen), strings.Join(keys(seen), "\n"))
	}
	if n := len(payloads(t, c.dir)); n != 1 {
		t.Fatalf("%d payload files, want 1", n)
	}
}
