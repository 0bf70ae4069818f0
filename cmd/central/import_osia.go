package main

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/osia"
)

const (
	osiaPrefix  = "/osia"
	osiaKeyFile = "osia_private.pem" // opens JWE; optional
)

// Caller returns the desk behind a connection, for OSIA.
func (d door) Caller(r *http.Request) (string, []crypto.PublicKey, error) {
	known, err := d.in.Caller(r)
	if err != nil {
		return "", nil, asProblem(err)
	}
	return known.ID, deviceKeys(known), nil
}

// withOSIA serves OSIA Enrollment 1.3.0 under /osia beside next: the same door,
// for desks and gateways that speak it. The client certificate stands for OSIA's
// bearer token, which is not looked at.
func withOSIA(next http.Handler, f folder, in *intake.Intake, receipt *ecdsa.PublicKey, log *slog.Logger) (http.Handler, error) {
	unwrap, err := request.LoadPrivateKey(filepath.Join(f.keys(), osiaKeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := osia.NewServer(osia.ServerOptions{
		Central: door{in}, Dir: filepath.Join(f.Data, "osia"), ReceiptKey: receipt, UnwrapKey: unwrap, Log: log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle(osiaPrefix+"/", http.StripPrefix(osiaPrefix, s.Handler()))
	return mux, nil
}
