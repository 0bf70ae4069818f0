package trust_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/reader/trust/cert"
)

func confirm(list ...*cert.Certificate) (o trust.ImportOptions) {
	o.Production = true
	for _, c := range list {
		o.Confirmed = append(o.Confirmed, c.Fingerprint())
	}
	return o
}

func mustImport(t *testing.T, dir string, b []byte, o trust.ImportOptions) trust.Report {
	t.Helper()
	r, err := trust.Import(dir, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func load(t *testing.T, dir string) *trust.Store {
	t.Helper()
	s, err := trust.Load(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func wantUnconfirmed(t *testing.T, err error, want ...*cert.Certificate) {
	t.Helper()
	u, ok := errors.AsType[*trust.UnconfirmedError](err)
	if !ok || !slices.EqualFunc(u.Certificates, want, func(a, b *cert.Certificate) bool { return a.Equal(b) }) {
		t.Fatalf("want a request for confirmation: %v", err)
	}
}

func TestImportCertificates(t *testing.T) {
	a := newAuthority(t)
	root := a.state("old", "UT", "State")
	a.key("new", "brainpoolP384r1")
	link := a.issue("new", "old", "/C=UT/O=State/CN=CSCA UT", "csca", "2")
	linkPEM := a.get("new.crt")
	next := a.issue("new", "new", "/C=UT/O=State/CN=CSCA UT", "csca", "3") // the same key, self-signed
	dir := filepath.Join(t.TempDir(), "trust")

	_, err := trust.Import(dir, a.get("old.crt"), confirm())
	wantUnconfirmed(t, err, root)
	_, err = trust.Import(dir, linkPEM, confirm())
	wantUnconfirmed(t, err, link)
	if r := mustImport(t, dir, a.get("old.crt"), confirm(root)); r.Added != 1 || r.Kind != trust.KindCertificates {
		t.Errorf("root: %+v", r)
	}
	if r := mustImport(t, dir, root.Raw, confirm()); r.Added != 0 || r.Known != 1 || len(r.Files) != 0 {
		t.Errorf("root again: %+v", r)
	}
	if r := mustImport(t, dir, linkPEM, confirm()); r.Added != 1 {
		t.Errorf("link: %+v", r)
	}
	// The key that signs it is trusted already.
	if r := mustImport(t, dir, next.Raw, confirm()); r.Added != 1 {
		t.Errorf("root of the new key: %+v", r)
	}

	a.key("ds", "brainpoolP256r1")
	ds := a.issue("ds", "new", "/C=UT/CN=DS", "ds", "4711")
	if check, issuer := load(t, dir).Chain(ds, time.Now()); check.State != eid.CheckOK || !issuer.Equal(link) && !issuer.Equal(next) {
		t.Errorf("over the link certificate: %+v", check)
	}
	if _, err := trust.Import(dir, ds.Raw, confirm(ds)); !errors.Is(err, trust.ErrNotAnchor) {
		t.Errorf("document signer: %v", err)
	}
	foreign := a.issue("ds", "new", "/C=VN/CN=DS", "ds", "4712")
	if check, _ := load(t, dir).Chain(foreign, time.Now()); check.State != eid.CheckFailed || check.Word != trust.WordCountry {
		t.Errorf("signer of another state: %+v", check)
	}
	// Both in one file, in the wrong order.
	fresh := t.TempDir()
	if r := mustImport(t, fresh, append(bytes.Clone(linkPEM), a.get("old.crt")...), confirm(root)); r.Added != 2 || len(r.Files) != 1 {
		t.Errorf("both: %+v", r)
	}
	testRoot := a.state("test", "UT", "enrold test, not for production")
	if _, err := trust.Import(fresh, testRoot.Raw, confirm(testRoot)); !errors.Is(err, trust.ErrTestAnchor) {
		t.Errorf("test anchor: %v", err)
	}
	if got := names(t, fresh); len(got) != 2 { // the lock and one file
		t.Errorf("left behind: %v", got)
	}
	for _, b := range [][]byte{nil, []byte("text"), {0x30}, a.get("old.key"), ds.Raw[:100]} {
		if _, err := trust.Import(fresh, b, confirm()); err == nil {
			t.Errorf("imported %x", b[:min(len(b), 8)])
		}
	}
}

func TestMasterList(t *testing.T) {
	a := newAuthority(t)
	home, other, third := a.state("home", "UT", "State"), a.state("other", "VN", "Other"), a.state("third", "DE", "Third")
	a.key("mls", "brainpoolP384r1")
	a.issue("mls", "home", "/C=UT/CN=Master list signer", "mls", "7")
	first := a.masterList("mls", "home", home, other)
	dir := t.TempDir()

	_, err := trust.Import(dir, first, confirm())
	wantUnconfirmed(t, err, home)
	_, err = trust.Import(dir, first, confirm(other)) // of another state: it vouches for nothing
	wantUnconfirmed(t, err, home)
	r := mustImport(t, dir, first, confirm(home))
	if r.Kind != trust.KindMasterList || r.Added != 2 || r.Signer != "CN=Master list signer,C=UT" || time.Since(r.Time) > time.Hour {
		t.Errorf("first: %+v", r)
	}
	if r := mustImport(t, dir, first, confirm()); r.Known != 1 || len(r.Files) != 0 {
		t.Errorf("again: %+v", r)
	}
	s := load(t, dir)
	if n, unusable := s.Len(); n != 2 || unusable != 0 || !s.Updated().After(time.Now().Add(-time.Hour)) {
		t.Errorf("%d anchors, %d unusable, updated %s", n, unusable, s.Updated())
	}
	a.key("ds", "brainpoolP256r1")
	ds := a.issue("ds", "other", "/C=VN/CN=DS", "ds", "4711")
	if check, _ := s.Chain(ds, time.Now()); check.State != eid.CheckOK {
		t.Errorf("signer of a listed state: %+v", check)
	}

	// A newer list replaces the older one and takes away what it leaves out.
	time.Sleep(1100 * time.Millisecond) // signing times have seconds
	second := a.masterList("mls", "home", home, third)
	if r = mustImport(t, dir, second, confirm()); r.Added != 1 || len(r.Replaced) != 1 {
		t.Errorf("second: %+v", r)
	}
	newer := load(t, dir)
	if check, _ := newer.Chain(ds, time.Now()); check.State != eid.CheckNotPossible || check.Word != trust.WordNoCSCA {
		t.Errorf("signer of a state that was taken off: %+v", check)
	}
	if bytes.Equal(newer.SHA256(), s.SHA256()) {
		t.Error("digest did not change")
	}
	if _, err := trust.Import(dir, first, confirm()); !errors.Is(err, trust.ErrOlder) {
		t.Errorf("old list again: %v", err)
	}
	// Without its root the folder does not load: the list must not vouch for itself.
	for _, name := range names(t, dir) {
		if filepath.Ext(name) == ".pem" {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := trust.Load(dir, true); !errors.Is(err, trust.ErrUntrusted) {
		t.Errorf("list without root: %v", err)
	}
}

// The revocation of a list's signer takes the list away, not the desk.
func TestRevokedMasterListSigner(t *testing.T) {
	a := newAuthority(t)
	home, other := a.state("home", "UT", "State"), a.state("other", "VN", "Other")
	a.key("mls", "brainpoolP256r1")
	a.issue("mls", "home", "/C=UT/CN=Master list signer", "mls", "0x1267")
	list := a.masterList("mls", "home", home, other)
	dir := t.TempDir()
	mustImport(t, dir, list, confirm(home))
	write(t, filepath.Join(dir, ".import-123"), []byte("left by a crash"), time.Now())
	mustImport(t, dir, a.crl("home", "30", "1267"), confirm())
	s := load(t, dir)
	if got := s.Anchors(); len(got) != 1 || !got[0].Equal(home) {
		t.Errorf("%d anchors", len(got))
	}
	for _, src := range s.Sources() {
		if src.Kind == trust.KindMasterList && (src.Verified || src.Certificates != 0) {
			t.Errorf("%+v", src)
		}
	}
	if slices.Contains(names(t, dir), ".import-123") {
		t.Error("an unfinished file stays")
	}
	fresh := t.TempDir()
	mustImport(t, fresh, home.Raw, confirm(home))
	mustImport(t, fresh, a.get("crl.der"), confirm())
	if _, err := trust.Import(fresh, list, confirm()); err == nil {
		t.Error("list of a revoked signer imported")
	}
}

func TestMasterListRefusals(t *testing.T) {
	a := newAuthority(t)
	home := a.state("home", "UT", "State")
	a.key("mls", "brainpoolP256r1")
	a.issue("mls", "home", "/C=UT/CN=Master list signer", "mls", "7")
	a.key("ds", "brainpoolP256r1")
	a.issue("ds", "home", "/C=UT/CN=DS", "ds", "8")
	good := a.masterList("mls", "home", home)
	list := func(version byte, set []byte) []byte { return tlvOf(0x30, append([]byte{2, 1, version}, set...)) }
	for name, b := range map[string][]byte{
		"signed by a document signer": a.masterList("ds", "home", home),
		"no certificate":              a.masterList("mls", "home"),
		"version 1":                   a.signList("mls", "home", list(1, tlvOf(0x31, home.Raw))),
		"more than a list":            a.signList("mls", "home", append(list(0, tlvOf(0x31, home.Raw)), 5, 0)),
		"not a set":                   a.signList("mls", "home", list(0, tlvOf(0x30, home.Raw))),
		"cut short":                   good[:len(good)-1],
		"followed by something":       append(bytes.Clone(good), 0),
	} {
		if _, err := trust.Import(t.TempDir(), b, confirm(home)); err == nil {
			t.Errorf("%s: imported", name)
		}
	}
	garbage := a.signList("mls", "home", list(0, tlvOf(0x31, append(bytes.Clone(home.Raw), 0x30, 0))))
	if r := mustImport(t, t.TempDir(), garbage, confirm(home)); r.Unusable != 1 || r.Added != 1 {
		t.Errorf("malformed certificate in a signed list: %+v", r)
	}
	a.run("cms", "-sign", "-in", "content", "-binary", "-nodetach", "-stream", "-indef", "-nosmimecap", "-md", "sha256", "-outform", "DER", "-out", "list",
		"-econtent_type", "2.23.136.1.1.2", "-signer", "mls.crt", "-inkey", "mls.key", "-certfile", "home.crt")
	if streamed := a.get("list"); streamed[1] != 0x80 {
		t.Errorf("not streamed: %x", streamed[:8])
	} else if r := mustImport(t, t.TempDir(), streamed, confirm(home)); r.Added != 1 {
		t.Errorf("streamed: %+v", r)
	}
	// One changed bit anywhere: refused, or nothing is trusted that was not signed.
	// Certificates beside the signer's are not signed; they are never anchors by
	// themselves, since the operator confirms the fingerprint.
	for range 300 {
		i, bit := rand.IntN(len(good)), rand.IntN(8)
		damaged := bytes.Clone(good)
		damaged[i] ^= 1 << bit
		if _, err := trust.ParseMasterList(damaged); err != nil {
			continue
		}
		dir := t.TempDir()
		if _, err := trust.Import(dir, damaged, confirm(home)); err != nil {
			continue
		}
		for _, c := range load(t, dir).Anchors() {
			if !c.Equal(home) {
				t.Errorf("bit %d of byte %d: %s is trusted", bit, i, c.Subject)
			}
		}
	}
}

func TestRevocation(t *testing.T) {
	a := newAuthority(t)
	root := a.state("home", "UT", "State")
	a.key("ds", "brainpoolP256r1")
	ds := a.issue("ds", "home", "/C=UT/CN=DS", "ds", "0x1267")
	dir := t.TempDir()
	mustImport(t, dir, root.Raw, confirm(root))
	before := load(t, dir)
	chain := func() eid.Check {
		t.Helper()
		check, _ := load(t, dir).Chain(ds, time.Now())
		return check
	}
	if check := chain(); check.State != eid.CheckOK || check.Word != trust.WordNoCRL {
		t.Errorf("no list: %+v", check)
	}
	empty := a.crl("home", "30")
	if r := mustImport(t, dir, empty, confirm()); r.Kind != trust.KindCRL || r.Added != 1 {
		t.Errorf("empty list: %+v", r)
	}
	if check := chain(); check != (eid.Check{State: eid.CheckOK}) {
		t.Errorf("empty list: %+v", check)
	}
	if bytes.Equal(before.SHA256(), load(t, dir).SHA256()) {
		t.Error("digest does not cover the revocation list")
	}
	check, _ := load(t, dir).Chain(ds, time.Now().AddDate(0, 0, 31))
	if check.State != eid.CheckOK || check.Word != trust.WordCRLExpired {
		t.Errorf("old list: %+v", check)
	}
	time.Sleep(1100 * time.Millisecond)
	if r := mustImport(t, dir, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: a.crl("home", "30", "1267")}), confirm()); r.Added != 1 || len(r.Replaced) != 1 {
		t.Errorf("second list: %+v", r)
	}
	if check := chain(); check.State != eid.CheckFailed || check.Word != trust.WordRevoked {
		t.Errorf("revoked: %+v", check)
	}
	// A list that has expired still revokes.
	if check, _ := load(t, dir).Chain(ds, time.Now().AddDate(1, 0, 0)); check.State != eid.CheckFailed {
		t.Errorf("revoked on an old list: %+v", check)
	}
	if _, err := trust.Import(dir, empty, confirm()); !errors.Is(err, trust.ErrOlder) {
		t.Errorf("older list: %v", err)
	}
	a.state("other", "UT", "State") // the same name, another key
	if _, err := trust.Import(dir, a.crl("other", "30"), confirm()); !errors.Is(err, trust.ErrUntrusted) {
		t.Errorf("list of a stranger: %v", err)
	}
	damaged := bytes.Clone(empty)
	damaged[len(damaged)-20] ^= 1
	if err := os.WriteFile(filepath.Join(dir, "damaged.crl"), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Load(dir, true); !errors.Is(err, cert.ErrSignature) {
		t.Errorf("damaged list in the folder: %v", err)
	}
}

func TestSplitLDIF(t *testing.T) {
	a, b := []byte("first structure, long enough to be continued on another line"), []byte("second")
	text := base64.StdEncoding.EncodeToString(a)
	ldif := "version: 1\r\n\r\ndn: cn=x,o=ml,c=UT\r\npkdMasterListContent:: " + text[:30] + "\r\n " + text[30:] +
		"\r\nuserCertificate;binary:: AAAA\r\nCN: pkdMasterListContent\r\n\r\ndn: o=crl\r\ncertificateRevocationList;binary:: " + base64.StdEncoding.EncodeToString(b) + "\r\n"
	parts, err := trust.Split([]byte(ldif))
	if err != nil || len(parts) != 2 || !bytes.Equal(parts[0], a) || !bytes.Equal(parts[1], b) {
		t.Errorf("%q %v", parts, err)
	}
	for _, bad := range []string{"version: 1\n", "dn: x\npkdMasterListContent:: ***\n"} {
		if _, err := trust.Split([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	if parts, err := trust.Split([]byte{0x30, 0}); err != nil || len(parts) != 1 {
		t.Errorf("other files: %v", err)
	}
}

func TestFolder(t *testing.T) {
	der, _ := anchor(t, "A", true)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.der"), der, time.Now())
	f := trust.NewFolder(dir, true)
	one, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.Load(); err != nil || again != one {
		t.Errorf("unchanged folder was read again: %v", err)
	}
	other, _ := anchor(t, "B", true)
	mustImport(t, dir, other, trust.ImportOptions{Production: true, Confirmed: [][sha256.Size]byte{sha256.Sum256(other)}})
	two, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := two.Len(); n != 2 {
		t.Errorf("%d anchors after an import", n)
	}
	write(t, filepath.Join(dir, "b.der"), []byte{0x30, 0}, time.Now())
	if _, err := f.Load(); err == nil {
		t.Error("damaged folder loads")
	}
	if s, err := trust.NewFolder("", true).Load(); err != nil || len(s.Anchors()) != 0 {
		t.Errorf("no folder: %v", err)
	}
}
