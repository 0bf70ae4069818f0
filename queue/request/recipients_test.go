package request

import (
	"bytes"
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
