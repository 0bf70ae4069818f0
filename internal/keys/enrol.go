package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/hw/tpm"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// Request writes the desk's enrolment request: a new TLS key, or the one of a
// request that is still open, and the device key. It is the same for the first
// enrolment and for a renewal.
func (d *Desk) Request(ctx context.Context) ([]byte, error) {
	if err := d.LoadDevice(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.cfg.Desk.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	key, err := d.pendingTLS(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = d.makePendingTLS(ctx)
	}
	if err != nil {
		return nil, err
	}
	return enrolment.Make(d.cfg.Desk.ID, key, d.Device, nil)
}

func (d *Desk) pendingFile() string { return d.cfg.Central.Key + ".pending" }

func (d *Desk) pendingTLS(ctx context.Context) (crypto.Signer, error) {
	if d.chip != nil {
		return d.chip.Key(ctx, pending)
	}
	return request.LoadPrivateKey(d.pendingFile())
}

// makePendingTLS makes an ECDSA key whatever the device key is: TLS 1.3 wants
// signatures that every chip makes the same way.
func (d *Desk) makePendingTLS(ctx context.Context) (crypto.Signer, error) {
	if d.chip != nil {
		return d.chip.CreateKey(ctx, pending, tpm.ES256)
	}
	return request.LoadOrCreateDeviceKey(d.pendingFile())
}

// Officer writes the request for the officer's key at this desk.
func (d *Desk) Officer(ctx context.Context, key request.Signer) ([]byte, error) {
	if err := d.LoadDevice(ctx); err != nil {
		return nil, err
	}
	return enrolment.MakeOfficer(d.cfg.Desk.ID, d.cfg.Desk.Officer, key, d.Device)
}

// ErrUnknownCentral says that an answer comes from a central that this desk did
// not know, and that nobody compared its fingerprint.
var ErrUnknownCentral = errors.New("the answer comes from a central that this desk does not know: compare its fingerprint with the central's and give it")

// Install puts the central's answer where the configuration wants it. A desk
// that knows its central takes answers of that one only; else fingerprint must
// be the answer's. It can be repeated after a crash in its middle.
func (d *Desk) Install(ctx context.Context, a enrolment.Answer, fingerprint string, now time.Time) (*x509.Certificate, error) {
	known, err := d.knows(a)
	if err != nil {
		return nil, err
	}
	newRoot, err := d.lacksRoot(a)
	if err != nil {
		return nil, err
	}
	if (!known || newRoot) && fingerprint != a.Fingerprint() {
		return nil, ErrUnknownCentral
	}
	leaf, isPending, err := d.fit(ctx, a, now)
	if err != nil {
		return nil, err
	}
	c := d.cfg.Central
	if newRoot {
		if err := replace(c.Root, a.Root); err != nil {
			return nil, fmt.Errorf("install answer: %w", err)
		}
	}
	if err := d.installSealKeys(a, now); err != nil {
		return nil, fmt.Errorf("install answer: %w", err)
	}
	for _, f := range []struct {
		path string
		data []byte
	}{{c.CA, a.CA}, {c.ReceiptKey, a.ReceiptKey}, {c.Cert, a.Certificate}} { // the certificate last: it is what the daemon starts with
		if f.path == "" {
			return nil, errors.New("install answer: the configuration lacks a file in [central]")
		}
		if err := replace(f.path, f.data); err != nil {
			return nil, fmt.Errorf("install answer: %w", err)
		}
	}
	if isPending {
		if err := d.adopt(); err != nil {
			return nil, fmt.Errorf("install answer: %w", err)
		}
	}
	return leaf, nil
}

// knows says whether the answer is of the central whose files are installed; its
// root is lacksRoot's to judge.
func (d *Desk) knows(a enrolment.Answer) (bool, error) {
	ca, err := readPEM(d.cfg.Central.CA)
	receipt, err2 := readPEM(d.cfg.Central.ReceiptKey)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err2, fs.ErrNotExist) {
		return false, nil
	}
	if err := errors.Join(err, err2); err != nil {
		return false, fmt.Errorf("read central's files: %w", err)
	}
	a.Root = nil
	return enrolment.Answer{CA: ca, ReceiptKey: receipt}.Fingerprint() == a.Fingerprint(), nil
}

// fit finds the TLS key that the answer is for: the pending one, or the one in
// use where an earlier Install came that far.
func (d *Desk) fit(ctx context.Context, a enrolment.Answer, now time.Time) (leaf *x509.Certificate, isPending bool, err error) {
	pendingKey, pendingErr := d.pendingTLS(ctx)
	if pendingErr == nil {
		if leaf, err = a.Check(d.cfg.Desk.ID, pendingKey.Public(), now); err == nil {
			return leaf, true, nil
		}
	}
	used, usedErr := d.tlsSigner(ctx)
	if usedErr == nil {
		if leaf, usedErr = a.Check(d.cfg.Desk.ID, used.Public(), now); usedErr == nil {
			return leaf, false, nil
		}
	}
	switch {
	case err != nil:
		return nil, false, err
	case errors.Is(pendingErr, fs.ErrNotExist):
		return nil, false, errors.New("install answer: this desk has no open request: run `enrold enrol request` first")
	}
	return nil, false, errors.Join(pendingErr, usedErr)
}

// adopt makes the pending TLS key the one in use.
func (d *Desk) adopt() error {
	if d.chip != nil {
		return d.chip.RenameKey(pending, tlsKey)
	}
	if err := os.Rename(d.pendingFile(), d.cfg.Central.Key); err != nil {
		return err
	}
	return store.SyncDir(filepath.Dir(d.cfg.Central.Key))
}

// replace makes path hold data, or what it held, whatever happens in between.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := store.WriteFile(dir, filepath.Base(path), data); err != nil {
		return err
	}
	return store.SyncDir(dir)
}

// readCertificates reads a file of PEM certificates.
func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return out, nil
}

// Renewal of the desk's certificate is due in the last part of its life, and
// at the latest 30 days before its end: an approval may take a person a week.
const (
	renewBefore  = 30 * 24 * time.Hour
	renewPortion = 3
)

// Expiry judges a certificate: "" while it is fresh, W-CERT-EXPIRES when it
// should be renewed, E-CERT-EXPIRED after its end.
func Expiry(c *x509.Certificate, now time.Time) eid.Code {
	margin := min(renewBefore, c.NotAfter.Sub(c.NotBefore)/renewPortion)
	switch {
	case now.After(c.NotAfter):
		return eid.CodeCertExpired
	case now.Add(margin).After(c.NotAfter):
		return eid.CodeCertExpires
	}
	return ""
}

// InHardware reports whether the device key is in a TPM.
func (d *Desk) InHardware() bool { return d.cfg.Keys.Device == config.KeyTPM }
