package genuine

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// script is a chip that answers by a function and records what it got.
type script struct {
	answer  func(cmd apdu.Command) (apdu.Response, error)
	sent    []apdu.Command
	session *sm.Session
}

func (s *script) Send(_ context.Context, cmd apdu.Command) (apdu.Response, error) {
	s.sent = append(s.sent, cmd)
	return s.answer(cmd)
}
func (s *script) Renew(session *sm.Session) { s.session = session }

func status(sw apdu.Status) func(apdu.Command) (apdu.Response, error) {
	return func(apdu.Command) (apdu.Response, error) { return apdu.Response{SW: sw}, nil }
}

// sign makes an ISO/IEC 9796-2 signature of scheme 1 over m1 and the challenge.
func sign(t testing.TB, k *rsa.PrivateKey, head, m1, challenge []byte, h crypto.Hash, trailer []byte) []byte {
	t.Helper()
	d := h.New()
	d.Write(m1)
	d.Write(challenge)
	f := append(bytes.Clone(head), m1...)
	f = append(d.Sum(f), trailer...)
	if len(f) != k.Size() {
		t.Fatalf("representative has %d bytes", len(f))
	}
	s := new(big.Int).Exp(new(big.Int).SetBytes(f), k.D, k.N)
	return s.FillBytes(make([]byte, k.Size()))
}

func dg15RSA(k *rsa.PrivateKey) []byte {
	integer := func(n *big.Int) []byte { return tlv.Append(nil, 2, append([]byte{0}, n.Bytes()...)) }
	key := tlv.Append(nil, 0x30, append(integer(k.N), integer(big.NewInt(int64(k.E)))...))
	algorithm := tlv.Append(nil, 0x30, append(tlv.Append(nil, 6, []byte(oidRSA)), 5, 0))
	return tlv.Append(nil, 0x6F, tlv.Append(nil, 0x30, append(algorithm, tlv.Append(nil, 3, append([]byte{0}, key...))...)))
}

func TestActiveRSA(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	challenge := []byte("8 bytes!")
	fill := func(n int) []byte { return bytes.Repeat([]byte{0x5A}, n) }
	minus := func(s []byte) []byte {
		return new(big.Int).Sub(k.N, new(big.Int).SetBytes(s)).FillBytes(make([]byte, len(s)))
	}
	sha1 := sign(t, k, []byte{0x6A}, fill(106), challenge, crypto.SHA1, []byte{0xBC})
	padded := append(append([]byte{0x6B}, bytes.Repeat([]byte{0xBB}, 10)...), 0xBA)
	for name, c := range map[string]struct {
		signature []byte
		ok        bool
	}{
		"SHA-1, trailer of one byte":     {sha1, true},
		"the smaller of s and n - s":     {minus(sha1), true},
		"SHA-1, trailer of two bytes":    {sign(t, k, []byte{0x6A}, fill(105), challenge, crypto.SHA1, []byte{0x33, 0xCC}), true},
		"SHA-224":                        {sign(t, k, []byte{0x6A}, fill(97), challenge, crypto.SHA224, []byte{0x38, 0xCC}), true},
		"SHA-256":                        {sign(t, k, []byte{0x6A}, fill(93), challenge, crypto.SHA256, []byte{0x34, 0xCC}), true},
		"SHA-384":                        {sign(t, k, []byte{0x6A}, fill(77), challenge, crypto.SHA384, []byte{0x36, 0xCC}), true},
		"SHA-512":                        {sign(t, k, []byte{0x6A}, fill(61), challenge, crypto.SHA512, []byte{0x35, 0xCC}), true},
		"shorter message, padded":        {sign(t, k, padded, fill(95), challenge, crypto.SHA1, []byte{0xBC}), true},
		"another challenge":              {sign(t, k, []byte{0x6A}, fill(106), []byte("8 other!"), crypto.SHA1, []byte{0xBC}), false},
		"full recovery":                  {sign(t, k, []byte{0x4A}, fill(106), challenge, crypto.SHA1, []byte{0xBC}), false},
		"padding without end":            {sign(t, k, []byte{0x6B, 0xBB, 0x11}, fill(104), challenge, crypto.SHA1, []byte{0xBC}), false},
		"hash that is not the trailer's": {sign(t, k, []byte{0x6A}, fill(93), challenge, crypto.SHA256, []byte{0x35, 0xCC}), false},
		"unknown hash":                   {sign(t, k, []byte{0x6A}, fill(105), challenge, crypto.SHA1, []byte{0x31, 0xCC}), false},
		"empty":                          {nil, false},
		"zero":                           {make([]byte, k.Size()), false},
		"modulus":                        {k.N.Bytes(), false},
		"cut short":                      {sha1[1:], false},
	} {
		card := &script{answer: func(cmd apdu.Command) (apdu.Response, error) {
			if cmd.INS != 0x88 || cmd.P1 != 0 || cmd.P2 != 0 || !bytes.Equal(cmd.Data, challenge) || cmd.Le != 128 {
				t.Errorf("sent %+v", cmd)
			}
			return apdu.Response{Data: c.signature, SW: apdu.OK}, nil
		}}
		check, err := Active(context.Background(), card, dg15RSA(k), secinfo.Infos{}, 256, bytes.NewReader(challenge))
		want := eid.CheckFailed
		if c.ok {
			want = eid.CheckOK
		}
		if err != nil || check.State != want || len(card.sent) != 1 {
			t.Errorf("%s: %+v %v", name, check, err)
		}
	}
}

func dg15EC(c *ec.Curve, q ec.Point) []byte {
	algorithm := tlv.Append(nil, 6, []byte("\x04\x00\x7F\x00\x07\x01\x02"))
	id := map[string]byte{"brainpoolP256r1": 13, "secp384r1": 15}[c.Name]
	algorithm = append(algorithm, 2, 1, id)
	spki := append(tlv.Append(nil, 0x30, algorithm), tlv.Append(nil, 3, append([]byte{0}, c.Encode(q)...))...)
	return tlv.Append(nil, 0x6F, tlv.Append(nil, 0x30, spki))
}

func TestActiveECDSA(t *testing.T) {
	challenge := []byte("8 bytes!")
	sha256 := []byte("\x04\x00\x7F\x00\x07\x01\x01\x04\x01\x03")
	for _, name := range []string{"brainpoolP256r1", "secp384r1"} {
		c := ec.ByName(name)
		d := big.NewInt(123456789)
		q := c.Multiply(d, c.G)
		sign := func(message []byte, h crypto.Hash) (r, s *big.Int) {
			k := big.NewInt(987654321)
			p := c.Multiply(k, c.G)
			r = new(big.Int).Mod(p.X, c.N)
			sum := h.New()
			sum.Write(message)
			e := new(big.Int).SetBytes(sum.Sum(nil))
			if extra := 8*h.Size() - c.N.BitLen(); extra > 0 {
				e.Rsh(e, uint(extra))
			}
			s = new(big.Int).Mul(r, d)
			s.Add(s, e).Mul(s, new(big.Int).ModInverse(k, c.N)).Mod(s, c.N)
			return r, s
		}
		plain := func(r, s *big.Int) []byte {
			n := (c.N.BitLen() + 7) / 8
			return append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...)
		}
		good := plain(sign(challenge, crypto.SHA256))
		r, s := sign(challenge, crypto.SHA256)
		integer := func(n *big.Int) []byte { return tlv.Append(nil, 2, append([]byte{0}, n.Bytes()...)) }
		der := tlv.Append(nil, 0x30, append(integer(r), integer(s)...))
		for what, x := range map[string]struct {
			signature, hash []byte
			ok              bool
		}{
			"plain":                     {good, sha256, true},
			"DER instead":               {der, sha256, true},
			"hash not named":            {good, nil, true},
			"SHA-1, not named":          {plain(sign(challenge, crypto.SHA1)), nil, true},
			"another hash than named":   {plain(sign(challenge, crypto.SHA1)), sha256, false},
			"another challenge":         {plain(sign([]byte("8 other!"), crypto.SHA256)), sha256, false},
			"zeros":                     {make([]byte, len(good)), sha256, false},
			"cut short":                 {good[:len(good)-1], sha256, false},
			"empty":                     {nil, sha256, false},
			"hash of X9.62, same value": {good, []byte("\x2A\x86\x48\xCE\x3D\x04\x03\x02"), true},
		} {
			card := &script{answer: func(apdu.Command) (apdu.Response, error) {
				return apdu.Response{Data: x.signature, SW: apdu.OK}, nil
			}}
			check, err := Active(context.Background(), card, dg15EC(c, q), secinfo.Infos{ActiveHash: x.hash}, 256, bytes.NewReader(challenge))
			if err != nil || (check.State == eid.CheckOK) != x.ok || check.State == eid.CheckNotPossible {
				t.Errorf("%s, %s: %+v %v", name, what, check, err)
			}
		}
	}
}

func TestActiveNotPossibleAndRefused(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := dg15RSA(k)
	for name, file := range map[string][]byte{"empty": nil, "another tag": tlv.Append(nil, 0x6E, nil), "no key": tlv.Append(nil, 0x6F, []byte{0x30, 0}), "cut": good[:len(good)-40], "DH key": tlv.Append(nil, 0x6F, []byte{0x30, 3, 2, 1, 0})} {
		check, err := Active(context.Background(), &script{}, file, secinfo.Infos{}, 256, rand.Reader)
		if err != nil || check.State != eid.CheckNotPossible || check.Word != WordUnsupported {
			t.Errorf("%s: %+v %v", name, check, err)
		}
	}
	check, err := Active(context.Background(), &script{answer: status(0x6982)}, good, secinfo.Infos{}, 256, rand.Reader)
	if err != nil || check.State != eid.CheckFailed || check.Word != WordRefused || !strings.Contains(check.Reason, "6982") {
		t.Errorf("%+v %v", check, err)
	}
	check, err = Active(context.Background(), &script{answer: status(0x6700)}, good, secinfo.Infos{}, 127, rand.Reader)
	if err != nil || check.State != eid.CheckNotPossible || check.Word != WordTooLong {
		t.Errorf("%+v %v", check, err)
	}
	gone := errors.New("card is gone")
	_, err = Active(context.Background(), &script{answer: func(apdu.Command) (apdu.Response, error) { return apdu.Response{}, gone }}, good, secinfo.Infos{}, 256, rand.Reader)
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}

// chipKey makes a ChipAuthenticationPublicKeyInfo of a standardised group.
func chipKey(t testing.TB, group int, id ...byte) (secinfo.PublicKey, *big.Int, agree.Group) {
	t.Helper()
	g, err := agree.Standard(group)
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := g.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, curve := g.(agree.ECDH)
	if !curve {
		public = tlv.Append(nil, 2, append([]byte{0}, public...))
	}
	algorithm := append(tlv.Append(nil, 6, []byte("\x04\x00\x7F\x00\x07\x01\x02")), 2, 1, byte(group))
	spki := append(tlv.Append(nil, 0x30, algorithm), tlv.Append(nil, 3, append([]byte{0}, public...))...)
	return secinfo.PublicKey{Field: !curve, SPKI: tlv.Append(nil, 0x30, spki), KeyID: id}, private, g
}

func chipInfo(field bool, c sm.Algorithm, id ...byte) secinfo.ChipAuthentication {
	arm := byte(2)
	if field {
		arm = 1
	}
	return secinfo.ChipAuthentication{OID: append([]byte("\x04\x00\x7F\x00\x07\x02\x02\x03"), arm, byte(c)), Field: field, Cipher: c, KeyID: id}
}

// What is sent, to the byte that the standard leaves no choice in.
func TestChipCommands(t *testing.T) {
	curve, _, _ := chipKey(t, 13)
	curve7, _, _ := chipKey(t, 12, 7)
	field, _, _ := chipKey(t, 2, 9)
	refuseKAT := func(cmd apdu.Command) (apdu.Response, error) {
		if cmd.P2 == 0xA6 {
			return apdu.Response{SW: apdu.INSNotSupported}, nil
		}
		return apdu.Response{SW: apdu.OK}, nil
	}
	for name, c := range map[string]struct {
		infos  secinfo.Infos
		answer func(apdu.Command) (apdu.Response, error)
		sent   []string // INS P1 P2 and the tags of the data
		cipher sm.Algorithm
	}{
		"AES":                       {secinfo.Infos{Keys: []secinfo.PublicKey{curve}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.AES128)}}, status(apdu.OK), []string{"22 41A4 80", "86 0000 7C"}, sm.AES128},
		"AES before 3DES":           {secinfo.Infos{Keys: []secinfo.PublicKey{curve}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.TDES), chipInfo(false, sm.AES256)}}, status(apdu.OK), []string{"22 41A4 80", "86 0000 7C"}, sm.AES256},
		"3DES":                      {secinfo.Infos{Keys: []secinfo.PublicKey{curve}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.TDES)}}, status(apdu.OK), []string{"22 41A6 91"}, sm.TDES},
		"3DES without its info":     {secinfo.Infos{Keys: []secinfo.PublicKey{curve}}, status(apdu.OK), []string{"22 41A6 91"}, sm.TDES},
		"3DES, MSE:Set KAT refused": {secinfo.Infos{Keys: []secinfo.PublicKey{curve}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.TDES)}}, refuseKAT, []string{"22 41A6 91", "22 41A4 80", "86 0000 7C"}, sm.TDES},
		"two keys":                  {secinfo.Infos{Keys: []secinfo.PublicKey{field, curve7}, Chip: []secinfo.ChipAuthentication{chipInfo(true, sm.AES128, 9), chipInfo(false, sm.AES128, 7)}}, status(apdu.OK), []string{"22 41A4 80 84", "86 0000 7C"}, sm.AES128},
		"one key that must be named": {secinfo.Infos{Keys: []secinfo.PublicKey{curve7}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.AES128, 7)}}, func(cmd apdu.Command) (apdu.Response, error) {
			if cmd.INS == 0x22 && !bytes.Contains(cmd.Data, []byte{0x84, 1, 7}) {
				return apdu.Response{SW: 0x6A88}, nil
			}
			return apdu.Response{SW: apdu.OK}, nil
		}, []string{"22 41A4 80", "22 41A4 80 84", "86 0000 7C"}, sm.AES128},
		"one key with identifier": {secinfo.Infos{Keys: []secinfo.PublicKey{field}, Chip: []secinfo.ChipAuthentication{chipInfo(true, sm.AES192, 9)}}, status(apdu.OK), []string{"22 41A4 80", "86 0000 7C"}, sm.AES192},
	} {
		card := &script{answer: c.answer}
		check, err := Chip(context.Background(), card, c.infos, rand.Reader)
		if err != nil || check.State != eid.CheckOK || card.session == nil || !strings.Contains(check.Reason, c.cipher.String()) {
			t.Errorf("%s: %+v %v", name, check, err)
		}
		var got []string
		for _, cmd := range card.sent {
			line := strings.ToUpper(hexOf(cmd.INS) + " " + hexOf(cmd.P1) + hexOf(cmd.P2))
			list, err := tlv.List(cmd.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				line += " " + strings.ToUpper(hexOf(byte(o.Tag)))
			}
			got = append(got, line)
		}
		if strings.Join(got, ", ") != strings.Join(c.sent, ", ") {
			t.Errorf("%s: sent %q", name, got)
		}
	}
}

func hexOf(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }

func TestChipNotPossibleAndRefused(t *testing.T) {
	key, _, _ := chipKey(t, 13)
	bad := secinfo.PublicKey{SPKI: []byte{0x30, 0}}
	for name, c := range map[string]struct {
		infos secinfo.Infos
		state eid.CheckState
		word  string
	}{
		"no key":         {secinfo.Infos{}, eid.CheckNotPossible, WordNoKey},
		"unknown key":    {secinfo.Infos{Keys: []secinfo.PublicKey{bad}}, eid.CheckNotPossible, WordUnsupported},
		"refused":        {secinfo.Infos{Keys: []secinfo.PublicKey{key}, Chip: []secinfo.ChipAuthentication{chipInfo(false, sm.AES128)}}, eid.CheckFailed, WordRefused},
		"of another key": {secinfo.Infos{Keys: []secinfo.PublicKey{key}, Chip: []secinfo.ChipAuthentication{chipInfo(true, sm.AES128)}}, eid.CheckNotPossible, WordUnsupported},
	} {
		card := &script{answer: status(0x6A80)}
		check, err := Chip(context.Background(), card, c.infos, rand.Reader)
		if err != nil || check.State != c.state || check.Word != c.word || card.session != nil {
			t.Errorf("%s: %+v %v", name, check, err)
		}
	}
}

func FuzzActive(f *testing.F) {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	c := ec.ByName("brainpoolP256r1")
	f.Add(dg15RSA(k), make([]byte, 128))
	f.Add(dg15EC(c, c.G), make([]byte, 64))
	f.Add([]byte{0x6F, 0x02, 0x30, 0x80}, []byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, dg15, signature []byte) {
		card := &script{answer: func(apdu.Command) (apdu.Response, error) {
			return apdu.Response{Data: signature, SW: apdu.OK}, nil
		}}
		challenge := []byte("never signed by anyone")
		if _, err := Active(context.Background(), card, dg15, secinfo.Infos{}, 256, bytes.NewReader(challenge)); err != nil {
			t.Fatal(err)
		}
	})
}
