package pa

import (
	"testing"
	"time"
)

// BenchmarkVerify is one passive authentication: two signatures and the hashes'
// comparison, without reading the trust folder.
func BenchmarkVerify(b *testing.B) {
	a := newAuthority(b)
	for _, alg := range algorithms() {
		switch alg.name {
		case "prime256v1 named_curve sha256", "brainpoolP256r1 explicit sha256", "brainpoolP512r1 explicit sha512", "RSA sha256":
		default:
			continue
		}
		a.chain(alg)
		file, s := a.sod(alg, documentGroups), a.store("csca.crt")
		b.Run(alg.name, func(b *testing.B) {
			for b.Loop() {
				verify(b, file, documentGroups, s, time.Now())
			}
		})
	}
}
