package trust

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust/cert"
)

// The stable words of eid.Check that Chain gives.
const (
	WordNoCSCA         = "no-csca"          // not possible: the store does not have the issuer
	WordUnsupported    = "unsupported"      // not possible: an algorithm or extension is unknown
	WordIssuerMismatch = "issuer-mismatch"  // failed: the named CSCA did not issue the signer
	WordCountry        = "country-mismatch" // failed: signer and CSCA are of different states
	WordCSCANotValid   = "csca-not-valid"   // failed: the CSCA was not valid when it issued the signer
	WordRevoked        = "revoked"          // failed: signer or CSCA is on a revocation list
	WordNoCRL          = "crl-missing"      // ok with reservation: nothing is known of revocations
	WordCRLExpired     = "crl-expired"      // ok with reservation: what is known is old
)

// Chain checks a signer's certificate against the store: issued by an anchor of
// its state (Doc 9303-12 §7.1), which was valid at that time, and not revoked.
// Signers are issued by the country signing authority itself, so the chain has
// one step; a link certificate is an anchor like the root that it continues.
// It says nothing about the signer's own period of validity, which depends on
// when it signed. The issuer is nil unless its signature was verified.
//
// Old revocation lists and missing ones do not fail the check: most states give
// desks none. They are in Word and Reason of a check that is ok.
func (s *Store) Chain(signer *cert.Certificate, now time.Time) (check eid.Check, issuer *cert.Certificate) {
	candidates := s.issuersOf(signer)
	if len(candidates) == 0 {
		return eid.Check{State: eid.CheckNotPossible, Word: WordNoCSCA, Reason: "no CSCA certificate of the issuer in the trust store"}, nil
	}
	if err := signer.Understood(); err != nil {
		return unsupported(err), nil
	}
	check = failed(WordIssuerMismatch, "signer's certificate was not issued by the CSCA that it names")
	for _, ca := range candidates {
		err := signer.SignedBy(ca)
		if what, ok := errors.AsType[*cert.UnsupportedError](err); ok && issuer == nil {
			check = unsupported(what)
		}
		if err != nil {
			continue
		}
		// The same key may have several certificates: one that fits is enough.
		issuer = ca
		if check = s.issued(signer, ca, now); check.State == eid.CheckOK {
			break
		}
	}
	return check, issuer
}

// issuersOf returns the anchors that may have issued the certificate.
func (s *Store) issuersOf(c *cert.Certificate) (found []*cert.Certificate) {
	for _, a := range s.anchors {
		if cert.IssuedBy(c.Issuer, c.AuthorityKeyID, a) {
			found = append(found, a)
		}
	}
	return found
}

// issued judges a certificate whose signature by ca was verified.
func (s *Store) issued(c, ca *cert.Certificate, now time.Time) eid.Check {
	if a, b := c.Issuer.Country(), ca.Subject.Country(); a != "" && b != "" && a != b {
		return failed(WordCountry, "signer's certificate and CSCA are of different states")
	}
	if a, b := c.Subject.Country(), ca.Subject.Country(); a != "" && b != "" && a != b {
		return failed(WordCountry, "signer's certificate and CSCA are of different states")
	}
	if !ca.ValidAt(c.NotBefore) {
		return failed(WordCSCANotValid, "CSCA certificate was not valid when it issued the signer's certificate")
	}
	revocation := s.revocation(c, ca, now)
	if revocation.State == eid.CheckOK {
		if own := s.revocation(ca, ca, now); own.State == eid.CheckFailed {
			return own
		}
	}
	return revocation
}

// revocation looks for a certificate on the lists of its issuer: those with the
// issuer's name, since after a change of keys the new one signs for the old
// (Doc 9303-12 §7.1.3), and those of the key ca.
func (s *Store) revocation(c, ca *cert.Certificate, now time.Time) eid.Check {
	var newest *cert.CRL
	for _, l := range s.crls {
		if l.Issuer.Canonical() != c.Issuer.Canonical() && !cert.IssuedBy(l.Issuer, l.AuthorityKeyID, ca) {
			continue
		}
		// On any list, however old: a revoked certificate stays revoked.
		if at, revoked := l.Revoked(c); revoked {
			return failed(WordRevoked, "certificate of "+c.Subject.String()+" is revoked since "+day(at))
		}
		if newest == nil || l.Newer(newest) {
			newest = l
		}
	}
	switch {
	case newest == nil:
		return eid.Check{State: eid.CheckOK, Word: WordNoCRL, Reason: "no revocation list of the issuer in the trust store"}
	case !newest.NextUpdate.IsZero() && now.After(newest.NextUpdate):
		return eid.Check{State: eid.CheckOK, Word: WordCRLExpired, Reason: fmt.Sprintf("the issuer's revocation list of %s expired on %s", day(newest.ThisUpdate), day(newest.NextUpdate))}
	}
	return eid.Check{State: eid.CheckOK}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func failed(word, reason string) eid.Check {
	return eid.Check{State: eid.CheckFailed, Word: word, Reason: reason}
}

func unsupported(err error) eid.Check {
	return eid.Check{State: eid.CheckNotPossible, Word: WordUnsupported, Reason: strings.TrimSpace(err.Error())}
}
