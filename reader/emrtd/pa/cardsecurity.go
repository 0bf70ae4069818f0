package pa

import (
	"errors"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust/cert"
	"github.com/enrold/enrold/reader/trust/cms"
)

// oidSecurityObject is id-SecurityObject (TR-03110-3 A.1.2.5): SecurityInfos, signed.
const oidSecurityObject = "0.4.0.127.0.7.3.2.1"

// CardSecurity verifies EF.CardSecurity (Doc 9303-11 §9.2.11) as Verify does
// with EF.SOD: signature, signer, validity, revocation. content is the DER of the
// SecurityInfos that it encloses, to be believed only when the check is ok.
func CardSecurity(file []byte, state string, anchors Anchors, now time.Time) (content []byte, check eid.Check) {
	if len(file) > maxSOD {
		return nil, failed(WordMalformed, "EF.CardSecurity is too large")
	}
	m, err := cms.Parse(file)
	if what, ok := errors.AsType[*cert.UnsupportedError](err); ok {
		return nil, unsupported("EF.CardSecurity", what)
	}
	if err != nil || m.Type != oidSecurityObject {
		return nil, failed(WordMalformed, "EF.CardSecurity is malformed")
	}
	if len(m.Signers) != 1 {
		return nil, failed(WordSigners, "EF.CardSecurity does not have exactly one signer")
	}
	ds, err := m.Certificate(m.Signers[0])
	if errors.Is(err, cms.ErrSigner) {
		return nil, notPossible(WordNoSigner, "EF.CardSecurity does not hold its signer's certificate")
	}
	if err != nil {
		return nil, failed(WordMalformed, "signer's certificate is malformed")
	}
	return m.Content, signedBy(m, ds, state, anchors, now)
}
