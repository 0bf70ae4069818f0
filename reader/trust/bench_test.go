package trust_test

import (
	"testing"

	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/reader/trust/cert"
)

// BenchmarkLoad reads a folder with one master list of 400 certificates on
// brainpool curves, about what the states publish together.
func BenchmarkLoad(b *testing.B) {
	a := newAuthority(b)
	root := a.state("home", "UT", "State")
	a.key("mls", "brainpoolP256r1")
	a.issue("mls", "home", "/C=UT/CN=Master list signer", "mls", "7")
	var list []*cert.Certificate
	for range 400 {
		list = append(list, root)
	}
	dir := b.TempDir()
	if _, err := trust.Import(dir, a.masterList("mls", "home", list...), confirm(root)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := trust.Load(dir, true); err != nil {
			b.Fatal(err)
		}
	}
}
