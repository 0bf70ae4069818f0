package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/swtpm"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// desk is a configuration in a folder of its own, with a TPM if place wants it.
func desk(t *testing.T, place config.KeyPlace) config.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "keys-") // short: a socket lives in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := config.Config{
		Desk: config.Desk{ID: "desk-1", Officer: "officer-1", Data: filepath.Join(dir, "data")},
		Central: config.Central{
			CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
			SealKey: filepath.Join(dir, "seal_key"), ReceiptKey: filepath.Join(dir, "receipt_key.pem"),
		},
		Keys: config.Keys{Device: place, Algorithm: "ES256", Counter: config.DefaultCounter},
	}
	if place == config.KeyTPM {
		if !swtpm.Installed() {
			t.Skip("swtpm is not installed: run `make setup`")
		}
		chip, err := swtpm.Start(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(chip.Stop)
		c.Keys.TPM = chip.Path()
	}
	return c
}

func openDesk(t *testing.T, c config.Config) *Desk {
	t.Helper()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

var places = []config.KeyPlace{config.KeySoftware, config.KeyTPM}

func TestDeviceKeySignsAsRequestsWant(t *testing.T) {
	for _, place := range places {
		t.Run(string(place), func(t *testing.T) {
			c := desk(t, place)
			d := openDesk(t, c)
			if made, err := d.CreateDevice(t.Context()); err != nil || !made {
				t.Fatalf("made %t, %v", made, err)
			}
			if made, err := openDesk(t, c).CreateDevice(t.Context()); err != nil || made {
				t.Fatalf("made again: %t, %v", made, err)
			}
			if string(d.Device.Origin()) != string(place) || d.Device.Algorithm() != request.ES256 {
				t.Fatalf("origin %s, algorithm %s", d.Device.Origin(), d.Device.Algorithm())
			}
			if hardware := place == config.KeyTPM; hardware != (d.Counter != nil) || hardware != (d.Drafts != nil) || hardware != d.InHardware() {
				t.Fatalf("counter %v, drafts %v", d.Counter, d.Drafts)
			}
		})
	}
}

func TestDeviceKeyInTheTPMIsNeverMadeByTheWay(t *testing.T) {
	d := openDesk(t, desk(t, config.KeyTPM))
	if err := d.LoadDevice(t.Context()); eid.CodeOf(err) != eid.CodeDeviceKey {
		t.Fatalf("got %v", err)
	}
}

func TestProductionRefusesAnEmulatedTPM(t *testing.T) {
	c := desk(t, config.KeyTPM)
	c.Desk.Production = true
	if _, err := Open(t.Context(), c); eid.CodeOf(err) != eid.CodeTPM {
		t.Fatalf("got %v", err)
	}
}

// central signs certificates as one would.
type central struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	seal []byte
}

func newCentral(t *testing.T) central {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	return central{k, issue(t, template, template, k.Public(), k), seal.PublicKey().Bytes()}
}

func issue(t *testing.T, c, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// approve answers a request file.
func (c central) approve(t *testing.T, file []byte) enrolment.Answer {
	t.Helper()
	r, err := enrolment.Verify(file)
	if err != nil {
		t.Fatal(err)
	}
	leaf := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: r.DeskID},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 6, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, c.cert, r.CSR.PublicKey, c.key)
	receipt, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := enrolment.Answer{
		DeskID: r.DeskID, SealKey: c.seal,
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		CA:          pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}),
		ReceiptKey:  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: receipt}),
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := enrolment.ParseAnswer(answer)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestEnrolAndRenew goes the whole way twice and then speaks TLS by the key.
func TestEnrolAndRenew(t *testing.T) {
	for _, place := range places {
		t.Run(string(place), func(t *testing.T) {
			cfg, c := desk(t, place), newCentral(t)
			d := openDesk(t, cfg)
			if _, err := d.CreateDevice(t.Context()); err != nil {
				t.Fatal(err)
			}
			file, err := d.Request(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			a := c.approve(t, file)
			if _, err := d.Install(t.Context(), a, "", time.Now()); !errors.Is(err, ErrUnknownCentral) {
				t.Fatalf("a stranger's answer: %v", err)
			}
			if _, err := d.Install(t.Context(), a, a.Fingerprint(), time.Now()); err != nil {
				t.Fatal(err)
			}
			// A crash after the last step: the same again.
			if _, err := d.Install(t.Context(), a, "", time.Now()); err != nil {
				t.Fatalf("repeated: %v", err)
			}
			handshake(t, d, c)

			again, err := d.Request(t.Context()) // renewal: another TLS key, the same device key
			if err != nil {
				t.Fatal(err)
			}
			b := c.approve(t, again)
			handshake(t, d, c) // the old one works until the answer is there
			if _, err := d.Install(t.Context(), newCentral(t).approve(t, again), "", time.Now()); !errors.Is(err, ErrUnknownCentral) {
				t.Fatalf("another central renews: %v", err)
			}
			if _, err := d.Install(t.Context(), b, "", time.Now()); err != nil {
				t.Fatal(err)
			}
			handshake(t, d, c)
			if _, err := d.Install(t.Context(), a, "", time.Now()); err == nil {
				t.Fatal("the old answer was installed over the new one")
			}
			handshake(t, openDesk(t, cfg), c)
			if seal, err := request.LoadSealKey(cfg.Central.SealKey); err != nil || string(seal.Bytes()) != string(c.seal) {
				t.Fatalf("seal key: %v", err)
			}
		})
	}
}

// handshake proves the desk to a TLS server that wants its certificate.
func handshake(t *testing.T, d *Desk, c central) {
	t.Helper()
	conf, err := d.ClientTLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conf.ServerName = "127.0.0.1"
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	server := &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		Certificates: []tls.Certificate{{Certificate: [][]byte{c.cert.Raw}, PrivateKey: c.key}},
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	failed := make(chan error, 1)
	served := tls.Server(b, server)
	go func() { failed <- served.HandshakeContext(ctx) }()
	client := tls.Client(a, conf)
	if err := client.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	go client.Read(make([]byte, 1)) //nolint:errcheck // takes the session tickets; ends with the pipe
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if got := served.ConnectionState().PeerCertificates[0].Subject.CommonName; got != "desk-1" {
		t.Fatalf("the server sees %q", got)
	}
}

func TestInstallNeedsAnOpenRequest(t *testing.T) {
	d, c := openDesk(t, desk(t, config.KeySoftware)), newCentral(t)
	other := openDesk(t, desk(t, config.KeySoftware))
	file, err := other.Request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := c.approve(t, file)
	if _, err := d.Install(t.Context(), a, a.Fingerprint(), time.Now()); err == nil {
		t.Fatal("installed without a request")
	}
	if _, err := os.Stat(d.cfg.Central.CA); err == nil {
		t.Fatal("a refused answer left files")
	}
}

func TestOfficerRequest(t *testing.T) {
	d := openDesk(t, desk(t, config.KeySoftware))
	key, err := d.OfficerFile()
	if err != nil {
		t.Fatal(err)
	}
	file, err := d.Officer(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := enrolment.VerifyOfficer(file, d.Device.Public())
	if err != nil || r.Officer != "officer-1" || r.OfficerOrigin != request.KeySoftware {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestExpiry(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	year, day := start.AddDate(1, 0, 0), start.AddDate(0, 0, 1)
	for name, tc := range map[string]struct {
		end, now time.Time
		want     eid.Code
	}{
		"fresh":            {year, start, ""},
		"31 days left":     {year, year.AddDate(0, 0, -31), ""},
		"29 days left":     {year, year.AddDate(0, 0, -29), eid.CodeCertExpires},
		"last second":      {year, year, eid.CodeCertExpires},
		"over":             {year, year.Add(time.Second), eid.CodeCertExpired},
		"short, half over": {day, start.Add(12 * time.Hour), ""},
		"short, last part": {day, start.Add(17 * time.Hour), eid.CodeCertExpires},
	} {
		if got := Expiry(&x509.Certificate{NotBefore: start, NotAfter: tc.end}, tc.now); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
