package request

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// signCMS returns the officer's detached CMS SignedData (RFC 5652 §5) over an
// encoded body: ECDSA with SHA-256, the certificate inside.
func signCMS(key Signer, certificate *x509.Certificate, body []byte) ([]byte, error) {
	if key.Algorithm() != ES256 {
		// The CMS library signs with RSA in PKCS #1 v1.5 only, which the circular
		// does not name.
		return nil, fmt.Errorf("CMS signature: %s is not supported, want %s", key.Algorithm(), ES256)
	}
	mine, err := KeyID(key.Public())
	if err != nil {
		return nil, fmt.Errorf("CMS signature: %w", err)
	}
	if theirs, err := KeyID(certificate.PublicKey); err != nil || !bytes.Equal(mine, theirs) {
		return nil, errors.New("CMS signature: the certificate is for another key")
	}
	data, err := pkcs7.NewSignedData(body)
	if err != nil {
		return nil, fmt.Errorf("CMS signature: %w", err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := data.AddSigner(certificate, key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("CMS signature: %w", err)
	}
	data.Detach()
	der, err := data.Finish()
	if err != nil {
		return nil, fmt.Errorf("CMS signature: %w", err)
	}
	return der, nil
}

// VerifyCMS checks a detached CMS signature over an encoded body and returns the
// signer's certificate. Where roots is nil the certificate's own issuer is not
// checked. Errors: not CMS, another body, another key, an untrusted certificate.
func VerifyCMS(der, body []byte, roots *x509.CertPool) (*x509.Certificate, error) {
	const op = "verify CMS signature"
	if len(der) > maxCMS {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", op, len(der), maxCMS)
	}
	// The library reads BER; only DER is admitted, one SEQUENCE and nothing after.
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%s: not one DER value", op)
	}
	data, err := pkcs7.Parse(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if len(data.Content) > 0 || len(data.Signers) != 1 {
		return nil, fmt.Errorf("%s: want one signer and detached content", op)
	}
	data.Content = body
	if roots == nil {
		err = data.Verify()
	} else {
		err = data.VerifyWithChain(roots)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	signer := data.GetOnlySigner()
	if signer == nil {
		return nil, fmt.Errorf("%s: the signer's certificate is missing", op)
	}
	return signer, nil
}
