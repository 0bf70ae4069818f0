package pace

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// peer is a chip's side of PACE, just enough to run every combination against.
// The emulated cards of hw/emu test this package from an independent reading of
// the standard.
type peer struct {
	t       testing.TB
	p       Protocol
	pw      Password
	static  *big.Int // key of chip authentication mapping
	nonce   []byte
	mapping *big.Int
	group   agree.Group
	suite   sm.Suite
	session *sm.Session
	theirs  []byte // the terminal's ephemeral key
	own     []byte
	change  func(step int, answer []byte) []byte // may be nil
	step    int
}

func (c *peer) Send(_ context.Context, cmd apdu.Command) (apdu.Response, error) {
	out, sw := c.process(cmd)
	if c.change != nil {
		b := c.change(c.step, append(bytes.Clone(out), byte(sw>>8), byte(sw)))
		r, err := apdu.ParseResponse(b)
		c.step++
		return r, err
	}
	c.step++
	return apdu.Response{Data: out, SW: sw}, nil
}

func (c *peer) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *peer) process(cmd apdu.Command) ([]byte, apdu.Status) {
	if cmd.INS == 0x22 {
		oid, err := tlv.Find(cmd.Data, 0x80)
		c.must(err)
		if !bytes.Equal(oid, c.p.Info.OID) {
			return nil, 0x6A80
		}
		return nil, apdu.OK
	}
	body, err := tlv.Find(cmd.Data, 0x7C)
	c.must(err)
	if last := cmd.CLA == 0; last != (c.step == 4) {
		c.t.Errorf("step %d has class %02X", c.step, cmd.CLA)
	}
	in, err := tlv.List(body)
	c.must(err)
	switch {
	case len(in) == 0:
		key := c.p.Info.Cipher.Derive(c.pw.secret, sm.Password)
		suite, err := sm.New(c.p.Info.Cipher, key, key)
		c.must(err)
		c.nonce = make([]byte, (c.p.Info.Cipher.KeySize()+15)/16*16)
		rand.Read(c.nonce)
		return dynamic(0x80, suite.EncryptCBC(c.nonce)), apdu.OK
	case in[0].Tag == 0x81:
		return c.mapNonce(in[0].Value), apdu.OK
	case in[0].Tag == 0x83:
		k, public, err := c.group.Generate(rand.Reader)
		c.must(err)
		secret, err := c.group.Agree(k, in[0].Value)
		c.must(err)
		c.session, c.suite, err = sm.FromSecret(c.p.Info.Cipher, secret)
		c.must(err)
		c.own, c.theirs = public, in[0].Value
		return dynamic(0x84, public), apdu.OK
	case in[0].Tag == 0x85:
		object := run{Protocol: c.p}
		if !bytes.Equal(in[0].Value, c.suite.Token(object.keyObject(c.own))) {
			return nil, 0x63C2
		}
		out := tlv.Append(nil, 0x86, c.suite.Token(object.keyObject(c.theirs)))
		if c.p.Info.Mapping == secinfo.ChipAuth {
			out = tlv.Append(out, 0x8A, c.proof())
		}
		return tlv.Append(nil, 0x7C, out), apdu.OK
	}
	return nil, 0x6A80
}

func dynamic(tag uint32, value []byte) []byte {
	return tlv.Append(nil, 0x7C, tlv.Append(nil, tag, value))
}

func (c *peer) mapNonce(data []byte) []byte {
	var err error
	if c.p.Info.Mapping == secinfo.Integrated {
		x, err := pseudoRandom(c.p.Info.Cipher, c.nonce, data, c.p.Group.Modulus())
		c.must(err)
		c.group, err = c.p.Group.MapIntegrated(x)
		c.must(err)
		return dynamic(0x82, nil)
	}
	k, public, err := c.p.Group.Generate(rand.Reader)
	c.must(err)
	c.mapping = k
	c.group, err = c.p.Group.MapGeneric(c.nonce, k, data)
	c.must(err)
	return dynamic(0x82, public)
}

// proof is the encrypted chip authentication data (§4.4.3.5.1).
func (c *peer) proof() []byte {
	n := c.p.Group.(agree.ECDH).Curve.N
	ca := new(big.Int).ModInverse(c.static, n)
	ca.Mul(ca, c.mapping).Mod(ca, n)
	plain := sm.Pad(ca.FillBytes(make([]byte, (n.BitLen()+7)/8)), c.suite.BlockSize())
	return c.suite.Encrypt(bytes.Repeat([]byte{0xFF}, c.suite.BlockSize()), plain)
}

// protocols are all combinations of Doc 9303-11 tables 2, 3 and 12.
func protocols(t testing.TB) []Protocol {
	t.Helper()
	var list []Protocol
	for _, id := range []int{0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18} {
		for arm := byte(1); arm <= 6; arm++ {
			for cipher := byte(1); cipher <= 4; cipher++ {
				oid := append([]byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04}, arm, cipher)
				info := tlv.Append(nil, 0x06, oid)
				info = append(info, 0x02, 1, 2, 0x02, 1, byte(id))
				infos, err := secinfo.Parse(tlv.Append(nil, 0x31, tlv.Append(nil, 0x30, info)))
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, Offered(infos)...)
			}
		}
	}
	return list
}

// The two sides agree for every combination and both passwords.
func TestEveryCombination(t *testing.T) {
	list := protocols(t)
	// 11 curves and 3 fields: GM and IM with 4 ciphers, without IM on secp224r1;
	// CAM with 3 ciphers on curves.
	if want := 11*4 + 10*4 + 11*3 + 3*8; len(list) != want {
		t.Fatalf("%d combinations, want %d", len(list), want)
	}
	for i, p := range list {
		if testing.Short() && i%7 != 0 {
			continue
		}
		pw := CAN("123456")
		if i%2 == 0 {
			pw = MRZ("T22000129364081251010318")
		}
		name := fmt.Sprintf("%s %s %s %s", p.Name(), p.Group.Name(), p.Info.Cipher, pw.Name())
		c := &peer{t: t, p: p, pw: pw}
		var public []byte
		if p.Info.Mapping == secinfo.ChipAuth {
			var err error
			if c.static, public, err = p.Group.Generate(rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Run(context.Background(), c, p, pw, rand.Reader)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, errA := r.Session.Protect(apdu.Command{INS: 0xB0, Le: 4})
		b, errB := c.session.Protect(apdu.Command{INS: 0xB0, Le: 4})
		if errA != nil || errB != nil || !bytes.Equal(a.Data, b.Data) {
			t.Errorf("%s: sessions differ", name)
		}
		if p.Info.Mapping != secinfo.ChipAuth {
			continue
		}
		if err := r.Proof.Verify(staticKey(p.Info.Parameter, public)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, other, err := p.Group.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Proof.Verify(staticKey(p.Info.Parameter, other)); err == nil || errors.Is(err, ErrNoKey) {
			t.Errorf("%s: another chip's key: %v", name, err)
		}
	}
}

// staticKey is a ChipAuthenticationPublicKeyInfo with standardised parameters.
func staticKey(id int, public []byte) []secinfo.PublicKey {
	algorithm := tlv.Append(nil, 0x06, []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x02})
	spki := tlv.Append(nil, 0x30, append(algorithm, 0x02, 1, byte(id)))
	spki = tlv.Append(spki, 0x03, append([]byte{0}, public...))
	return []secinfo.PublicKey{{SPKI: tlv.Append(nil, 0x30, spki), KeyID: []byte{byte(id)}}}
}

func TestRefusals(t *testing.T) {
	p := offered(t, "3012060A04007F0007020204020202010202010D")
	for _, c := range []struct {
		step             int
		sw               apdu.Status
		left             int // -1: not told
		blocked, wrongPW bool
	}{
		{0, 0x6D00, -1, false, false},
		{0, 0x6982, -1, false, false},
		{0, 0x63C0, 0, true, false},
		{0, 0x6983, -1, true, false},
		{1, 0x6983, -1, true, false},
		{1, 0x6985, -1, false, false},
		{2, 0x6A80, -1, false, false},
		{3, 0x6300, -1, false, false},
		{4, 0x6300, -1, false, true},
		{4, 0x63C1, 1, false, true},
		{4, 0x63C0, 0, true, true},
		{4, 0x6984, -1, true, true},
		{4, 0x6982, -1, false, true},
	} {
		card := &peer{t: t, p: p, pw: CAN("1"), change: func(step int, b []byte) []byte {
			if step == c.step {
				return []byte{byte(c.sw >> 8), byte(c.sw)}
			}
			return b
		}}
		_, err := Run(context.Background(), card, p, CAN("1"), rand.Reader)
		r, ok := errors.AsType[*Refusal](err)
		if !ok {
			t.Errorf("step %d, %s: %v", c.step, c.sw, err)
			continue
		}
		left, told := r.Left()
		if r.SW != c.sw || r.Blocked() != c.blocked || r.WrongPassword() != c.wrongPW || told != (c.left >= 0) || told && left != c.left {
			t.Errorf("step %d, %s: left %d %v, blocked %v, wrong %v", c.step, c.sw, left, told, r.Blocked(), r.WrongPassword())
		}
		if told && !strings.Contains(err.Error(), fmt.Sprintf("%d tries left", c.left)) {
			t.Error(err)
		}
	}
}

// A warning of MSE:Set AT does not stop the protocol, and one try fewer is left
// after a wrong password (TR-03110-3 B.11).
func TestWrongPasswordAfterWarning(t *testing.T) {
	p := offered(t, "3012060A04007F0007020204020202010202010D")
	for _, password := range []string{"right", "wrong"} {
		card := &peer{t: t, p: p, pw: CAN("right"), change: func(step int, b []byte) []byte {
			switch {
			case step == 0:
				return []byte{0x63, 0xC3}
			case step == 4 && len(b) == 2:
				return []byte{0x63, 0x00}
			}
			return b
		}}
		_, err := Run(context.Background(), card, p, CAN(password), rand.Reader)
		if password == "right" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		r, ok := errors.AsType[*Refusal](err)
		if !ok || !r.WrongPassword() {
			t.Fatal(err)
		}
		if left, told := r.Left(); !told || left != 2 {
			t.Errorf("%d tries left, %v", left, told)
		}
	}
}

// A chip that wants its only domain parameters named gets them named (tag 84).
func TestParametersNamedOnDemand(t *testing.T) {
	p := offered(t, "3012060A04007F0007020204020202010202010D")
	c := &picky{peer: &peer{t: t, p: p, pw: CAN("1")}}
	if _, err := Run(context.Background(), c, p, CAN("1"), rand.Reader); err != nil || c.refused != 1 {
		t.Error(c.refused, err)
	}
}

type picky struct {
	*peer
	refused int
}

func (c *picky) Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	if cmd.INS == 0x22 && !bytes.HasSuffix(cmd.Data, []byte{0x84, 1, 13}) {
		c.refused++
		return apdu.Response{SW: 0x6A88}, nil
	}
	return c.peer.Send(ctx, cmd)
}

// No changed bit of any answer gives a session.
func TestEveryChangedBitIsFound(t *testing.T) {
	for _, info := range []string{"3012060A04007F0007020204020202010202010D", "3012060A04007F00070202040402020102 02010D", "3012060A04007F00070202040602020102 02010D"} {
		p := offered(t, info)
		static, _, err := p.Group.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []struct{ step, byte int }{{1, 4}, {1, 15}, {2, 5}, {2, 40}, {3, 4}, {3, 30}, {3, 66}, {4, 4}, {4, 11}} {
			card := &peer{t: t, p: p, pw: CAN("1"), static: static, change: func(step int, b []byte) []byte {
				if step == at.step && len(b) > at.byte+2 {
					b[at.byte] ^= 0x10
				}
				return b
			}}
			if p.Info.Mapping == secinfo.Integrated && at.step == 2 {
				continue // the answer is empty
			}
			if _, err := Run(context.Background(), card, p, CAN("1"), rand.Reader); err == nil {
				t.Errorf("%s: byte %d of step %d was changed and accepted", p.Name(), at.byte, at.step)
			}
		}
	}
}

// A chip that sends the terminal's keys back would make a session without
// knowing the password's nonce (§4.4.1).
func TestReflectedKey(t *testing.T) {
	p := offered(t, "3012060A04007F0007020204020202010202010D")
	for step := 2; step <= 3; step++ {
		mirror := &reflector{peer: &peer{t: t, p: p, pw: CAN("1")}, at: step}
		if _, err := Run(context.Background(), mirror, p, CAN("1"), rand.Reader); err == nil || !strings.Contains(err.Error(), "own key") {
			t.Errorf("step %d: %v", step, err)
		}
	}
}

type reflector struct {
	*peer
	at int
}

func (r *reflector) Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error) {
	if r.step == r.at {
		b := bytes.Clone(cmd.Data)
		b[2]++
		return apdu.Response{Data: b, SW: apdu.OK}, nil
	}
	return r.peer.Send(ctx, cmd)
}
