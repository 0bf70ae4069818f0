// Package authority makes and keeps a central's keys: the TLS authority and
// server certificate, the HPKE key that opens requests and the key that signs
// receipts. It serves demonstrations, tests and pilots; a ministry brings keys
// of its own, in the same files:
//
//	ca.pem, ca_key.pem                   TLS authority of central and desks
//	server.pem, server_key.pem           the central's TLS certificate
//	seal_key, seal_private               HPKE key pair, base64
//	seal_older/ID.key, ID.private        those that were in use before
//	receipt_key.pem, receipt_private.pem receipt key pair
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

const (
	caFile, caKeyFile           = "ca.pem", "ca_key.pem"
	serverFile, serverKeyFile   = "server.pem", "server_key.pem"
	sealFile, sealPrivateFile   = "seal_key", "seal_private"
	receiptFile, receiptPrivate = "receipt_key.pem", "receipt_private.pem"

	organization = "enrold central"
	caYears      = 10
	leafYears    = 2
)

// Exists says whether dir holds a central's keys.
func Exists(dir string) (bool, error) {
	// Written last by Create.
	_, err := os.Stat(filepath.Join(dir, receiptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Create makes all keys in dir for a central that is reached under hosts
// (names or addresses). Existing keys are not replaced.
func Create(dir string, hosts []string) error {
	if err := create(dir, hosts); err != nil {
		return fmt.Errorf("make central's keys: %w", err)
	}
	return nil
}

func create(dir string, hosts []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca := template(caYears)
	ca.Subject.CommonName = "enrold central authority"
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	caPair, err := issue(ca, nil)
	if err != nil {
		return err
	}
	server := template(leafYears)
	server.Subject.CommonName = "enrold central"
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, h)
		}
	}
	serverPair, err := issue(server, &caPair)
	if err != nil {
		return err
	}
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		return err
	}
	sealPrivate, err := seal.Bytes()
	if err != nil {
		return err
	}
	receipt, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	receiptPublic, err := x509.MarshalPKIXPublicKey(receipt.Public())
	if err != nil {
		return err
	}
	return errors.Join(
		caPair.write(dir, caFile, caKeyFile),
		serverPair.write(dir, serverFile, serverKeyFile),
		writeNew(dir, sealPrivateFile, []byte(base64.StdEncoding.EncodeToString(sealPrivate)+"\n")),
		writeNew(dir, sealFile, []byte(base64.StdEncoding.EncodeToString(seal.PublicKey().Bytes())+"\n")),
		writeKey(dir, receiptPrivate, receipt),
		writeNew(dir, receiptFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: receiptPublic})),
	)
}

// EnrolDesk makes the TLS certificate of a desk and writes into out what the
// desk's configuration names: ca.pem, cert.pem, key.pem, seal_key,
// receipt_key.pem. The certificate is returned for the registry.
func EnrolDesk(dir, out, desk string) (*x509.Certificate, error) {
	cert, err := enrolDesk(dir, out, desk)
	if err != nil {
		return nil, fmt.Errorf("enrol desk: %w", err)
	}
	return cert, nil
}

// Approve makes the TLS certificate that a desk's verified request asks for,
// and the answer to it; the published list of seal keys is the caller's to add.
func Approve(dir string, r enrolment.Request) (enrolment.Answer, *x509.Certificate, error) {
	a, cert, err := approve(dir, r)
	if err != nil {
		return enrolment.Answer{}, nil, fmt.Errorf("approve desk: %w", err)
	}
	return a, cert, nil
}

func approve(dir string, r enrolment.Request) (a enrolment.Answer, cert *x509.Certificate, err error) {
	ca, err := readPair(dir, caFile, caKeyFile)
	if err != nil {
		return a, nil, err
	}
	t := template(leafYears)
	t.Subject.CommonName = r.DeskID
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if t.SerialNumber, err = serial(); err != nil {
		return a, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, r.CSR.PublicKey, ca.key)
	if err != nil {
		return a, nil, err
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return a, nil, err
	}
	seal, err := request.LoadSealKey(filepath.Join(dir, sealFile))
	if err != nil {
		return a, nil, err
	}
	receipt, err := os.ReadFile(filepath.Join(dir, receiptFile))
	if err != nil {
		return a, nil, err
	}
	return enrolment.Answer{
		DeskID: r.DeskID, Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		CA:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}),
		ReceiptKey: receipt, SealKey: seal.Bytes(),
	}, cert, nil
}

func serial() (*big.Int, error) { return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) }

func enrolDesk(dir, out, desk string) (*x509.Certificate, error) {
	if err := request.CheckDesk(desk); err != nil {
		return nil, err
	}
	ca, err := readPair(dir, caFile, caKeyFile)
	if err != nil {
		return nil, err
	}
	t := template(leafYears)
	t.Subject.CommonName = desk
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	leaf, err := issue(t, &ca)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{caFile, sealFile, receiptFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	return leaf.cert, leaf.write(out, "cert.pem", "key.pem")
}

// Files are the central's own TLS files in dir.
func Files(dir string) wire.Files {
	return wire.Files{CA: filepath.Join(dir, caFile), Cert: filepath.Join(dir, serverFile), Key: filepath.Join(dir, serverKeyFile)}
}

// Keys returns the key in use that opens requests (see [SealKeys] for all) and the one that signs receipts.
func Keys(dir string) (seal hpke.PrivateKey, receipt *ecdsa.PrivateKey, err error) {
	if seal, err = loadSealPrivate(filepath.Join(dir, sealPrivateFile)); err != nil {
		return nil, nil, fmt.Errorf("load central's keys: %w", err)
	}
	if receipt, err = request.LoadPrivateKey(filepath.Join(dir, receiptPrivate)); err != nil {
		return nil, nil, fmt.Errorf("load central's keys: %w", err)
	}
	return seal, receipt, nil
}

func template(years int) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{organization}},
		NotBefore: now.Add(-time.Hour), // a desk's clock may be behind
		NotAfter:  now.AddDate(years, 0, 0),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a key and has parent sign its certificate; nil signs itself.
func issue(t *x509.Certificate, parent *pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	if t.SerialNumber, err = serial(); err != nil {
		return pair{}, err
	}
	if parent == nil {
		parent = &pair{cert: t, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent.cert, key.Public(), parent.key)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return pair{cert: cert, key: key}, err
}

func (p pair) write(dir, certFile, keyFile string) error {
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
	return errors.Join(writeKey(dir, keyFile, p.key), writeNew(dir, certFile, cert))
}

func readPair(dir, certFile, keyFile string) (pair, error) {
	data, err := os.ReadFile(filepath.Join(dir, certFile))
	if err != nil {
		return pair{}, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return pair{}, fmt.Errorf("%s holds no certificate", certFile)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return pair{}, err
	}
	key, err := request.LoadPrivateKey(filepath.Join(dir, keyFile))
	return pair{cert: cert, key: key}, err
}

func writeKey(dir, name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeNew(dir, name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// writeNew writes a file of mode 0600 that must not exist.
func writeNew(dir, name string, data []byte) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
