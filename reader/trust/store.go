// Package trust holds the desk's trust anchors for chips: the country signing
// certificates (CSCA, Doc 9303-12 §4) in a folder that the authority fills.
package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Store is a loaded set of anchors. It does not change.
type Store struct {
	anchors     []*x509.Certificate
	unsupported int
	digest      [sha256.Size]byte
	updated     time.Time
}

const (
	maxFile    = 4 << 20
	maxAnchors = 4096
)

// testMark in an anchor's organisation makes it a test anchor.
const testMark = "enrold test"

// ErrTestAnchor is returned when a production desk finds a test anchor.
var ErrTestAnchor = errors.New("test anchor on a production desk")

// Load reads every .pem, .crt, .cer and .der file of the folder. An empty name
// or folder gives an empty store. A file that cannot be read, holds no
// certificate or a certificate that may not sign others is an error: a list
// that is half there must not pass for the whole. Certificates with keys that
// Go cannot verify (brainpool) count as unsupported.
func Load(dir string, production bool) (*Store, error) {
	s := &Store{digest: sha256.Sum256(nil)}
	if dir == "" {
		return s, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list trust folder: %w", err)
	}
	var ders [][]byte
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pem", ".crt", ".cer", ".der":
		default:
			continue
		}
		found, changed, err := readFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read trust anchors in %s: %w", e.Name(), err)
		}
		if ders = append(ders, found...); len(ders) > maxAnchors {
			return nil, fmt.Errorf("more than %d trust anchors", maxAnchors)
		}
		if changed.After(s.updated) {
			s.updated = changed
		}
	}
	// The digest must not depend on file names or on the same anchor twice.
	slices.SortFunc(ders, bytes.Compare)
	ders = slices.CompactFunc(ders, bytes.Equal)
	h := sha256.New()
	for _, der := range ders {
		sum := sha256.Sum256(der)
		h.Write(sum[:])
		if err := s.add(der, production); err != nil {
			return nil, err
		}
	}
	h.Sum(s.digest[:0])
	return s, nil
}

func readFile(path string) (ders [][]byte, changed time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(b) > maxFile {
		return nil, time.Time{}, errors.New("file is too large")
	}
	if len(b) > 0 && b[0] == 0x30 {
		return [][]byte{b}, info.ModTime(), nil
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) == 0 {
		return nil, time.Time{}, errors.New("no certificate in it")
	}
	return ders, info.ModTime(), nil
}

func (s *Store) add(der []byte, production bool) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		// A certificate in form whose key Go does not know is kept out, not refused.
		var shape struct {
			TBS, Algorithm asn1.RawValue
			Signature      asn1.BitString
		}
		if rest, err2 := asn1.Unmarshal(der, &shape); err2 != nil || len(rest) > 0 {
			return fmt.Errorf("parse trust anchor: %w", err)
		}
		s.unsupported++
		return nil
	}
	if !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Errorf("trust anchor %q may not sign certificates", c.Subject)
	}
	if production && IsTest(c) {
		return fmt.Errorf("trust anchor %q: %w", c.Subject, ErrTestAnchor)
	}
	s.anchors = append(s.anchors, c)
	return nil
}

// IsTest says whether an anchor was made for tests.
func IsTest(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.Subject.Organization, func(o string) bool {
		return strings.Contains(strings.ToLower(o), testMark)
	})
}

// IssuersOf returns the anchors that may have issued the document signer: by
// key identifier where both carry one, else by name (Doc 9303-12 §7.1.1).
func (s *Store) IssuersOf(signer *x509.Certificate) []*x509.Certificate {
	var found []*x509.Certificate
	for _, a := range s.anchors {
		same := bytes.Equal(a.RawSubject, signer.RawIssuer)
		if len(signer.AuthorityKeyId) > 0 && len(a.SubjectKeyId) > 0 {
			same = bytes.Equal(a.SubjectKeyId, signer.AuthorityKeyId)
		}
		if same {
			found = append(found, a)
		}
	}
	return found
}

// Len returns the number of usable anchors and of those with unsupported keys.
func (s *Store) Len() (usable, unsupported int) { return len(s.anchors), s.unsupported }

// SHA256 is a digest over the content, the same for the same anchors under any
// file names.
func (s *Store) SHA256() []byte { return append([]byte(nil), s.digest[:]...) }

// Updated is the age of the list: the time of the newest file, zero when empty.
func (s *Store) Updated() time.Time { return s.updated }
