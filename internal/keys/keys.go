// Package keys opens the keys of a desk where its configuration places them:
// in files, in the TPM (package hw/tpm) or in the officer's token (package
// worker/token), and gives them the shapes that queue, uplink and screen want.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/hw/tpm"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
)

// Names of keys: files in the desk's data folder, NAME.key in software,
// NAME.tpm.pem in the TPM. The TLS key's file in software is the one that
// central.key names.
const (
	device  = "device"
	officer = "officer"
	tlsKey  = "tls"
	pending = "tls-pending" // of a certificate that the central has not given yet
)

// Desk holds the opened keys of a desk's machine, without the officer's.
type Desk struct {
	cfg     config.Config
	chip    *tpm.TPM       // nil in software
	Device  request.Signer // nil until made: see CreateDevice
	Counter *tpm.Counter   // nil in software
	Drafts  *tpm.Sealer    // nil in software
}

// Open connects to the TPM, if the configuration wants it. The device key is
// opened by LoadDevice.
func Open(ctx context.Context, cfg config.Config) (*Desk, error) {
	d := &Desk{cfg: cfg}
	if cfg.Keys.Device != config.KeyTPM {
		return d, nil
	}
	chip, err := tpm.Open(ctx, cfg.Keys.TPM, cfg.Desk.Data)
	if err != nil {
		return nil, err
	}
	d.chip = chip
	if err := d.trust(ctx); err != nil {
		return nil, errors.Join(err, chip.Close())
	}
	registers, err := cfg.Keys.Registers()
	if err != nil {
		return nil, errors.Join(err, chip.Close())
	}
	d.Drafts = chip.Sealer(registers)
	return d, nil
}

// trust refuses a TPM in software where the desk is a real one.
func (d *Desk) trust(ctx context.Context) error {
	info, err := d.chip.Info(ctx)
	if err == nil && info.Emulated && d.cfg.Desk.Production {
		err = eid.Fail(eid.CodeTPM, "open TPM", errors.New("the TPM is emulated: a production desk refuses it"))
	}
	return err
}

// Close lets go of the TPM.
func (d *Desk) Close() error {
	if d.chip == nil {
		return nil
	}
	return d.chip.Close()
}

// TPM tells how the chip is; nil without one.
func (d *Desk) TPM(ctx context.Context) (*tpm.Info, error) {
	if d.chip == nil {
		return nil, nil
	}
	info, err := d.chip.Info(ctx)
	return &info, err
}

// LoadDevice opens the device key and the TPM's counter. A software key is made
// when missing; one in the TPM is made by CreateDevice, on purpose only, since
// a new key must be enrolled.
func (d *Desk) LoadDevice(ctx context.Context) error {
	if d.chip == nil {
		return d.softwareDevice()
	}
	key, err := d.chip.Key(ctx, device)
	if err != nil {
		return err
	}
	d.Device = inTPM{key}
	d.Counter, err = d.chip.Counter(ctx, d.cfg.Keys.Counter)
	return err
}

// CreateDevice makes the device key and the counter; made is false where they
// were there already.
func (d *Desk) CreateDevice(ctx context.Context) (made bool, err error) {
	if d.chip == nil {
		made = !d.HasDevice()
		return made, d.softwareDevice()
	}
	if made = !d.HasDevice(); made {
		if _, err := d.chip.CreateKey(ctx, device, tpm.Algorithm(d.cfg.Keys.Algorithm)); err != nil {
			return false, err
		}
	}
	return made, d.LoadDevice(ctx)
}

// HasDevice reports whether there is a device key, usable or not.
func (d *Desk) HasDevice() bool {
	if d.chip != nil {
		return d.chip.HasKey(device)
	}
	return exists(d.file(device))
}

// HasOfficerFile reports whether there is a software key of the officer.
func (d *Desk) HasOfficerFile() bool { return exists(d.file(officer)) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func (d *Desk) softwareDevice() error {
	key, err := request.LoadOrCreateDeviceKey(d.file(device))
	if err != nil {
		return eid.Fail(eid.CodeDeviceKey, "open device key", err)
	}
	d.Device = key
	return nil
}

func (d *Desk) file(name string) string { return filepath.Join(d.cfg.Desk.Data, name+".key") }

// OfficerFile opens the officer's software key, which it makes when missing.
func (d *Desk) OfficerFile() (request.Signer, error) {
	return request.LoadOrCreateDeviceKey(d.file(officer))
}

// inTPM is a key in the chip as the request wants it.
type inTPM struct{ *tpm.Key }

func (k inTPM) Origin() request.KeyOrigin { return request.KeyTPM }

func (k inTPM) Algorithm() request.Algorithm { return request.Algorithm(k.Key.Algorithm()) }

// ClientTLS is the desk's end of the connection to its central: TLS 1.3, no
// other roots than the central's, the desk's certificate with its key.
func (d *Desk) ClientTLS(ctx context.Context) (*tls.Config, error) {
	key, err := d.tlsSigner(ctx)
	if err != nil {
		return nil, err
	}
	chain, err := readCertificates(d.cfg.Central.Cert)
	if err != nil {
		return nil, fmt.Errorf("load TLS certificate: %w", err)
	}
	if own, ok := chain[0].PublicKey.(*ecdsa.PublicKey); !ok || !own.Equal(key.Public()) {
		return nil, errors.New("load TLS certificate: it does not fit the desk's TLS key")
	}
	cas, err := readCertificates(d.cfg.Central.CA)
	if err != nil {
		return nil, fmt.Errorf("load central's authority: %w", err)
	}
	pool := x509.NewCertPool()
	for _, c := range cas {
		pool.AddCert(c)
	}
	pair := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}

// tlsSigner is the TLS key in use.
func (d *Desk) tlsSigner(ctx context.Context) (crypto.Signer, error) {
	if d.chip != nil {
		return d.chip.Key(ctx, tlsKey)
	}
	key, err := request.LoadPrivateKey(d.cfg.Central.Key)
	if err != nil {
		return nil, fmt.Errorf("load TLS key: %w", err)
	}
	return key, nil
}

// Certificate returns the desk's TLS certificate, for its dates.
func (d *Desk) Certificate() (*x509.Certificate, error) {
	chain, err := readCertificates(d.cfg.Central.Cert)
	if err != nil {
		return nil, fmt.Errorf("read TLS certificate: %w", err)
	}
	return chain[0], nil
}

const maxPEM = 256 << 10

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxPEM))
}
