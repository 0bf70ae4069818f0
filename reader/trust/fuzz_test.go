package trust

import (
	"testing"
	"time"
)

// FuzzMasterList: nothing panics, whatever is signed. Signatures are left out:
// instrumented, they would take all the time; TestMasterListRefusals has them.
func FuzzMasterList(f *testing.F) {
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, m, err := readMasterList(b)
		if err != nil {
			return
		}
		if m.Type != oidMasterList || len(l.Certificates) == 0 || len(l.Certificates) > len(b) {
			t.Fatal("list without content")
		}
		l.Signer = l.Certificates[0]
		if l.trustedBy(&Store{}) == nil {
			t.Fatal("trusted by nobody")
		}
	})
}

// FuzzFile: what a folder may hold, PEM or DER; and LDIF downloads.
func FuzzFile(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("dn: x\npkdMasterListContent:: MAA\n =\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if parts, err := Split(b); err == nil && len(parts) == 0 {
			t.Fatal("nothing and no error")
		}
		parsed, err := parseFile(b)
		if err != nil {
			return
		}
		parsed.name, parsed.changed = "x.pem", time.Now()
		s, err := build([]file{parsed}, true)
		if err == nil && len(s.Sources()) == 0 {
			t.Fatal("a file without content is no error")
		}
	})
}
