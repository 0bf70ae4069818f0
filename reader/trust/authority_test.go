package trust_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/reader/trust/cert"
)

// authority writes certificates and lists with OpenSSL in a folder of its own.
type authority struct {
	t   testing.TB
	dir string
}

const extensions = `
[csca]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[mls]
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,2.23.136.1.1.3
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[ds]
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
`

const caConfig = `
[ca]
default_ca=it
[it]
database=index
crlnumber=number
default_md=sha256
crl_extensions=crl
[crl]
authorityKeyIdentifier=keyid
[req]
distinguished_name=dn
[dn]
`

func newAuthority(t testing.TB) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	a := &authority{t, t.TempDir()}
	a.put("ext", []byte(extensions))
	a.put("ca.cnf", []byte(caConfig))
	return a
}

func (a *authority) put(name string, b []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), b, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) get(name string) []byte {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join(a.dir, name))
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

// key makes name.key on a curve with explicit parameters, as states do.
func (a *authority) key(name, curve string) {
	a.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:"+curve, "-pkeyopt", "ec_param_enc:explicit", "-out", name+".key")
}

// issue makes name.crt for name.key, signed by issuer (or by itself).
func (a *authority) issue(name, issuer, subject, section, serial string) *cert.Certificate {
	a.t.Helper()
	a.run("req", "-new", "-config", "ca.cnf", "-key", name+".key", "-subj", subject, "-sha256", "-out", name+".csr")
	args := []string{"x509", "-req", "-in", name + ".csr", "-sha256", "-days", "100", "-set_serial", serial, "-extfile", "ext", "-extensions", section, "-out", name + ".crt"}
	if issuer == name {
		a.run(append(args, "-signkey", name+".key")...)
	} else {
		a.run(append(args, "-CA", issuer+".crt", "-CAkey", issuer+".key")...)
	}
	return a.certificate(name)
}

func (a *authority) certificate(name string) *cert.Certificate {
	a.t.Helper()
	list, err := trust.ParseCertificates(a.get(name + ".crt"))
	if err != nil {
		a.t.Fatal(err)
	}
	return list[0]
}

// state makes a root named name.
func (a *authority) state(name, country, organisation string) *cert.Certificate {
	a.key(name, "brainpoolP256r1")
	return a.issue(name, name, "/C="+country+"/O="+organisation+"/CN=CSCA "+country, "csca", "1")
}

// masterList signs a list of certificates with mls.key, which issuer vouches
// for, and returns it in DER.
func (a *authority) masterList(mls, issuer string, list ...*cert.Certificate) []byte {
	var all []byte
	for _, c := range list {
		all = append(all, c.Raw...)
	}
	return a.signList(mls, issuer, tlvOf(0x30, append([]byte{2, 1, 0}, tlvOf(0x31, all)...)))
}

func (a *authority) signList(mls, issuer string, content []byte) []byte {
	a.put("content", content)
	a.run("cms", "-sign", "-in", "content", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256", "-outform", "DER", "-out", "list",
		"-econtent_type", "2.23.136.1.1.2", "-signer", mls+".crt", "-inkey", mls+".key", "-certfile", issuer+".crt")
	return a.get("list")
}

// crl makes a revocation list of issuer over serial numbers (hexadecimal, even
// number of digits), valid for some days.
func (a *authority) crl(issuer, days string, serials ...string) []byte {
	var index strings.Builder
	for _, s := range serials {
		index.WriteString("R\t400101000000Z\t260101000000Z\t" + s + "\tunknown\t/CN=x\n")
	}
	a.put("index", []byte(index.String()))
	if _, err := os.Stat(filepath.Join(a.dir, "number")); err != nil {
		a.put("number", []byte("01\n"))
	}
	a.run("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", issuer+".key", "-cert", issuer+".crt", "-crldays", days, "-out", "crl.pem")
	a.run("crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der")
	return a.get("crl.der")
}

func tlvOf(tag byte, value []byte) []byte {
	head := []byte{tag, 0x83, byte(len(value) >> 16), byte(len(value) >> 8), byte(len(value))}
	switch n := len(value); {
	case n < 0x80:
		head = []byte{tag, byte(n)}
	case n <= 0xFF:
		head = []byte{tag, 0x81, byte(n)}
	case n <= 0xFFFF:
		head = []byte{tag, 0x82, byte(n >> 8), byte(n)}
	}
	return append(head, value...)
}
