package request

import (
	"bytes"
	"crypto"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"testing"
)

func centrals(t testing.TB, n int) (keys []hpke.PrivateKey) {
	t.Helper()
	for range n {
		k, err := SealKEM().GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

// TestRecipients opens one request with each of several central keys, of
// different suites too, and with no other.
func TestRecipients(t *testing.T) {
	device := vectorKey(t, "device")
	other, err := hpke.MLKEM1024P384().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	keys := append(centrals(t, maxRecipients-1), other)
	sealed, err := Seal(sealedTo(keys...), Signers{Device: device}, example())
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if body, _, err := Open(k, known(device), sealed); err != nil || body.Seq != 7 {
			t.Errorf("central key %d: %v", i+1, err)
		}
	}
	if _, _, err := Open(centrals(t, 1)[0], known(device), sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("a stranger's key: %v", err)
	}
	one, err := Seal(sealedTo(keys[0]), Signers{Device: device}, example())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Encode(example().by(Signers{Device: device}))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("overhead: %d bytes for one central key, %d for %d", len(one)-len(plain), len(sealed)-len(plain), len(keys))
	for name, to := range map[string][]hpke.PublicKey{"none": nil, "too many": sealedTo(centrals(t, maxRecipients+1)...)} {
		if _, err := SealBytes(to, example().ident(), []byte("x")); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
}

// TestSharesDoNotMove puts one request's recipients into another's header: the
// content key is bound to its request, and the header to the content.
func TestSharesDoNotMove(t *testing.T) {
	central := centrals(t, 1)[0]
	sealedAs := func(seq int64) ([]byte, header) {
		id := example().ident()
		id.Seq = seq
		sealed, err := SealBytes(sealedTo(central), id, []byte("signed message"))
		if err != nil {
			t.Fatal(err)
		}
		h, _, _, err := parse(sealed)
		if err != nil {
			t.Fatal(err)
		}
		return sealed, h
	}
	a, ha := sealedAs(1)
	_, hb := sealedAs(2)
	_, _, ciphertext, err := parse(a)
	if err != nil {
		t.Fatal(err)
	}
	with := func(h header) []byte {
		head, err := encMode.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		out := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(head)))
		return append(append(out, head...), ciphertext...)
	}
	if !bytes.Equal(with(ha), a) {
		t.Fatal("the header does not encode as it was")
	}
	swapped, renamed, recommitted := ha, ha, ha
	swapped.Recipients = hb.Recipients
	renamed.Seq = 2
	recommitted.Commitment = hb.Commitment
	for name, h := range map[string]header{"another's shares": swapped, "another number": renamed, "another commitment": recommitted} {
		if _, _, err := OpenBytes(central, with(h)); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// An envelope from the stock opens for the keys that it was made for, is used once,
// and never stands in for one to other keys.
func TestStock(t *testing.T) {
	key, old, now := vectorKey(t, "device"), vectorSealKey(t, vectorCentral), vectorSealKey(t, "central-2")
	by, keys := Signers{Device: key}, KnownKeys{Devices: []crypto.PublicKey{key.Public()}}
	var s Sealer
	seal := func(centrals ...hpke.PrivateKey) []byte {
		t.Helper()
		p, err := s.Prepare(sealedTo(centrals...), example().Request)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := p.Seal(by, example())
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	keysOf := func(centrals ...hpke.PrivateKey) func() ([]hpke.PublicKey, error) {
		return func() ([]hpke.PublicKey, error) { return sealedTo(centrals...), nil }
	}
	for i := range 3 {
		if made, err := s.Stock(keysOf(old), 2); err != nil || made != (i < 2) {
			t.Fatalf("Stock %d = %v, %v", i, made, err)
		}
	}
	a, b := seal(old), seal(old) // both from the stock
	if len(s.stock) != 0 {
		t.Fatalf("%d left in stock", len(s.stock))
	}
	if bytes.Equal(a[:200], b[:200]) {
		t.Fatal("one envelope was used twice")
	}
	for _, sealed := range [][]byte{a, b} {
		if _, _, err := Open(old, keys, sealed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stock(keysOf(old), 1); err != nil {
		t.Fatal(err)
	}
	for _, sealed := range [][]byte{seal(now), seal(old, now)} {
		if _, _, err := Open(now, keys, sealed); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := s.Stock(keysOf(), 1); err == nil || made {
		t.Fatal("stocked an envelope to nobody")
	}
}
