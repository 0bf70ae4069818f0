package intake_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/hpke"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
	"github.com/enrold/enrold/sync/wire"
)

// ledger decides by a function, so that a test can say what the databases know.
type ledger func(ctx context.Context, b request.Body) (intake.Verdict, error)

func (l ledger) Decide(ctx context.Context, b request.Body) (intake.Verdict, error) { return l(ctx, b) }

func grant(context.Context, request.Body) (intake.Verdict, error) {
	return intake.Verdict{State: wire.StateGranted}, nil
}

// centre is a running intake behind real TLS, and one enrolled desk's means to
// speak to it.
type centre struct {
	dir, keys, desk string
	seal            hpke.PrivateKey
	receipt         *ecdsa.PrivateKey
	device          *request.DeviceKey
	officer         request.Signer // may be nil
	client          *http.Client
	opts            intake.Options

	in     *intake.Intake
	server *httptest.Server
	stop   func()
}

const deskID = "desk-1"

func newCentre(t *testing.T, decide ledger, change ...func(*intake.Options)) *centre {
	t.Helper()
	c := &centre{dir: filepath.Join(t.TempDir(), "central"), desk: filepath.Join(t.TempDir(), "desk")}
	c.keys = filepath.Join(c.dir, "keys")
	if err := authority.Create(c.keys, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.seal, c.receipt, err = authority.Keys(c.keys); err != nil {
		t.Fatal(err)
	}
	if c.device, err = request.LoadOrCreateDeviceKey(filepath.Join(c.desk, "device.pem")); err != nil {
		t.Fatal(err)
	}
	c.client = c.enrol(t, deskID, c.device)
	c.opts = intake.Options{Dir: c.dir, SealKey: c.seal, Receipt: c.receipt, Decider: decide, AcceptEmulated: true}
	for _, f := range change {
		f(&c.opts)
	}
	c.start(t)
	t.Cleanup(func() { c.stop() })
	return c
}

// enrol registers a desk and returns a client with its certificate.
func (c *centre) enrol(t *testing.T, desk string, device *request.DeviceKey) *http.Client {
	t.Helper()
	out := filepath.Join(c.desk, desk)
	cert, err := authority.EnrolDesk(c.keys, out, desk)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.Register(t.Context(), desk, cert, device.Public().(*ecdsa.PublicKey)); err != nil {
		t.Fatal(err)
	}
	conf, err := c.deskFiles(desk).ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (c *centre) deskFiles(desk string) wire.Files {
	out := filepath.Join(c.desk, desk)
	return wire.Files{CA: filepath.Join(out, "ca.pem"), Cert: filepath.Join(out, "cert.pem"), Key: filepath.Join(out, "key.pem")}
}

// openVault opens the vault beside the intake.
func (c *centre) openVault(t *testing.T) vault.Vault {
	t.Helper()
	v, err := sqlvault.OpenSQLite(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// start brings the intake up; stop ends it in order.
func (c *centre) start(t *testing.T) {
	t.Helper()
	in, err := intake.Open(context.Background(), c.opts)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := authority.Files(c.keys).ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.in, c.server = in, httptest.NewUnstartedServer(in.Handler())
	c.server.TLS = conf
	c.server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	c.server.Config.ErrorLog = quiet
	c.server.StartTLS()
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	stopped := false
	c.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		c.server.CloseClientConnections()
		c.server.Close()
		if err := errors.Join(<-ended, in.Close()); err != nil {
			t.Error(err)
		}
	}
}

// sealed makes the sealed bytes of a request; change may spoil the body.
func (c *centre) sealed(t *testing.T, seq int64, previous []byte, change ...func(*request.Body)) (id string, data []byte) {
	t.Helper()
	if previous == nil {
		previous = make([]byte, request.HashSize)
	}
	b := request.Body{
		Version: request.BodyVersion, DeskID: deskID, Seq: seq, Previous: previous, Software: "test",
		Request: station.Request{
			ID: uuid.Must(uuid.NewV7()).String(), Procedure: eid.CitizenLevel2,
			Documents: []eid.Document{{Chip: &eid.ChipDocument{Origin: eid.OriginDevice, Holder: eid.Holder{Name: "MARKERPERSON"}}}},
			Portraits: []eid.PortraitRecord{{Record: bytes.Repeat([]byte("MARKERPERSON"), 1000), Origin: eid.OriginDevice}},
		},
	}
	for _, f := range change {
		f(&b)
	}
	data, err := request.Seal([]hpke.PublicKey{c.seal.PublicKey()}, request.Signers{Device: c.device, Officer: c.officer}, b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Request.ID, data
}

func (c *centre) put(t *testing.T, client *http.Client, id string, data []byte, digest string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.server.URL+wire.RequestPath(id), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(wire.DigestHeader, digest)
	return c.do(t, client, req)
}

func (c *centre) result(t *testing.T, client *http.Client, id string, wait time.Duration) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.URL+wire.ResultPath(id, wait), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.do(t, client, req)
}

func (c *centre) do(t *testing.T, client *http.Client, req *http.Request) (int, []byte) {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func problem(t *testing.T, status int, body []byte) wire.Reason {
	t.Helper()
	return wire.ReadProblem(status, bytes.NewReader(body)).Code
}
