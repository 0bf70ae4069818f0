// Package trust holds the desk's trust anchors for chips: the country signing
// certificates (CSCA, Doc 9303-12 §4) and revocation lists of a folder that the
// authority fills, by hand or with Import.
//
// A certificate in a file of its own is a root: whoever may write the folder
// decided to trust it. A master list is trusted when its signer was issued by a
// certificate that is trusted without that list.
package trust

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/enrold/enrold/reader/trust/cert"
)

// Store is a loaded set of anchors and revocation lists. It does not change.
type Store struct {
	anchors  []*cert.Certificate
	crls     []*cert.CRL
	sources  []Source
	unusable int
	digest   [sha256.Size]byte
	updated  time.Time
}

// Source is one file of the folder.
type Source struct {
	File         string    `json:"file"`
	Kind         Kind      `json:"kind"`
	Certificates int       `json:"certificates,omitempty"` // usable anchors in it
	Unusable     int       `json:"unusable,omitempty"`     // certificates that no check can use
	Revoked      int       `json:"revoked,omitempty"`
	Signer       string    `json:"signer,omitempty"`   // of a master list; issuer of a revocation list
	Time         time.Time `json:"time"`               // signing time, issue of the list, or change of the file
	Expires      time.Time `json:"expires,omitzero"`   // of a revocation list
	Verified     bool      `json:"verified,omitempty"` // signature checked, signer trusted; false for one that is not used
}

// Kind of a file in the folder, or of what is imported.
type Kind string

const (
	KindCertificates Kind = "certificates"
	KindMasterList   Kind = "master_list"
	KindCRL          Kind = "crl"
)

const (
	maxFile    = 16 << 20
	maxAnchors = 8192
)

// testMark in an anchor's organisation makes it a test anchor.
const testMark = "enrold test"

var (
	// ErrTestAnchor is returned when a production desk finds a test anchor.
	ErrTestAnchor = errors.New("test anchor on a production desk")
	// ErrUntrusted is returned for a list whose signer no anchor has issued.
	ErrUntrusted = errors.New("signer is not issued by a trusted CSCA")
)

// Load reads every certificate (.pem .crt .cer .der), master list (.ml) and
// revocation list (.crl) of the folder. An empty name or folder gives an empty
// store. A file that cannot be read, whose signature is wrong or whose signer is
// not trusted is an error: a store that is half there must not pass for the
// whole. Certificates whose keys cannot be used count as unusable.
func Load(dir string, production bool) (*Store, error) {
	s := &Store{digest: sha256.Sum256(nil)}
	if dir == "" {
		return s, nil
	}
	files, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	return build(files, production)
}

// build makes a store of parsed files: roots first, then the lists that they
// vouch for, then the revocation lists. A list whose signer proves to be revoked
// is left out: importing the revocation must not stop the desk.
func build(files []file, production bool) (*Store, error) {
	revoked := map[string]bool{}
	for {
		s, err := buildWithout(files, revoked, production)
		if err != nil {
			return nil, err
		}
		more := false
		for _, f := range files {
			if f.list == nil || revoked[f.name] {
				continue
			}
			if check, _ := s.Chain(f.list.Signer, time.Now()); check.Word == WordRevoked {
				revoked[f.name], more = true, true
			}
		}
		if !more {
			return s, nil
		}
	}
}

func buildWithout(files []file, revoked map[string]bool, production bool) (*Store, error) {
	s := &Store{}
	b := builder{Store: s, production: production, revoked: revoked, seen: map[[sha256.Size]byte]bool{}}
	for _, f := range files {
		if err := b.roots(f); err != nil {
			return nil, fmt.Errorf("read trust anchors in %s: %w", f.name, err)
		}
	}
	if err := b.lists(files); err != nil {
		return nil, err
	}
	for _, f := range files {
		for _, l := range f.crls {
			if err := b.crl(f, l); err != nil {
				return nil, fmt.Errorf("read revocation list in %s: %w", f.name, err)
			}
		}
	}
	// The digest must not depend on file names or on the same anchor twice.
	slices.SortFunc(b.sums, func(x, y [sha256.Size]byte) int { return bytes.Compare(x[:], y[:]) })
	h := sha256.New()
	for _, sum := range slices.Compact(b.sums) {
		h.Write(sum[:])
	}
	h.Sum(s.digest[:0])
	return s, nil
}

type builder struct {
	*Store
	production bool
	revoked    map[string]bool // files whose master list does not count
	seen       map[[sha256.Size]byte]bool
	sums       [][sha256.Size]byte
}

func (b *builder) roots(f file) error {
	src := Source{File: f.name, Kind: KindCertificates, Time: f.changed}
	for _, c := range f.certificates {
		if c.Key.Supported() == nil && !c.MaySign() {
			return fmt.Errorf("trust anchor %q may not sign certificates", c.Subject)
		}
		if err := b.add(c, &src); err != nil {
			return err
		}
	}
	if len(f.certificates) > 0 {
		b.sources = append(b.sources, src)
		b.aged(f.changed)
	}
	return nil
}

// lists adds master lists until no more is vouched for.
func (b *builder) lists(files []file) error {
	var waiting []file
	for _, f := range files {
		switch {
		case f.list == nil:
		case b.revoked[f.name]:
			b.sources = append(b.sources, Source{File: f.name, Kind: KindMasterList, Signer: f.list.Signer.Subject.String(), Time: f.list.Signed, Unusable: len(f.list.Certificates)})
		default:
			waiting = append(waiting, f)
		}
	}
	for len(waiting) > 0 {
		var later []file
		var reason error
		for _, f := range waiting {
			if err := f.list.trustedBy(b.Store); errors.Is(err, ErrUntrusted) {
				later, reason = append(later, f), fmt.Errorf("read master list in %s: %w", f.name, err)
				continue
			} else if err != nil {
				return fmt.Errorf("read master list in %s: %w", f.name, err)
			}
			if err := b.list(f); err != nil {
				return fmt.Errorf("read master list in %s: %w", f.name, err)
			}
		}
		if len(later) == len(waiting) {
			return reason
		}
		waiting = later
	}
	return nil
}

func (b *builder) list(f file) error {
	src := Source{File: f.name, Kind: KindMasterList, Signer: f.list.Signer.Subject.String(), Time: f.list.Signed, Verified: true}
	if src.Time.IsZero() {
		src.Time = f.changed
	}
	src.Unusable = f.list.Malformed
	b.unusable += f.list.Malformed
	for _, c := range f.list.Certificates {
		if err := b.add(c, &src); err != nil {
			return err
		}
	}
	b.sources = append(b.sources, src)
	b.aged(src.Time)
	return nil
}

func (b *builder) crl(f file, l *cert.CRL) error {
	src := Source{File: f.name, Kind: KindCRL, Signer: l.Issuer.String(), Time: l.ThisUpdate, Expires: l.NextUpdate, Revoked: l.Len()}
	err := b.vouched(l)
	switch _, unsupported := errors.AsType[*cert.UnsupportedError](err); {
	case err == nil:
		src.Verified = true
		b.crls = append(b.crls, l)
		b.sums = append(b.sums, sha256.Sum256(l.Raw))
	case errors.Is(err, ErrUntrusted) || unsupported:
		// Its issuer was taken away, or cannot be used either: the list says nothing.
	default:
		return err
	}
	b.sources = append(b.sources, src)
	return nil
}

// vouched checks the signature of a revocation list against the anchors.
func (s *Store) vouched(l *cert.CRL) error {
	err := ErrUntrusted
	for _, a := range s.anchors {
		if !cert.IssuedBy(l.Issuer, l.AuthorityKeyID, a) {
			continue
		}
		if err = l.SignedBy(a); err == nil {
			return nil
		}
	}
	return err
}

func (b *builder) add(c *cert.Certificate, src *Source) error {
	if b.production && IsTest(c) {
		return fmt.Errorf("trust anchor %q: %w", c.Subject, ErrTestAnchor)
	}
	sum := c.Fingerprint()
	b.sums = append(b.sums, sum)
	if c.Key.Supported() != nil || !c.MaySign() || c.Understood() != nil {
		src.Unusable++
		b.unusable++
		return nil //nolint:nilerr // one anchor that this program cannot use leaves the others as they are
	}
	src.Certificates++
	if b.seen[sum] {
		return nil
	}
	if b.seen[sum] = true; len(b.seen) > maxAnchors {
		return fmt.Errorf("more than %d trust anchors", maxAnchors)
	}
	b.anchors = append(b.anchors, c)
	return nil
}

func (b *builder) aged(t time.Time) {
	if t.After(b.updated) {
		b.updated = t
	}
}

// IsTest says whether an anchor was made for tests.
func IsTest(c *cert.Certificate) bool {
	return slices.ContainsFunc(c.Subject.Organizations(), func(o string) bool {
		return strings.Contains(strings.ToLower(o), testMark)
	})
}

// Anchors returns the usable anchors, in no particular order.
func (s *Store) Anchors() []*cert.Certificate { return slices.Clone(s.anchors) }

// Sources returns the files that the store was made of.
func (s *Store) Sources() []Source { return slices.Clone(s.sources) }

// Len returns the number of usable anchors and of certificates that cannot be
// used (unknown keys, no authority to sign).
func (s *Store) Len() (usable, unusable int) { return len(s.anchors), s.unusable }

// SHA256 is a digest over anchors and revocation lists, the same for the same
// content under any file names.
func (s *Store) SHA256() []byte { return append([]byte(nil), s.digest[:]...) }

// Updated is the age of the anchors: the newest master list's signing time or
// certificate file's change, zero when the store is empty.
func (s *Store) Updated() time.Time { return s.updated }
