package agree

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"os/exec"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The parameters of every standardised group are consistent.
func TestStandard(t *testing.T) {
	found := 0
	for id := -1; id < 40; id++ {
		g, err := Standard(id)
		if err != nil {
			continue
		}
		found++
		if !Standardised(g) || g.Name() == "" || !g.Modulus().ProbablyPrime(8) {
			t.Errorf("%d: %s", id, g.Name())
		}
		if d, ok := g.(DH); ok {
			r := new(big.Int).Sub(d.P, one)
			if !d.Q.ProbablyPrime(8) || r.Mod(r, d.Q).Sign() != 0 || new(big.Int).Exp(d.G, d.Q, d.P).Cmp(one) != 0 {
				t.Errorf("%d: order of the generator is wrong", id)
			}
		}
		if e, ok := g.(ECDH); ok && (!e.Curve.On(e.Curve.G) || !e.Curve.Multiply(e.Curve.N, e.Curve.G).Infinite()) {
			t.Errorf("%d: order of the base point is wrong", id)
		}
	}
	if found != 14 {
		t.Errorf("%d groups, want 14", found)
	}
}

func TestPeersAreValidated(t *testing.T) {
	curve, err := Standard(13)
	if err != nil {
		t.Fatal(err)
	}
	field, err := Standard(0)
	if err != nil {
		t.Fatal(err)
	}
	_, good, err := curve.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	off := bytes.Clone(good)
	off[40] ^= 1
	p := field.(DH).P
	for name, c := range map[string]struct {
		g    Group
		peer []byte
	}{
		"empty point":     {curve, nil},
		"infinity":        {curve, []byte{0}},
		"off the curve":   {curve, off},
		"compressed":      {curve, append([]byte{2}, good[1:33]...)},
		"cut short":       {curve, good[:64]},
		"empty number":    {field, nil},
		"one":             {field, []byte{1}},
		"minus one":       {field, new(big.Int).Sub(p, one).Bytes()},
		"the prime":       {field, p.Bytes()},
		"not in subgroup": {field, []byte{2}},
		"endless":         {field, make([]byte, 10000)},
	} {
		if _, err := c.g.Agree(big.NewInt(5), c.peer); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := c.g.MapGeneric([]byte{1}, big.NewInt(5), c.peer); err == nil {
			t.Errorf("%s: mapped", name)
		}
	}
}

// A generator of infinity or one would give the same key to everybody.
func TestMappedGeneratorIsNotNeutral(t *testing.T) {
	curve, err := Standard(12)
	if err != nil {
		t.Fatal(err)
	}
	c := curve.(ECDH).Curve
	// nonce·G + private·peer with peer = -nonce·G and private = 1
	peer := c.Encode(c.Negate(c.Multiply(big.NewInt(7), c.G)))
	if _, err := curve.MapGeneric([]byte{7}, big.NewInt(1), peer); err == nil {
		t.Error("infinity was accepted")
	}
	field, err := Standard(0)
	if err != nil {
		t.Fatal(err)
	}
	d := field.(DH)
	inverse := new(big.Int).ModInverse(new(big.Int).Exp(d.G, big.NewInt(7), d.P), d.P)
	if _, err := d.MapGeneric([]byte{7}, big.NewInt(1), inverse.Bytes()); err == nil {
		t.Error("one was accepted")
	}
	for _, u := range []*big.Int{new(big.Int), big.NewInt(1), new(big.Int).Sub(c.P, one)} {
		if _, err := curve.MapIntegrated(u); err == nil {
			t.Errorf("%s has an image", u)
		}
	}
	if _, err := (ECDH{ec.ByName("secp224r1")}).MapIntegrated(big.NewInt(5)); err == nil {
		t.Error("secp224r1 was used with the integrated mapping")
	}
}

// Every point of the integrated mapping lies on its curve, and both branches
// are taken.
func TestMapIntegrated(t *testing.T) {
	for _, c := range ec.Curves() {
		if c.Name == "secp224r1" {
			continue
		}
		for u := int64(2); u < 12; u++ {
			p, err := c.Map(big.NewInt(u))
			if err != nil || !c.On(p) {
				t.Errorf("%s, %d: %v", c.Name, u, err)
			}
		}
	}
}

// TestParsePublicKey reads keys as OpenSSL writes them: curves by name and by
// parameters, X9.42 and PKCS #3.
func TestParsePublicKey(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"named curve":        {[]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1", "-pkeyopt", "ec_param_enc:named_curve"}, "brainpoolP384r1"},
		"explicit brainpool": {[]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1", "-pkeyopt", "ec_param_enc:explicit"}, "brainpoolP256r1"},
		"explicit with seed": {[]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-pkeyopt", "ec_param_enc:explicit"}, "secp521r1"},
		"secp192r1":          {[]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime192v1", "-pkeyopt", "ec_param_enc:explicit"}, "secp192r1"},
		"X9.42":              {[]string{"-algorithm", "DHX", "-pkeyopt", "dh_rfc5114:1"}, "MODP-1024-160"},
		"X9.42, 2048 bits":   {[]string{"-algorithm", "DHX", "-pkeyopt", "dh_rfc5114:3"}, "MODP-2048-256"},
		"PKCS #3":            {[]string{"-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"}, "MODP"},
	} {
		private, err := exec.Command("openssl", append([]string{"genpkey"}, c.args...)...).Output()
		if err != nil {
			t.Errorf("%s: openssl: %v", name, err)
			continue
		}
		cmd := exec.Command("openssl", "pkey", "-pubout", "-outform", "DER")
		cmd.Stdin = bytes.NewReader(private)
		spki, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		g, public, err := ParsePublicKey(spki)
		if err != nil || g.Name() != c.want {
			t.Errorf("%s: %v", name, err)
			continue
		}
		k, own, err := g.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := g.Agree(k, public); err != nil || len(secret) < 20 || bytes.Equal(own, public) {
			t.Errorf("%s: %v", name, err)
		}
		for cut := range spki {
			if _, _, err := ParsePublicKey(spki[:cut]); err == nil {
				t.Errorf("%s: cut to %d bytes and accepted", name, cut)
			}
		}
	}
}

// Parameters that differ from the standardised ones in any number are refused:
// whoever chooses the generator knows the private key.
func TestForeignCurve(t *testing.T) {
	c := ec.ByName("brainpoolP256r1")
	spki := func(p, a, b, n *big.Int, g []byte) []byte {
		integer := func(n *big.Int) []byte { return tlv.Append(nil, 2, append([]byte{0}, n.Bytes()...)) }
		field := tlv.Append(nil, 0x30, append(tlv.Append(nil, 6, []byte(oidPrime)), integer(p)...))
		equation := tlv.Append(nil, 0x30, append(tlv.Append(nil, 4, a.Bytes()), tlv.Append(nil, 4, b.Bytes())...))
		body := append([]byte{2, 1, 1}, field...)
		body = append(append(body, equation...), tlv.Append(nil, 4, g)...)
		body = append(body, integer(n)...)
		algorithm := append(tlv.Append(nil, 6, []byte(oidEC)), tlv.Append(nil, 0x30, body)...)
		out := append(tlv.Append(nil, 0x30, algorithm), tlv.Append(nil, 3, append([]byte{0}, c.Encode(c.G)...))...)
		return tlv.Append(nil, 0x30, out)
	}
	if g, _, err := ParsePublicKey(spki(c.P, c.A, c.B, c.N, c.Encode(c.G))); err != nil || g.Name() != c.Name {
		t.Fatal(err)
	}
	two := c.Encode(c.Multiply(big.NewInt(2), c.G))
	for name, b := range map[string][]byte{
		"p": spki(new(big.Int).Add(c.P, big.NewInt(2)), c.A, c.B, c.N, c.Encode(c.G)), "a": spki(c.P, one, c.B, c.N, c.Encode(c.G)),
		"b": spki(c.P, c.A, one, c.N, c.Encode(c.G)), "n": spki(c.P, c.A, c.B, c.P, c.Encode(c.G)), "generator": spki(c.P, c.A, c.B, c.N, two),
	} {
		if _, _, err := ParsePublicKey(b); err == nil {
			t.Errorf("another %s was accepted", name)
		}
	}
}

func TestProves(t *testing.T) {
	c := ECDH{ec.ByName("secp256r1")}
	static, public, err := c.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, mapping, err := c.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := new(big.Int).ModInverse(static, c.Curve.N)
	ca.Mul(ca, k).Mod(ca, c.Curve.N)
	if ok, err := c.Proves(ca.Bytes(), public, mapping); !ok || err != nil {
		t.Error(err)
	}
	if ok, _ := c.Proves(ca.Bytes(), mapping, public); ok {
		t.Error("keys exchanged and accepted")
	}
	for _, data := range [][]byte{nil, {0}, c.Curve.N.Bytes()} {
		if ok, err := c.Proves(data, public, mapping); ok || err == nil {
			t.Errorf("%X: %v", data, err)
		}
	}
}

// The source of random numbers is used as it is, and a broken one is noticed.
func TestScalar(t *testing.T) {
	k, err := scalar(bytes.NewReader([]byte{0xFF, 0x00, 0x12, 0x34}), big.NewInt(0x1235))
	if err != nil || k.Int64() != 0x1234 {
		t.Error(k, err)
	}
	if _, err := scalar(bytes.NewReader(nil), big.NewInt(100)); err == nil {
		t.Error("no error")
	}
	if _, err := scalar(zeros{}, big.NewInt(100)); err == nil {
		t.Error("zeros were accepted")
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func FuzzParsePublicKey(f *testing.F) {
	f.Add(unhex(f, "3052300C060704007F0007010202010D03420004187270949439 9E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC884D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F"))
	f.Add(unhex(f, "3019301306072A8648CE3D020106082A8648CE3D030107030200FF"))
	f.Add(unhex(f, "30153010060 72A8648CE3E020130050201050201030301FF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, public, err := ParsePublicKey(b)
		if err != nil {
			return
		}
		g.Agree(big.NewInt(3), public) // must not panic
	})
}
