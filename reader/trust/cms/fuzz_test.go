package cms

import (
	"testing"

	"github.com/enrold/enrold/reader/trust/cert"
)

// FuzzMessage: nothing panics whatever a signed message holds. The corpus under
// testdata/fuzz holds a security object and a master list that OpenSSL signed.
func FuzzMessage(f *testing.F) {
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if len(m.Signers) > maxSigners || len(m.Certificates) > maxCertificates {
			t.Fatal("bounds are not kept")
		}
		for _, s := range m.Signers {
			_, _, _ = s.SigningTime()
			if m.Verify(s, &cert.Certificate{}) == nil {
				t.Fatal("verifies without a key")
			}
			if c, err := m.Certificate(s); err == nil && c == nil {
				t.Fatal("no certificate and no error")
			}
		}
	})
}
