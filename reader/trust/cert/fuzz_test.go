package cert

import (
	"bytes"
	"testing"
	"time"
)

// The corpora under testdata/fuzz hold certificates and lists that OpenSSL made.

// FuzzCertificate: nothing panics, and what parses has content. Only signatures
// under small keys are verified: instrumented, others would take all the time.
func FuzzCertificate(f *testing.F) {
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Raw, b) || len(c.Serial) == 0 || c.Key.String() == "" {
			t.Fatalf("certificate without content: %+v", c)
		}
		_, _, _ = c.Subject.String(), c.Issuer.Canonical(), c.ValidAt(time.Now())
		if c.Key.rsa != nil && c.Key.rsa.N.BitLen() <= 1024 && c.SignedBy(c) == nil {
			changed := bytes.Clone(b)
			changed[bytes.Index(b, c.rawTBS)+len(c.rawTBS)-1] ^= 1
			if d, err := Parse(changed); err == nil && d.SignedBy(c) == nil {
				t.Fatal("a changed certificate verifies")
			}
		}
	})
}

// FuzzCRL: nothing panics, and the list holds no more than its bytes can.
func FuzzCRL(f *testing.F) {
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseCRL(b)
		if err != nil {
			return
		}
		if l.Len() > len(b)/10 || l.unknown != "" {
			t.Fatalf("%d revoked in %d bytes", l.Len(), len(b))
		}
		_ = l.SignedBy(&Certificate{})
	})
}
