package tpm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/enrold/enrold/hw/emu/swtpm"
	"github.com/enrold/enrold/internal/eid"
)

// chip starts a new swtpm that ends with the test.
func chip(t testing.TB) *swtpm.TPM {
	t.Helper()
	if !swtpm.Installed() {
		t.Skip("swtpm is not installed: run `make setup`")
	}
	dir, err := os.MkdirTemp("", "tpm-") // short: a socket lives in it
	if err != nil {
		t.Fatal(err)
	}
	c, err := swtpm.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop(); os.RemoveAll(dir) })
	return c
}

func connect(t testing.TB, c *swtpm.TPM, dir string) *TPM {
	t.Helper()
	tp, err := Open(t.Context(), c.Path(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tp.Close() })
	return tp
}

var digest = func() []byte { d := sha256.Sum256([]byte("request")); return d[:] }()

// verify checks a signature as the central does.
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

func opts(alg Algorithm) crypto.SignerOpts {
	if alg == PS256 {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	return crypto.SHA256
}

func TestKeys(t *testing.T) {
	c, dir := chip(t), t.TempDir()
	for _, alg := range []Algorithm{ES256, PS256} {
		t.Run(string(alg), func(t *testing.T) {
			tp := connect(t, c, dir)
			began := time.Now()
			made, err := tp.CreateKey(t.Context(), string(alg), alg)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("made in %v", time.Since(began))
			// The chip's memory outlives it; ours is the file.
			again, err := connect(t, c, dir).Key(t.Context(), string(alg))
			if err != nil || again.Algorithm() != alg {
				t.Fatalf("algorithm %v, %v", again, err)
			}
			for _, k := range []*Key{made, again} {
				sig, err := k.Sign(rand.Reader, digest, opts(alg))
				if err != nil {
					t.Fatal(err)
				}
				verify(t, made.Public(), sig)
			}
		})
	}
}

func TestKeyRefusesWhatItWasNotMadeFor(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	k, err := tp.CreateKey(t.Context(), "device", ES256)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		digest []byte
		opts   crypto.SignerOpts
	}{
		"short digest": {digest[:20], crypto.SHA256},
		"SHA-384":      {make([]byte, 48), crypto.SHA384},
		"PSS":          {digest, opts(PS256)},
		"no options":   {digest[:31], nil},
	} {
		if _, err := k.Sign(rand.Reader, tc.digest, tc.opts); eid.CodeOf(err) != eid.CodeTPM {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tp.CreateKey(t.Context(), "device", ES256); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was replaced: %v", err)
	}
	if _, err := tp.CreateKey(t.Context(), "other", "EdDSA"); eid.CodeOf(err) != eid.CodeDeviceKey {
		t.Errorf("an algorithm without a template: %v", err)
	}
	if _, err := tp.Key(t.Context(), "missing"); eid.CodeOf(err) != eid.CodeDeviceKey || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing key: %v", err)
	}
}

func TestAnotherChipIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	first := connect(t, chip(t), dir)
	if _, err := first.CreateKey(t.Context(), "device", ES256); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Counter(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	sealed, err := first.Sealer(nil).Seal(secret)
	if err != nil {
		t.Fatal(err)
	}
	other := connect(t, chip(t), dir)
	_, keyErr := other.Key(t.Context(), "device")
	_, counterErr := other.Counter(t.Context(), index)
	_, sealErr := other.Sealer(nil).Unseal(sealed)
	for name, err := range map[string]error{"key": keyErr, "counter": counterErr, "sealed": sealErr} {
		if eid.CodeOf(err) != eid.CodeTPMCleared {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClearedWhileOpen: the owner is taken from a chip that is in use.
func TestClearedWhileOpen(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	k, err := tp.CreateKey(t.Context(), "device", ES256)
	if err != nil {
		t.Fatal(err)
	}
	n, err := tp.Counter(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (tpm2.Clear{AuthHandle: tpm2.TPMRHLockout}).Execute(tp.chip); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the root key is made anew, our key stays foreign to it
		if _, err := k.Sign(rand.Reader, digest, crypto.SHA256); eid.CodeOf(err) != eid.CodeTPMCleared {
			t.Errorf("sign: %v", err)
		}
	}
	if _, err := n.Increment(t.Context()); eid.CodeOf(err) != eid.CodeTPMCleared {
		t.Errorf("counter: %v", err)
	}
}

const index = 0x01800001

var secret = []byte("0123456789abcdef0123456789abcdef")

func TestSeal(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	for name, registers := range map[string][]int{"free": nil, "bound": {7, 16}} {
		t.Run(name, func(t *testing.T) {
			s := tp.Sealer(registers)
			sealed, err := s.Seal(secret)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(sealed, secret[:8]) {
				t.Fatal("the secret can be read")
			}
			back, err := s.Unseal(sealed)
			if err != nil || !bytes.Equal(back, secret) {
				t.Fatalf("%x, %v", back, err)
			}
			for i := range sealed {
				changed := bytes.Clone(sealed)
				changed[i] ^= 0x10
				if back, err := s.Unseal(changed); err == nil && !bytes.Equal(back, secret) {
					t.Fatalf("byte %d changed gives another secret", i)
				}
			}
		})
	}
	for _, wrong := range [][]byte{nil, make([]byte, 129)} {
		if _, err := tp.Sealer(nil).Seal(wrong); eid.CodeOf(err) != eid.CodeTPM {
			t.Errorf("%d bytes: %v", len(wrong), err)
		}
	}
}

// TestBoundSecretStaysShutInAnotherMachineState extends a PCR as another boot would.
func TestBoundSecretStaysShutInAnotherMachineState(t *testing.T) {
	c, dir := chip(t), t.TempDir()
	tp := connect(t, c, dir)
	s := tp.Sealer([]int{16})
	sealed, err := s.Seal(secret)
	if err != nil {
		t.Fatal(err)
	}
	extend := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: 16, Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: digest}}},
	}
	if _, err := extend.Execute(tp.chip); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unseal(sealed); eid.CodeOf(err) != eid.CodeTPM || !errors.Is(err, ErrChanged) {
		t.Fatalf("got %v", err)
	}
	if _, err := tp.Sealer(nil).Unseal(sealed); err == nil {
		t.Fatal("opened without its policy")
	}
}

func TestCounterOnlyGrows(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	if !swtpm.Installed() {
		t.Skip("swtpm is not installed: run `make setup`")
	}
	c, err := swtpm.Start(state)
	if err != nil {
		t.Fatal(err)
	}
	counter, err := connect(t, c, dir).Counter(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	last, err := counter.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		n, err := counter.Increment(t.Context())
		if err != nil || n != last+1 {
			t.Fatalf("%d after %d, %v", n, last, err)
		}
		last = n
	}
	// Power off, on again.
	c.Stop()
	if _, err := counter.Read(t.Context()); eid.CodeOf(err) != eid.CodeTPMAbsent {
		t.Fatalf("switched off: %v", err)
	}
	if c, err = swtpm.Start(state); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if n, err := counter.Read(t.Context()); err != nil || n != last {
		t.Fatalf("after a power cut: %d, want %d, %v", n, last, err)
	}
	// Deleted and defined again on a desk that forgot: never below.
	tp := connect(t, c, t.TempDir())
	_, named, err := counter.handles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (tpm2.NVUndefineSpace{AuthHandle: tpm2.TPMRHOwner, NVIndex: named}).Execute(tp.chip); err != nil {
		t.Fatal(err)
	}
	anew, err := tp.Counter(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := anew.Read(t.Context()); err != nil || n <= last {
		t.Fatalf("defined anew: %d after %d, %v", n, last, err)
	}
}

func TestCounterRefusesAForeignIndex(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	other := tpm2.NVDefineSpace{
		AuthHandle: tpm2.TPMRHOwner,
		PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{NVIndex: index, NameAlg: tpm2.TPMAlgSHA256, Attributes: tpm2.TPMANV{OwnerRead: true, OwnerWrite: true}, DataSize: 8}),
	}
	if _, err := other.Execute(tp.chip); err != nil {
		t.Fatal(err)
	}
	if _, err := tp.Counter(t.Context(), index); eid.CodeOf(err) != eid.CodeTPM || !strings.Contains(err.Error(), "nv_index") {
		t.Fatalf("got %v", err)
	}
}

// TestLockout guesses a password until the chip locks: the desk's own keys go
// on, and what is under the lockout says so by its code.
func TestLockout(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	k, err := tp.CreateKey(t.Context(), "device", ES256)
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.TPMRHOwner,
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			UserAuth: tpm2.TPM2BAuth{Buffer: []byte("right")}, Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret}),
		}},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, UserWithAuth: true},
		}),
	}.Execute(tp.chip)
	if err != nil {
		t.Fatal(err)
	}
	guess := func() error {
		_, err := tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: guarded.ObjectHandle, Name: guarded.Name, Auth: tpm2.PasswordAuth([]byte("wrong"))}}.Execute(tp.chip)
		return fail("unseal", err)
	}
	for n := 0; eid.CodeOf(guess()) != eid.CodeTPMLockout; n++ {
		if n > 100 {
			t.Fatal("never locked")
		}
	}
	in, err := tp.Info(t.Context())
	if err != nil || !in.InLockout || in.Failures == 0 || in.Failures != in.MaxFailures || !in.Emulated {
		t.Fatalf("info %+v, %v", in, err)
	}
	if _, err := k.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
		t.Errorf("the device key in lockout: %v", err)
	}
}

func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), "/dev/null/tpm"} {
		if _, err := Open(t.Context(), path, dir); eid.CodeOf(err) != eid.CodeTPMAbsent {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Open(t.Context(), text, dir); err == nil {
		t.Error("a text file is no TPM")
	}
}

// TestNothingStaysLoaded: a chip has three slots, and we share it.
func TestNothingStaysLoaded(t *testing.T) {
	tp := connect(t, chip(t), t.TempDir())
	k, err := tp.CreateKey(t.Context(), "device", ES256)
	if err != nil {
		t.Fatal(err)
	}
	s := tp.Sealer([]int{0})
	for range 20 {
		if _, err := k.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
			t.Fatal(err)
		}
		sealed, err := s.Seal(secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Unseal(sealed); err != nil {
			t.Fatal(err)
		}
	}
	for _, first := range []uint32{0x80000000, 0x02000000, 0x03000000} { // transient objects, loaded and active sessions
		answer, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: first, PropertyCount: 8}.Execute(tp.chip)
		if err != nil {
			t.Fatal(err)
		}
		list, err := answer.CapabilityData.Data.Handles()
		if err != nil || len(list.Handle) != 0 {
			t.Errorf("from %#x: %v, %v", first, list, err)
		}
	}
}

// TestKeyFileIsTheStandardFormat holds the file against another implementation of
// its format, as far as this machine has one.
func TestKeyFileIsTheStandardFormat(t *testing.T) {
	dir := t.TempDir()
	tp := connect(t, chip(t), dir)
	if _, err := tp.CreateKey(t.Context(), "device", ES256); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("openssl", "asn1parse", "-in", filepath.Join(dir, "device.tpm.pem")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{":2.23.133.10.1.3", "prim: BOOLEAN           :255", ":81000001"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("openssl shows no %q:\n%s", want, out)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "device.tpm.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func FuzzParseBlob(f *testing.F) {
	public := tpm2.New2B(tpm2.TPMTPublic{Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256, Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgKeyedHash, &tpm2.TPMSKeyedHashParms{Scheme: tpm2.TPMTKeyedHashScheme{Scheme: tpm2.TPMAlgNull}})})
	for _, kind := range []asn1.ObjectIdentifier{oidSealed, oidLoadable} {
		der, err := blob{public: public, private: tpm2.TPM2BPrivate{Buffer: []byte("x")}}.marshal(kind)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := parseBlob(kind, der); err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, kind := range []asn1.ObjectIdentifier{oidSealed, oidLoadable} {
			b, err := parseBlob(kind, der)
			if err != nil {
				continue
			}
			if back, err := b.marshal(kind); err != nil || !bytes.Equal(back, der) {
				t.Fatalf("another encoding: %x, %v", back, err)
			}
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte{0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0})
	f.Add([]byte{0x80, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		if out, err := readAnswer(bytes.NewReader(in)); err == nil && !bytes.HasPrefix(in, out) {
			t.Fatal("an answer that nobody gave")
		}
	})
}

func BenchmarkSign(b *testing.B) {
	tp := connect(b, chip(b), b.TempDir())
	k, err := tp.CreateKey(b.Context(), "device", ES256)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIncrement(b *testing.B) {
	c, err := connect(b, chip(b), b.TempDir()).Counter(b.Context(), index)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Increment(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
