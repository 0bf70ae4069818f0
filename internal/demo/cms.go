package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

func (d *Desk) officerCertificate() string { return filepath.Join(d.opts.Dir, "officer.crt.pem") }
func (d *Desk) officerRoot() string        { return filepath.Join(d.opts.Dir, "officer_root.pem") }

// certify is the authority that certifies officers' keys: the desk's command
// writes the request, an authority made for this run answers it.
func (d *Desk) certify(ctx context.Context) error {
	file, err := d.onToken(ctx, tokenPIN, []string{"enrol", "certificate"})
	if err != nil {
		return err
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return errors.New("certify officer: the request is not PEM")
	}
	asked, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = asked.CheckSignature()
	}
	if err != nil {
		return fmt.Errorf("certify officer: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("certify officer: %w", err)
	}
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demo authority of officers"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: asked.Subject, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	for path, c := range map[string]*x509.Certificate{d.officerRoot(): root, d.officerCertificate(): leaf} {
		public := asked.PublicKey
		if c == root {
			public = key.Public()
		}
		der, err := x509.CreateCertificate(rand.Reader, c, root, public, key)
		if err != nil {
			return fmt.Errorf("certify officer: %w", err)
		}
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			return fmt.Errorf("certify officer: %w", err)
		}
	}
	return nil
}
