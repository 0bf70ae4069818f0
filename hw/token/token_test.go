package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/enrold/enrold/hw/emu/softtoken"
	"github.com/enrold/enrold/internal/eid"
)

const (
	label = "officer token"
	pin   = "246810"
	key   = "enrold-officer"
)

// plugIn makes a token of SoftHSM and says where.
func plugIn(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv(softtoken.Env, softtoken.Config(dir))
	if err := softtoken.Create(dir, label, pin); errors.Is(err, softtoken.ErrMissing) {
		t.Skip("SoftHSM is not installed: run `make setup`")
	} else if err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, module string) *Token {
	t.Helper()
	tok := New(Options{Module: module, Token: label, Label: key})
	t.Cleanup(func() {
		if err := tok.Logout(); err != nil {
			t.Error(err)
		}
	})
	return tok
}

var digest = func() []byte { d := sha256.Sum256([]byte("request")); return d[:] }()

func verify(t testing.TB, pub crypto.PublicKey, sig []byte) {
	t.Helper()
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(k, digest, sig) {
			t.Fatal("signature does not verify")
		}
	case *rsa.PublicKey:
		if err := rsa.VerifyPSS(k, crypto.SHA256, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("a %T", pub)
	}
}

func TestShift(t *testing.T) {
	for _, alg := range []Algorithm{ES256, PS256} {
		t.Run(string(alg), func(t *testing.T) {
			plugIn(t)
			tok := open(t, softtoken.Module())
			s, err := tok.State()
			if err != nil || s.LoggedIn || s.PIN != PINFine || s.Label != label || s.Serial == "" || s.Key != nil {
				t.Fatalf("at first: %+v, %v", s, err)
			}
			if _, err := tok.Sign(rand.Reader, digest); eid.CodeOf(err) != eid.CodePINNeeded {
				t.Fatalf("locked: %v", err)
			}
			if _, err := tok.Login(pin, false); eid.CodeOf(err) != eid.CodeTokenKey {
				t.Fatalf("without a key: %v", err)
			}
			made, err := tok.CreateKey(alg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tok.CreateKey(alg); eid.CodeOf(err) != eid.CodeTokenKey {
				t.Fatalf("a second key: %v", err)
			}
			if err := tok.Logout(); err != nil {
				t.Fatal(err)
			}
			s, err = tok.Login(pin, false)
			if err != nil || !s.LoggedIn {
				t.Fatalf("unlocked: %+v, %v", s, err)
			}
			pub, err := x509.ParsePKIXPublicKey(s.Key)
			if err != nil || !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(made) {
				t.Fatalf("another key: %v", err)
			}
			for range 5 {
				sig, err := tok.Sign(rand.Reader, digest)
				if err != nil {
					t.Fatal(err)
				}
				verify(t, made, sig)
			}
			if got, err := AlgorithmOf(pub); err != nil || got != alg {
				t.Fatalf("algorithm %q, %v", got, err)
			}
			if err := tok.Logout(); err != nil {
				t.Fatal(err)
			}
			if _, err := tok.Sign(rand.Reader, digest); eid.CodeOf(err) != eid.CodePINNeeded {
				t.Fatalf("after the shift: %v", err)
			}
			if s, err := tok.State(); err != nil || s.LoggedIn || s.Key != nil {
				t.Fatalf("after the shift: %+v, %v", s, err)
			}
		})
	}
}

func TestWrongPINIsToldBySoftHSM(t *testing.T) {
	plugIn(t)
	tok := open(t, softtoken.Module())
	// SoftHSM tells that a wrong PIN was entered, and counts no further.
	for range 4 {
		if s, err := tok.Login("000000", false); eid.CodeOf(err) != eid.CodePINLow || s.PIN != PINLow {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if _, err := tok.Login(pin, false); eid.CodeOf(err) != eid.CodeTokenKey {
		t.Fatal(err)
	}
	if s, err := tok.State(); err != nil || s.PIN != PINFine {
		t.Fatalf("after the right one: %+v, %v", s, err)
	}
}

// TestLockout goes down to the last try and over it.
func TestLockout(t *testing.T) {
	dir := plugIn(t)
	module, err := softtoken.Limited(dir)
	if err != nil {
		t.Fatal(err)
	}
	tok := open(t, module)
	try := func(p string, last bool, code eid.Code, want PIN) {
		t.Helper()
		s, err := tok.Login(p, last)
		if eid.CodeOf(err) != code || s.PIN != want {
			t.Fatalf("%s, %+v: want %s, %s", err, s, code, want)
		}
		if strings.Contains(err.Error(), p) {
			t.Fatal("the PIN is in the error")
		}
	}
	try("000001", false, eid.CodePINLow, PINLow)
	try("000002", false, eid.CodePINFinal, PINFinal)
	// The last try is made by an officer who knows, and by nobody else.
	try("000003", false, eid.CodePINFinal, PINFinal)
	try("000003", true, eid.CodePINLocked, PINLocked)
	try(pin, true, eid.CodePINLocked, PINLocked)
	if err := os.Remove(filepath.Join(dir, "wrong")); err != nil { // the issuer unlocks it
		t.Fatal(err)
	}
	try(pin, false, eid.CodeTokenKey, PINFine)
	if _, err := tok.CreateKey(ES256); err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Sign(rand.Reader, digest); err != nil {
		t.Fatal(err)
	}
}

func TestAbsent(t *testing.T) {
	dir := plugIn(t)
	for name, o := range map[string]Options{
		"library": {Module: filepath.Join(dir, "none.so"), Token: label, Label: key},
		"token":   {Module: softtoken.Module(), Token: "another", Label: key},
	} {
		tok := New(o)
		_, stateErr := tok.State()
		_, loginErr := tok.Login(pin, false)
		for _, err := range []error{stateErr, loginErr} {
			if eid.CodeOf(err) != eid.CodeTokenAbsent {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := New(Options{Module: softtoken.Module()}).Sign(rand.Reader, digest[:8]); eid.CodeOf(err) != eid.CodeToken {
		t.Errorf("short digest: %v", err)
	}
}

// TestOtherToolsSeeTheKey looks at the token with OpenSC's tool.
func TestOtherToolsSeeTheKey(t *testing.T) {
	plugIn(t)
	if _, err := exec.LookPath("pkcs11-tool"); err != nil {
		t.Skip("OpenSC is not installed: run `make setup`")
	}
	tok := open(t, softtoken.Module())
	_, _ = tok.Login(pin, false)
	if _, err := tok.CreateKey(ES256); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("pkcs11-tool", "--module", softtoken.Module(), "--token-label", label, "--login", "--pin", pin, "--list-objects", "--type", "privkey").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"EC", key, "sensitive", "never extractable"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestFlags(t *testing.T) {
	const set = pkcs11.CKF_USER_PIN_INITIALIZED
	for flags, want := range map[uint]struct {
		pin  PIN
		code eid.Code
	}{
		set:                                 {PINFine, eid.CodePINWrong},
		set | pkcs11.CKF_USER_PIN_COUNT_LOW: {PINLow, eid.CodePINLow},
		set | pkcs11.CKF_USER_PIN_COUNT_LOW | pkcs11.CKF_USER_PIN_FINAL_TRY: {PINFinal, eid.CodePINFinal},
		set | pkcs11.CKF_USER_PIN_FINAL_TRY | pkcs11.CKF_USER_PIN_LOCKED:    {PINLocked, eid.CodePINLocked},
		0: {PINNotSet, eid.CodePINWrong},
	} {
		if p := pinOf(flags); p != want.pin || p.failure() != want.code {
			t.Errorf("%#x: %s, %s", flags, p, p.failure())
		}
	}
}

func BenchmarkSign(b *testing.B) {
	plugIn(b)
	tok := open(b, softtoken.Module())
	_, _ = tok.Login(pin, false)
	if _, err := tok.CreateKey(ES256); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tok.Sign(rand.Reader, digest); err != nil {
			b.Fatal(err)
		}
	}
}
