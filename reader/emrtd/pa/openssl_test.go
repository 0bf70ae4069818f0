package pa

import (
	"bytes"
	"crypto"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
	"github.com/enrold/enrold/reader/trust"
)

// authority makes chains and security objects with OpenSSL, so that another
// hand than ours wrote everything that is verified.
type authority struct {
	t   testing.TB
	dir string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	a := &authority{t, t.TempDir()}
	for name, text := range map[string]string{
		"csca.ext": "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n",
		"ds.ext":   "keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n2.23.136.1.1.6.2=ASN1:SEQUENCE:types\n[types]\nversion=INTEGER:0\nlist=SET:codes\n[codes]\np=PRINTABLESTRING:P\n",
		"empty":    "",
	} {
		a.put(name, []byte(text))
	}
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) put(name string, b []byte) {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), b, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) get(name string) []byte {
	a.t.Helper()
	b, err := os.ReadFile(a.path(name))
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

func (a *authority) run(args ...string) {
	a.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// algorithm says how keys are made and how they sign.
type algorithm struct {
	name   string
	key    []string // arguments of genpkey
	digest string
	sign   []string // -sigopt of certificates, -keyopt of messages
	hash   crypto.Hash
	alias  bool // a single changed bit may give another name of the same algorithm
}

func algorithms() (list []algorithm) {
	digests := []struct {
		name string
		hash crypto.Hash
	}{{"sha1", crypto.SHA1}, {"sha224", crypto.SHA224}, {"sha256", crypto.SHA256}, {"sha384", crypto.SHA384}, {"sha512", crypto.SHA512}}
	for i, curve := range []string{
		"prime192v1", "secp224r1", "prime256v1", "secp384r1", "secp521r1",
		"brainpoolP192r1", "brainpoolP224r1", "brainpoolP256r1", "brainpoolP320r1", "brainpoolP384r1", "brainpoolP512r1",
	} {
		d := digests[[]int{0, 1, 2, 3, 4, 0, 1, 2, 3, 3, 4}[i]]
		for _, form := range []string{"named_curve", "explicit"} {
			list = append(list, algorithm{
				name: curve + " " + form + " " + d.name, digest: d.name, hash: d.hash,
				key: []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-pkeyopt", "ec_param_enc:" + form},
			})
		}
	}
	rsa := []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}
	for _, d := range digests {
		list = append(list,
			algorithm{name: "RSA " + d.name, key: rsa, digest: d.name, hash: d.hash, alias: d.hash == crypto.SHA1},
			algorithm{name: "RSA-PSS " + d.name, key: rsa, digest: d.name, hash: d.hash, sign: []string{"rsa_padding_mode:pss", "rsa_pss_saltlen:digest"}})
	}
	return append(list,
		algorithm{name: "RSA-PSS, mask of another hash", key: rsa, digest: "sha256", hash: crypto.SHA256, sign: []string{"rsa_padding_mode:pss", "rsa_pss_saltlen:20", "rsa_mgf1_md:sha1"}},
		algorithm{name: "RSA-PSS key", key: []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2056"}, digest: "sha256", hash: crypto.SHA256, sign: []string{"rsa_padding_mode:pss", "rsa_pss_saltlen:32"}},
		algorithm{name: "RSA 3072", key: []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}, digest: "sha256", hash: crypto.SHA256},
	)
}

func opts(flag string, values []string) (args []string) {
	for _, v := range values {
		args = append(args, flag, v)
	}
	return args
}

// chain makes csca.{key,crt} and ds.{key,crt}; keys of RSA are made once.
func (a *authority) chain(alg algorithm, validity ...string) {
	if len(validity) == 0 {
		validity = []string{"-days", "30"}
	}
	for _, who := range []string{"csca", "ds"} {
		key := a.path(who + strings.Join(alg.key, "") + ".key")
		if _, err := os.Stat(key); err != nil || alg.key[1] == "EC" {
			a.run(append([]string{"genpkey", "-out", key}, alg.key...)...)
		}
		if err := os.RemoveAll(a.path(who + ".key")); err != nil {
			a.t.Fatal(err)
		}
		if err := os.Symlink(key, a.path(who+".key")); err != nil {
			a.t.Fatal(err)
		}
	}
	sig := append([]string{"-" + alg.digest}, opts("-sigopt", alg.sign)...)
	a.run(append([]string{"req", "-new", "-key", "csca.key", "-subj", "/C=UT/O=State/CN=CSCA", "-out", "csca.csr"}, sig...)...)
	a.run(append([]string{"x509", "-req", "-in", "csca.csr", "-signkey", "csca.key", "-days", "60", "-extfile", "csca.ext", "-out", "csca.crt"}, sig...)...)
	a.run(append([]string{"req", "-new", "-key", "ds.key", "-subj", "/C=UT/O=State/CN=DS", "-out", "ds.csr"}, sig...)...)
	a.run(append(append([]string{"x509", "-req", "-in", "ds.csr", "-CA", "csca.crt", "-CAkey", "csca.key", "-set_serial", "4711", "-extfile", "ds.ext", "-out", "ds.crt"}, sig...), validity...)...)
}

// sod signs the hash list of groups. extra are arguments of openssl cms.
func (a *authority) sod(alg algorithm, groups map[int][]byte, extra ...string) []byte {
	var list []byte
	for n := 1; n <= 16; n++ {
		if g := groups[n]; g != nil {
			list = append(list, seq(encode(a.t, n), encode(a.t, sum(alg.hash, g)))...)
		}
	}
	o := issuing{hash: alg.hash}
	info := seq(tlv.Append(nil, 0x13, []byte("0108")), tlv.Append(nil, 0x13, []byte("040000")))
	a.put("lds", seq(encode(a.t, 1), seq(encode(a.t, o.oid(alg.hash)), []byte{5, 0}), seq(list), info))
	args := append([]string{
		"cms", "-sign", "-in", "lds", "-binary", "-nodetach", "-nosmimecap", "-outform", "DER", "-out", "cms",
		"-econtent_type", "2.23.136.1.1.1", "-signer", "ds.crt", "-inkey", "ds.key", "-md", alg.digest,
	}, opts("-keyopt", alg.sign)...)
	a.run(append(args, extra...)...)
	return tlv.Append(nil, 0x77, a.get("cms"))
}

// store loads a trust folder with the named files.
func (a *authority) store(names ...string) *trust.Store {
	a.t.Helper()
	dir := a.t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), a.get(name), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	s, err := trust.Load(dir, true)
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

var documentGroups = map[int][]byte{1: []byte("one"), 2: []byte("two"), 3: []byte("three"), 14: []byte("fourteen")}

func verify(t testing.TB, file []byte, groups map[int][]byte, s *trust.Store, at time.Time) eid.Check {
	t.Helper()
	o, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[int][]byte{}
	for n, g := range groups {
		sums[n] = sum(o.Hash(), g)
	}
	check, _ := o.Verify(Read{sums, "UTO"}, s, at)
	return check
}

func TestOpenSSL(t *testing.T) {
	a := newAuthority(t)
	for _, alg := range algorithms() {
		t.Run(alg.name, func(t *testing.T) {
			a.t = t
			a.chain(alg)
			file := a.sod(alg, documentGroups)
			s := a.store("csca.crt")
			if n, unusable := s.Len(); n != 1 || unusable != 0 {
				t.Fatalf("%d anchors, %d unusable", n, unusable)
			}
			if check := verify(t, file, documentGroups, s, time.Now()); check != (eid.Check{State: eid.CheckOK, Word: "crl-missing", Reason: "no revocation list of the issuer in the trust store"}) {
				t.Errorf("%+v", check)
			}
			if o, err := Parse(file); err != nil || o.LDSVersion() != "0108" {
				t.Errorf("LDS version: %v", err)
			}
			for n := range documentGroups {
				changed := map[int][]byte{1: documentGroups[1], n: []byte("changed")}
				if check := verify(t, file, changed, s, time.Now()); check.Reason != fmt.Sprintf("hash of DG%d differs from the security object", n) {
					t.Errorf("DG%d: %+v", n, check)
				}
			}
			flip(t, alg, file, s, 1+len(file)/20)
		})
	}
}

// TestEveryBit changes every bit of security objects.
func TestEveryBit(t *testing.T) {
	a := newAuthority(t)
	for _, alg := range algorithms() {
		switch alg.name {
		case "prime256v1 explicit sha256", "RSA-PSS sha512":
			a.chain(alg)
			flip(t, alg, a.sod(alg, documentGroups), a.store("csca.crt"), 1)
		}
	}
}

// flip changes one bit of every step-th byte, or every bit when step is 1: the
// result is never ok.
func flip(t *testing.T, alg algorithm, file []byte, s *trust.Store, step int) {
	t.Helper()
	if !alg.alias { // rsaEncryption with SHA-1 and sha1WithRSAEncryption differ in one bit and mean the same
		for i := rand.IntN(step); i < len(file); i += step {
			for bit := range 8 {
				if step > 1 && bit != i%8 {
					continue
				}
				damaged := bytes.Clone(file)
				damaged[i] ^= 1 << bit
				o, err := Parse(damaged)
				if err != nil {
					continue
				}
				sums := map[int][]byte{1: sum(o.Hash(), documentGroups[1])}
				if check, _ := o.Verify(Read{sums, "UTO"}, s, time.Now()); check.State == eid.CheckOK || check.Word == "" {
					t.Errorf("%s: bit %d of byte %d of %d: %+v", alg.name, bit, i, len(file), check)
				}
			}
		}
	}
}

func TestOpenSSLRefusals(t *testing.T) {
	a := newAuthority(t)
	var alg algorithm
	for _, x := range algorithms() {
		if x.name == "brainpoolP384r1 explicit sha384" {
			alg = x
		}
	}
	a.chain(alg)
	good, s := a.sod(alg, documentGroups), a.store("csca.crt")
	keyed := a.sod(alg, documentGroups, "-keyid")
	bare := a.sod(alg, documentGroups, "-noattr")
	alone := a.sod(alg, documentGroups, "-nocerts")
	other := newAuthority(t)
	other.chain(alg)
	wrong := other.sod(alg, documentGroups)
	a.chain(alg, "-days", "-1")
	expired, renewed := a.sod(alg, documentGroups), a.store("csca.crt")
	for name, c := range map[string]struct {
		file  []byte
		store *trust.Store
		at    time.Time
		state eid.CheckState
		word  string
	}{
		"good":                  {good, s, time.Now(), eid.CheckOK, "crl-missing"},
		"signer by key":         {keyed, s, time.Now(), eid.CheckOK, "crl-missing"},
		"read after 20 years":   {good, s, time.Now().AddDate(20, 0, 0), eid.CheckOK, "crl-missing"},
		"no signed attributes":  {bare, s, time.Now(), eid.CheckFailed, "sod-attributes"},
		"no certificate":        {alone, s, time.Now(), eid.CheckNotPossible, "signer-missing"},
		"expired signer":        {expired, renewed, time.Now(), eid.CheckFailed, "signer-not-valid"},
		"another CSCA":          {wrong, s, time.Now(), eid.CheckNotPossible, "no-csca"},
		"read before it signed": {good, s, time.Now().AddDate(0, 0, -2), eid.CheckNotPossible, "clock"},
	} {
		if check := verify(t, c.file, documentGroups, c.store, c.at); check.State != c.state || check.Word != c.word {
			t.Errorf("%s: %+v", name, check)
		}
	}
}

// EF.CardSecurity goes the same way as EF.SOD.
func TestCardSecurity(t *testing.T) {
	a := newAuthority(t)
	alg := algorithms()[15] // brainpoolP256r1, explicit
	a.chain(alg)
	a.put("infos", []byte{0x31, 0})
	sign := func(oid string) []byte {
		a.run("cms", "-sign", "-in", "infos", "-binary", "-nodetach", "-nosmimecap", "-outform", "DER", "-out", "cms",
			"-econtent_type", oid, "-signer", "ds.crt", "-inkey", "ds.key", "-md", alg.digest)
		return a.get("cms")
	}
	file, s := sign(oidSecurityObject), a.store("csca.crt")
	content, check := CardSecurity(file, "UTO", s, time.Now())
	if check.State != eid.CheckOK || !bytes.Equal(content, []byte{0x31, 0}) {
		t.Errorf("%x %+v", content, check)
	}
	if _, check := CardSecurity(file, "VNM", s, time.Now()); check.Word != WordState {
		t.Errorf("another state: %+v", check)
	}
	if _, check := CardSecurity(sign(oidLDS), "UTO", s, time.Now()); check.Word != WordMalformed {
		t.Errorf("a hash list in its place: %+v", check)
	}
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		if _, check := CardSecurity(damaged, "UTO", s, time.Now()); check.State == eid.CheckOK || check.Word == "" {
			t.Errorf("byte %d: %+v", i, check)
		}
	}
}
