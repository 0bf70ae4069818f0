package pa

import (
	"bytes"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

// Anchors finds the country signing certificates that may have issued a
// document signer's certificate.
type Anchors interface {
	IssuersOf(signer *x509.Certificate) []*x509.Certificate
}

// Verify checks the hashes of the data groups read (hashes made with s.Hash(),
// by number), the signature and the signer's certificate. now stands in for a
// signing time where the signer left it out. The check is ok only when all of
// it was done and held; what this program cannot verify is not_possible.
// signer is the document signer's subject, empty when it cannot be read.
func (s *SecurityObject) Verify(groups map[int][]byte, anchors Anchors, now time.Time) (check eid.Check, signer string) {
	// Hashes come first: a changed file is a failure whoever signed the list.
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		switch want := s.groups[n]; {
		case want == nil:
			return failed(fmt.Sprintf("DG%d is not in the security object", n)), ""
		case subtle.ConstantTimeCompare(want, groups[n]) != 1:
			return failed(fmt.Sprintf("hash of DG%d differs from the security object", n)), ""
		}
	}
	p7, err := pkcs7.Parse(s.cms)
	if err != nil {
		if reason := s.unsupported(); reason != "" {
			return notPossible(reason), ""
		}
		return failed("security object is malformed"), ""
	}
	ds := p7.GetOnlySigner()
	if ds == nil {
		return failed("security object does not hold exactly one signer with its certificate"), ""
	}
	signer = ds.Subject.String()
	if check = s.signature(p7, ds, now); check.State != eid.CheckOK {
		return check, signer
	}
	return chain(ds, anchors), signer
}

// signature checks the CMS signature (RFC 5652 §5.4, Doc 9303-10 §4.6.2.2).
func (s *SecurityObject) signature(p7 *pkcs7.PKCS7, ds *x509.Certificate, now time.Time) eid.Check {
	if !bytes.Equal(p7.Content, s.content) {
		return failed("security object is ambiguous")
	}
	// Without signed attributes, or with those of another content type, bytes
	// signed for another purpose could pass for a hash list.
	var kind asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &kind); err != nil || !kind.Equal(oidLDS) {
		return failed("signed attributes do not name a hash list")
	}
	if ds.KeyUsage != 0 && ds.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return failed("signer's certificate is not for signatures")
	}
	if !supported(p7.Signers[0].DigestEncryptionAlgorithm.Algorithm) {
		return notPossible("signature algorithm of the security object is not supported yet")
	}
	if err := p7.Verify(); err != nil {
		if _, ok := errors.AsType[*pkcs7.SigningTimeNotValidError](err); ok {
			return failed("signer's certificate was not valid at signing")
		}
		if errors.Is(err, pkcs7.ErrUnsupportedAlgorithm) {
			return notPossible("digest algorithm of the security object is not supported yet")
		}
		return failed("signature of the security object is wrong")
	}
	var signed time.Time
	if err := p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &signed); err != nil {
		if now.Before(ds.NotBefore) || now.After(ds.NotAfter) {
			return failed("signer's certificate is not valid")
		}
	}
	return eid.Check{State: eid.CheckOK}
}

// chain checks the signer's certificate against the trust store. Document
// signers are issued by the country signing authority itself, and validity is
// judged when the certificate was issued (Doc 9303-12 §7.1).
func chain(ds *x509.Certificate, anchors Anchors) eid.Check {
	issuers := anchors.IssuersOf(ds)
	if len(issuers) == 0 {
		return notPossible("no CSCA certificate of the issuer in the trust store")
	}
	if ds.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return notPossible("signature algorithm of the signer's certificate is not supported yet")
	}
	for _, ca := range issuers {
		if ca.CheckSignature(ds.SignatureAlgorithm, ds.RawTBSCertificate, ds.Signature) != nil {
			continue
		}
		if ds.NotBefore.Before(ca.NotBefore) || ds.NotBefore.After(ca.NotAfter) {
			return failed("CSCA certificate was not valid when it issued the signer's certificate")
		}
		return eid.Check{State: eid.CheckOK}
	}
	return failed("signer's certificate was not issued by the CSCA that it names")
}

// supported lists the signature algorithms that pkcs7 verifies.
func supported(oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc([]asn1.ObjectIdentifier{
		pkcs7.OIDDigestAlgorithmECDSASHA1, pkcs7.OIDDigestAlgorithmECDSASHA256,
		pkcs7.OIDDigestAlgorithmECDSASHA384, pkcs7.OIDDigestAlgorithmECDSASHA512,
		pkcs7.OIDEncryptionAlgorithmRSA, pkcs7.OIDEncryptionAlgorithmRSASHA1,
		pkcs7.OIDEncryptionAlgorithmRSASHA256, pkcs7.OIDEncryptionAlgorithmRSASHA384,
		pkcs7.OIDEncryptionAlgorithmRSASHA512,
	}, oid.Equal)
}

// Object identifiers (content bytes) whose certificates Go cannot parse.
var unsupportedOIDs = map[string]string{
	"\x2B\x24\x03\x03\x02\x08\x01\x01": "signer's key is on a brainpool curve, not supported yet",
	"\x2A\x86\x48\xCE\x3D\x01\x01":     "signer's key has explicit curve parameters, not supported yet",
}

// unsupported looks for a reason why pkcs7 could not read the certificates.
func (s *SecurityObject) unsupported() (reason string) {
	var walk func(b []byte, depth int)
	walk = func(b []byte, depth int) {
		for len(b) > 0 && depth < 16 && reason == "" {
			o, rest, err := tlv.Next(b)
			if err != nil {
				return
			}
			b = rest
			switch {
			case o.Tag == 0x06:
				// brainpool curves differ in the last byte only
				reason = unsupportedOIDs[string(o.Value)]
				if n := len(o.Value); reason == "" && n == 9 {
					reason = unsupportedOIDs[string(o.Value[:n-1])]
				}
			case o.Constructed():
				walk(o.Value, depth+1)
			}
		}
	}
	walk(s.cms, 0)
	return reason
}

func failed(reason string) eid.Check { return eid.Check{State: eid.CheckFailed, Reason: reason} }

func notPossible(reason string) eid.Check {
	return eid.Check{State: eid.CheckNotPossible, Reason: reason}
}
