package trust

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust/cert"
	"github.com/enrold/enrold/reader/trust/cms"
	"github.com/enrold/enrold/reader/trust/der"
)

const (
	oidMasterList       = "2.23.136.1.1.2" // id-icao-cscaMasterList
	oidMasterListSigner = "2.23.136.1.1.3" // id-icao-cscaMasterListSigningKey
)

// MasterList is a signed list of country signing certificates (Doc 9303-12 §8).
type MasterList struct {
	Raw          []byte
	Certificates []*cert.Certificate
	Malformed    int                 // certificates in it that cannot be read
	Signer       *cert.Certificate   // signs master lists, issued by a CSCA
	Signed       time.Time           // as the signer states; zero when it does not
	Companions   []*cert.Certificate // certificates beside the signer's, usually its CSCA
}

// ParseMasterList reads a master list and verifies its signature under the key
// of the signer's certificate in it. Whether that signer is trusted is another
// question. What a signed list holds that cannot be read is counted, no error.
func ParseMasterList(b []byte) (*MasterList, error) {
	l, m, err := readMasterList(b)
	if err == nil {
		err = l.verify(m)
	}
	if err != nil {
		return nil, fmt.Errorf("master list: %w", err)
	}
	return l, nil
}

// readMasterList reads without verifying anything.
func readMasterList(b []byte) (*MasterList, *cms.Message, error) {
	if len(b) > maxFile {
		return nil, nil, errors.New("list is too large")
	}
	m, err := cms.Parse(b)
	if err != nil {
		return nil, nil, err
	}
	if m.Type != oidMasterList {
		return nil, nil, fmt.Errorf("content is of type %s, not a master list", m.Type)
	}
	l := &MasterList{Raw: b}
	r := der.New(m.Content)
	list := r.Open(der.Sequence)
	if version := list.Small(); version != 0 {
		list.Fail("version %d is unknown", version)
	}
	for set := list.Open(der.Set); !set.Empty(); {
		_, _, raw := set.Any()
		c, err := cert.Parse(raw)
		if err != nil {
			l.Malformed++
		} else {
			l.Certificates = append(l.Certificates, c)
		}
		if len(l.Certificates)+l.Malformed > maxAnchors {
			set.Fail("more than %d certificates", maxAnchors)
		}
	}
	list.End()
	if err := r.Done(); err != nil {
		return nil, nil, err
	}
	if len(l.Certificates) == 0 {
		return nil, nil, errors.New("no certificate in it")
	}
	return l, m, nil
}

func (l *MasterList) verify(m *cms.Message) error {
	if len(m.Signers) != 1 {
		return fmt.Errorf("%d signers, want one", len(m.Signers))
	}
	signer, err := m.Certificate(m.Signers[0])
	if err != nil {
		return err
	}
	if !slices.Contains(signer.Purposes, oidMasterListSigner) {
		return errors.New("signer's certificate is not for master lists")
	}
	if err := m.Verify(m.Signers[0], signer); err != nil {
		return err
	}
	at, stated, err := m.Signers[0].SigningTime()
	if err != nil {
		return fmt.Errorf("signing time: %w", err)
	}
	if stated && !signer.ValidAt(at) {
		return errors.New("signer's certificate was not valid at signing")
	}
	l.Signer, l.Signed = signer, at
	for _, c := range m.Certificates {
		if !c.Equal(signer) {
			l.Companions = append(l.Companions, c)
		}
	}
	return nil
}

// SHA256 is the fingerprint of the whole list.
func (l *MasterList) SHA256() [sha256.Size]byte { return sha256.Sum256(l.Raw) }

// trustedBy is nil when an anchor of the store has issued the signer.
func (l *MasterList) trustedBy(s *Store) error {
	check, _ := s.Chain(l.Signer, time.Now())
	switch check.State {
	case eid.CheckOK:
		return nil
	case eid.CheckNotPossible:
		return fmt.Errorf("%w: %s", ErrUntrusted, check.Reason)
	}
	return errors.New(check.Reason)
}
