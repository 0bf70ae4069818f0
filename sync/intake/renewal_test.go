package intake_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/wire"
)

// renew gives the desk another certificate and returns a client with it.
func (c *centre) renew(t *testing.T) (*http.Client, *x509.Certificate) {
	t.Helper()
	time.Sleep(2 * time.Millisecond) // the vault keeps milliseconds
	out := filepath.Join(t.TempDir(), "renewed")
	cert, err := authority.EnrolDesk(c.keys, out, deskID)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := intake.OpenRegistry(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	if err := registry.Register(t.Context(), deskID, cert, c.device.Public().(*ecdsa.PublicKey)); err != nil {
		t.Fatal(err)
	}
	conf, err := (wire.Files{CA: filepath.Join(out, "ca.pem"), Cert: filepath.Join(out, "cert.pem"), Key: filepath.Join(out, "key.pem")}).ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, cert
}

// TestRenewedCertificateEndsTheOlderOnceUsed: not before, since the desk may
// still be without the answer, and also on a connection that is open already.
func TestRenewedCertificateEndsTheOlderOnceUsed(t *testing.T) {
	c := newCentre(t, grant)
	id, data := c.sealed(t, 1, nil)
	send := func(client *http.Client, want int) {
		t.Helper()
		status, body := c.put(t, client, id, data, wire.Digest(data))
		if status != want {
			t.Fatalf("PUT = %d %s, want %d", status, body, want)
		}
		if want == http.StatusForbidden && problem(t, status, body) != wire.ReasonUnknownDesk {
			t.Fatalf("refused for %s", body)
		}
	}
	send(c.client, http.StatusCreated)
	renewed, _ := c.renew(t)
	send(c.client, http.StatusOK)
	again, newest := c.renew(t) // the first answer got lost on its way
	send(c.client, http.StatusOK)
	send(again, http.StatusOK)
	send(c.client, http.StatusForbidden)
	send(renewed, http.StatusForbidden)
	send(again, http.StatusOK)
	d, err := c.openVault(t).Desk(t.Context(), deskID)
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range d.Certificates {
		if inForce := string(known.SHA256) == string(request.Hash(newest.Raw)); inForce != known.Revoked.IsZero() {
			t.Errorf("in force %t, revoked %v", inForce, known.Revoked)
		}
	}
}
