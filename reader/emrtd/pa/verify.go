package pa

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust/cert"
	"github.com/enrold/enrold/reader/trust/cms"
)

// The stable words of eid.Check that Verify gives, beside those of the trust
// store (trust.Word…).
const (
	WordHash          = "dg-hash"             // failed: a data group was changed; the reason names it
	WordUnlisted      = "dg-unlisted"         // failed: a data group was added
	WordMalformed     = "sod-malformed"       // failed: the message around the hash list is damaged
	WordSigners       = "sod-signers"         // failed: not exactly one signer
	WordNoSigner      = "signer-missing"      // not possible: the signer's certificate is not in the message
	WordAttributes    = "sod-attributes"      // failed: signed as something else than a hash list
	WordDigest        = "sod-digest"          // failed: the hash list was changed
	WordSignature     = "sod-signature"       // failed: signed by another key
	WordUsage         = "signer-usage"        // failed: the certificate is for another purpose
	WordNotValid      = "signer-not-valid"    // failed: the signer was not valid when it signed
	WordState         = "state-mismatch"      // failed: signed by another state than the document names
	WordUnsupported   = "unsupported"         // not possible: an algorithm is unknown
	WordClock         = "clock"               // not possible: signed in the future, or the clock is wrong
	WordNoSigningTime = "signing-time-absent" // ok with reservation: judged at the time of reading
)

// skew is how far the desk's clock may be behind the issuer's.
const skew = 24 * time.Hour

// Anchors judges a document signer's certificate by its issuer; trust.Store does.
type Anchors interface {
	Chain(signer *cert.Certificate, now time.Time) (check eid.Check, issuer *cert.Certificate)
}

// Read is what was read of a document.
type Read struct {
	Groups map[int][]byte // hashes made with SecurityObject.Hash, by number of the data group
	State  string         // issuing state of the machine readable zone; empty when unknown
}

// Verify checks the hashes of the data groups read, the signature and the
// signer's certificate. now is the time of reading. The check is ok only when
// all of it was done and held, perhaps with reservations; what this program
// cannot verify is not_possible. signer is the document signer's subject, empty
// when it cannot be read.
func (s *SecurityObject) Verify(read Read, anchors Anchors, now time.Time) (check eid.Check, signer string) {
	// Hashes come first: a changed file is a failure whoever signed the list.
	for _, n := range slices.Sorted(maps.Keys(read.Groups)) {
		switch want := s.groups[n]; {
		case want == nil:
			return failed(WordUnlisted, fmt.Sprintf("DG%d is not in the security object", n)), ""
		case subtle.ConstantTimeCompare(want, read.Groups[n]) != 1:
			return failed(WordHash, fmt.Sprintf("hash of DG%d differs from the security object", n)), ""
		}
	}
	m, err := cms.Parse(s.cms)
	if what, ok := errors.AsType[*cert.UnsupportedError](err); ok {
		return unsupported("security object", what), ""
	}
	if err != nil {
		return failed(WordMalformed, "security object is malformed"), ""
	}
	if m.Type != oidLDS || !bytes.Equal(m.Content, s.content) {
		return failed(WordMalformed, "security object is ambiguous"), ""
	}
	if len(m.Signers) != 1 {
		return failed(WordSigners, "security object does not have exactly one signer"), ""
	}
	ds, err := m.Certificate(m.Signers[0])
	if errors.Is(err, cms.ErrSigner) {
		return notPossible(WordNoSigner, "security object does not hold its signer's certificate"), ""
	}
	if err != nil {
		return failed(WordMalformed, "signer's certificate is malformed"), ""
	}
	return signedBy(m, ds, read.State, anchors, now), ds.Subject.String()
}

// signedBy goes on once the signer is known.
func signedBy(m *cms.Message, ds *cert.Certificate, state string, anchors Anchors, now time.Time) eid.Check {
	if !forDocuments(ds) {
		return failed(WordUsage, "signer's certificate is not for signing documents")
	}
	if check := signature(m.Verify(m.Signers[0], ds)); check.State != eid.CheckOK {
		return check
	}
	chain, issuer := anchors.Chain(ds, now)
	if chain.State != eid.CheckOK {
		return chain
	}
	at := signingTime(m.Signers[0], ds, now)
	if at.State != eid.CheckOK {
		return at
	}
	// Any state's authority could sign any state's documents otherwise.
	if want, got := countryOf(state), issuer.Subject.Country(); want != "" && got != "" && want != got {
		return failed(WordState, "document is signed by another state than the one that it names")
	}
	return join(at, chain)
}

// forDocuments: Doc 9303-12 Table 6 wants digitalSignature and no extended key
// usage in a document signer; ICAO's own purposes are those of other signers of
// the same state (master lists, deviation lists, visible digital seals).
func forDocuments(ds *cert.Certificate) bool {
	if ds.KeyUsage != 0 && ds.KeyUsage&cert.DigitalSignature == 0 {
		return false
	}
	return !slices.ContainsFunc(ds.Purposes, func(oid string) bool { return strings.HasPrefix(oid, "2.23.136.1.1.") })
}

// signature says what came of checking the signed attributes and the signature.
func signature(err error) eid.Check {
	what, isUnsupported := errors.AsType[*cert.UnsupportedError](err)
	switch {
	case err == nil:
		return eid.Check{State: eid.CheckOK}
	case isUnsupported:
		return unsupported("signature of the security object", what)
	case errors.Is(err, cms.ErrAttributes):
		return failed(WordAttributes, "signed attributes do not name a hash list")
	case errors.Is(err, cms.ErrDigest):
		return failed(WordDigest, "hash list differs from the one that was signed")
	}
	return failed(WordSignature, "signature of the security object is wrong")
}

// signingTime judges the signer's validity when it signed, as it states in the
// signed attributes. A signer that states no time is judged now: its
// certificate must outlive the documents that it signs (Doc 9303-12 §4.2), so
// an expired one fits no document in force.
func signingTime(signer cms.Signer, ds *cert.Certificate, now time.Time) eid.Check {
	at, stated, err := signer.SigningTime()
	switch {
	case err != nil:
		return failed(WordAttributes, "signing time is malformed")
	case !stated && !ds.ValidAt(now):
		return failed(WordNotValid, "no signing time is stated and the signer's certificate is not valid now")
	case !stated:
		return eid.Check{State: eid.CheckOK, Word: WordNoSigningTime, Reason: "no signing time is stated: the signer's certificate was judged at the time of reading"}
	case !ds.ValidAt(at):
		return failed(WordNotValid, "signer's certificate was not valid at signing")
	case at.After(now.Add(skew)):
		return notPossible(WordClock, "signing time lies in the future: check the desk's clock")
	}
	return eid.Check{State: eid.CheckOK}
}

// join adds the reservations of checks that are ok.
func join(checks ...eid.Check) eid.Check {
	var words, reasons []string
	for _, c := range checks {
		if c.Word != "" {
			words, reasons = append(words, c.Word), append(reasons, c.Reason)
		}
	}
	return eid.Check{State: eid.CheckOK, Word: strings.Join(words, " "), Reason: strings.Join(reasons, "; ")}
}

func failed(word, reason string) eid.Check {
	return eid.Check{State: eid.CheckFailed, Word: word, Reason: reason}
}

func notPossible(word, reason string) eid.Check {
	return eid.Check{State: eid.CheckNotPossible, Word: word, Reason: reason}
}

func unsupported(where string, what *cert.UnsupportedError) eid.Check {
	return notPossible(WordUnsupported, where+": "+what.Error())
}
