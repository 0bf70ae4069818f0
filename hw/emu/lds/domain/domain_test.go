package domain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
)

// TestParameters checks what defines each group: the generator lies in it and
// has the stated prime order.
func TestParameters(t *testing.T) {
	ids := map[int]bool{}
	for _, g := range Groups() {
		ids[g.ID()] = true
		if !g.Order().ProbablyPrime(20) || !g.Prime().ProbablyPrime(10) {
			t.Errorf("%s: order or modulus is not prime", g.Name())
		}
		if e, err := g.Decode(g.Encode(g.Generator())); err != nil || !e.Equal(g.Generator()) {
			t.Errorf("%s: the generator is not an element: %v", g.Name(), err)
		}
		if !g.Neutral(g.Power(g.Generator(), g.Order())) {
			t.Errorf("%s: the generator has another order", g.Name())
		}
		if named, ok := ByName(g.Name()); !ok || named.ID() != g.ID() {
			t.Errorf("%s is not found by its name", g.Name())
		}
	}
	for _, id := range []int{0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18} {
		if !ids[id] {
			t.Errorf("group %d of Doc 9303-11 §9.5.1 is missing", id)
		}
	}
	if _, ok := ByName("secp256k1"); ok {
		t.Error("a curve that is not in the table is found")
	}
}

func TestAgreement(t *testing.T) {
	for _, g := range Groups() {
		var keys [2]*big.Int
		var public [2]Element
		for i := range keys {
			var err error
			if keys[i], err = PrivateKey(g, nil); err != nil {
				t.Fatal(err)
			}
			if public[i], err = g.Decode(g.Encode(g.Power(g.Generator(), keys[i]))); err != nil {
				t.Fatalf("%s: %v", g.Name(), err)
			}
		}
		a, b := g.Power(public[0], keys[1]), g.Power(public[1], keys[0])
		if !bytes.Equal(g.Secret(a), g.Secret(b)) {
			t.Errorf("%s: the two sides agree on different secrets", g.Name())
		}
		sum := new(big.Int).Add(keys[0], keys[1])
		if !g.Combine(public[0], public[1]).Equal(g.Power(g.Generator(), sum.Mod(sum, g.Order()))) {
			t.Errorf("%s: the operation does not add exponents", g.Name())
		}
	}
}

// TestMap is appendices H.1 and H.2 of Doc 9303-11.
func TestMap(t *testing.T) {
	p256, _ := ByName("brainpoolP256r1")
	e, err := p256.Map(hex("A2F8FF2DF50E52C6599F386ADCB595D229F6A167ADE2BE5F2C3296ADD5B7430E"))
	if err != nil || e.X.Cmp(hex("8E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427")) != 0 ||
		e.Y.Cmp(hex("4C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD")) != 0 {
		t.Errorf("brainpoolP256r1: %x, %x, %v", e.X, e.Y, err)
	}
	dh, _ := ByName("dh-0")
	e, err = dh.Map(hex("A0C7C50C002061A51CC87D254EF38068607417B6EE1B36473CFB800D2D2E5FA2" +
		"B6980F01105D24FAB22ACD1BFA5C8A4C093ECDFAFE6D7125D42A843E33860383" +
		"5CF19AFAFF75EFE21DC5F6AA1F9AE46C25087E7368166FB08C1E4627AFED7D93" +
		"570417B790FF7F747E57F432B04E1236819E0DFEF5B6E77CA4999925328182D2"))
	if err != nil || e.X.Cmp(hex("1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61"+
		"C276CDCC61D475CF03A98E0C0E79CAEBA5BE25578BD4551D0B10903236F0B0F9"+
		"76852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F"+
		"34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2")) != 0 {
		t.Errorf("dh-0: %x, %v", e.X, err)
	}
	for _, g := range Groups() { // either branch of the map
		for x := range int64(6) {
			e, err := g.Map(big.NewInt(x))
			if g.Name() == "secp224r1" || x <= 1 { // 0 and 1 have no image
				if err == nil {
					t.Errorf("%s maps %d", g.Name(), x)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: map %d: %v", g.Name(), x, err)
				continue
			}
			if _, err := g.Decode(g.Encode(e)); err != nil {
				t.Errorf("%s maps %d outside of the group", g.Name(), x)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, g := range Groups() {
		good := g.Encode(g.Generator())
		bad := [][]byte{nil, {0}, {1}, good[:len(good)-1], g.Prime().Bytes(), append(bytes.Clone(good), 0, 0, 0)}
		altered := bytes.Clone(good)
		altered[len(altered)-1] ^= 1
		for _, b := range append(bad, altered) {
			if e, err := g.Decode(b); !errors.Is(err, ErrElement) {
				t.Errorf("%s: %x decodes to %v, %v", g.Name(), b, e, err)
			}
		}
	}
}

// TestSign lets the standard library verify, where it knows the curve.
func TestSign(t *testing.T) {
	for name, standard := range map[string]elliptic.Curve{
		"secp224r1": elliptic.P224(), "secp256r1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521(),
	} {
		g, _ := ByName(name)
		c := g.(*Curve)
		key, err := PrivateKey(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		point := c.Power(c.base, key)
		public, err := ecdsa.ParseUncompressedPublicKey(standard, c.Encode(point))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		digest := sha256.Sum256([]byte(name))
		der, err := c.SignDER(key, digest[:], nil)
		if err != nil || !ecdsa.VerifyASN1(public, digest[:], der) {
			t.Errorf("%s: the signature does not fit, %v", name, err)
		}
		plain, err := c.SignPlain(key, digest[:], nil)
		if err != nil || len(plain) != 2*c.nWidth ||
			!ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(plain[:c.nWidth]), new(big.Int).SetBytes(plain[c.nWidth:])) {
			t.Errorf("%s: the plain signature of %d bytes does not fit, %v", name, len(plain), err)
		}
	}
}

// TestStandardisedKeyInfo is the key of appendix I.1 of Doc 9303-11.
func TestStandardisedKeyInfo(t *testing.T) {
	g, _ := ByName("brainpoolP256r1")
	e := Element{
		hex("1872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8"),
		hex("84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F"),
	}
	got, err := StandardisedKeyInfo(g, e)
	want := hex("3052300C060704007F0007010202010D034200041872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC884D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F").Bytes()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v, want %x", got, err, want)
	}
}

// TestKeyInfo wants the PKCS #3 form for DH and explicit parameters for curves,
// which the standard library must not take for a named curve.
func TestKeyInfo(t *testing.T) {
	for _, g := range Groups() {
		der, err := KeyInfo(g, g.Generator())
		if err != nil {
			t.Fatalf("%s: %v", g.Name(), err)
		}
		if _, err := x509.ParsePKIXPublicKey(der); err == nil {
			t.Errorf("%s: the standard library reads it: the parameters are not explicit", g.Name())
		}
	}
}
