package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/enrold/enrold/queue/request"
)

// Files of one end's TLS identity, all PEM.
type Files struct {
	CA   string // who may be the other end
	Cert string // our certificate
	Key  string // its key, mode 0600
}

// load returns our certificate and the pool of those we trust.
func (f Files) load() (tls.Certificate, *x509.CertPool, error) {
	ca, err := os.ReadFile(f.CA)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("load TLS files: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return tls.Certificate{}, nil, fmt.Errorf("load TLS files: %s holds no certificate", f.CA)
	}
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("load TLS files: %w", err)
	}
	key, err := request.ReadSecret(f.Key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("load TLS files: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, nil, errors.New("load TLS files: certificate and key do not fit")
	}
	return pair, pool, nil
}

// ClientTLS is the desk's end: TLS 1.3, no other roots than the central's.
func (f Files) ClientTLS() (*tls.Config, error) {
	pair, pool, err := f.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}

// ServerTLS is the central's end: TLS 1.3 and a client certificate or nothing.
func (f Files) ServerTLS() (*tls.Config, error) {
	pair, pool, err := f.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		NextProtos: []string{"h2", "http/1.1"}, // a desk's uploads and long polls share one connection
	}, nil
}
