package keys

import (
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// root is an offline root of one test.
type root struct {
	t   *testing.T
	key *ecdsa.PrivateKey
}

func newRoot(t *testing.T) root { return root{t, newCentral(t).key} }

func (r root) pem() []byte {
	r.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(r.key.Public())
	if err != nil {
		r.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// sealKeys signs a list of one new key that is valid from now until end.
func (r root) sealKeys(version int64, end time.Time) (signed []byte, key hpke.PublicKey) {
	r.t.Helper()
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		r.t.Fatal(err)
	}
	from := time.Now().AddDate(0, 0, -10)
	data, err := published.EncodeSealKeys([]published.SealKey{published.NewSealKey(seal.PublicKey(), from, end)})
	if err != nil {
		r.t.Fatal(err)
	}
	signed, err = published.Sign(r.key, published.Item{Kind: published.KindSealKeys, Version: version, NotBefore: from, NotAfter: end, Data: data})
	if err != nil {
		r.t.Fatal(err)
	}
	return signed, seal.PublicKey()
}

// renew takes the desk through a request and the answer that change makes of c's.
func renew(t *testing.T, d *Desk, c central, fingerprint bool, change func(*enrolment.Answer)) error {
	t.Helper()
	file, err := d.Request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := c.approve(t, file)
	change(&a)
	text, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = enrolment.ParseAnswer(text); err != nil {
		t.Fatal(err)
	}
	said := ""
	if fingerprint {
		said = a.Fingerprint()
	}
	_, err = d.Install(t.Context(), a, said, time.Now())
	return err
}

func rooted(t *testing.T) (config.Config, *Desk) {
	t.Helper()
	cfg := desk(t, config.KeySoftware)
	cfg.Central.Root = filepath.Join(filepath.Dir(cfg.Central.CA), "root.pem")
	return cfg, openDesk(t, cfg)
}

// recipients are the keys that a desk with this folder seals to.
func recipients(t *testing.T, cfg config.Config) (published.Recipients, error) {
	t.Helper()
	text, err := os.ReadFile(cfg.Central.Root)
	if err != nil {
		t.Fatal(err)
	}
	key, err := request.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := published.OpenStore(filepath.Join(cfg.Desk.Data, "published"), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Recipients(time.Now(), published.SealPolicy{})
}

// TestAnswerBringsRootAndSealKeys: after the answer a desk can seal, without a
// network and without another file.
func TestAnswerBringsRootAndSealKeys(t *testing.T) {
	cfg, d := rooted(t)
	c, r := newCentral(t), newRoot(t)
	list, key := r.sealKeys(1, time.Now().AddDate(0, 0, 30))
	whole := func(a *enrolment.Answer) { a.Root, a.SealKeys = r.pem(), list }
	if err := renew(t, d, c, false, whole); !errors.Is(err, ErrUnknownCentral) {
		t.Fatalf("nobody compared: %v", err)
	}
	if _, err := os.Stat(cfg.Central.Root); err == nil {
		t.Fatal("a root was installed that nobody compared")
	}
	if err := renew(t, d, c, true, whole); err != nil {
		t.Fatal(err)
	}
	got, err := recipients(t, cfg)
	if err != nil || len(got.Keys) != 1 || string(got.Keys[0].Bytes()) != string(key.Bytes()) {
		t.Fatalf("recipients %+v, %v", got, err)
	}
	if _, err := os.Stat(cfg.Central.SealKey); err == nil {
		t.Fatal("the unsigned seal key was installed beside the signed list")
	}
	// A renewal of the same central needs no fingerprint.
	next, _ := r.sealKeys(2, time.Now().AddDate(0, 0, 60))
	if err := renew(t, d, c, false, func(a *enrolment.Answer) { a.Root, a.SealKeys = r.pem(), next }); err != nil {
		t.Fatal(err)
	}
	// Lists that are older or over do not keep a certificate away, and change nothing.
	over, _ := r.sealKeys(9, time.Now().AddDate(0, 0, -1))
	for name, old := range map[string][]byte{"older": list, "over": over, "none": nil} {
		if err := renew(t, d, c, false, func(a *enrolment.Answer) { a.Root, a.SealKeys = r.pem(), old }); err != nil {
			t.Fatalf("%s list: %v", name, err)
		}
		if got, err := recipients(t, cfg); err != nil || got.Until.Before(time.Now().AddDate(0, 0, 59)) {
			t.Fatalf("%s list: %+v, %v", name, got, err)
		}
	}
}

// TestACentralNeverReplacesTheRoot: neither for a desk that it enrolled nor with
// a fingerprint, nor may it pass off a list that another key signed.
func TestACentralNeverReplacesTheRoot(t *testing.T) {
	cfg, d := rooted(t)
	c, r, thief := newCentral(t), newRoot(t), newRoot(t)
	list, _ := r.sealKeys(1, time.Now().AddDate(0, 0, 30))
	if err := renew(t, d, c, true, func(a *enrolment.Answer) { a.Root, a.SealKeys = r.pem(), list }); err != nil {
		t.Fatal(err)
	}
	before, err := d.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	stolen, _ := thief.sealKeys(9, time.Now().AddDate(0, 0, 30))
	if err := renew(t, d, c, true, func(a *enrolment.Answer) { a.Root, a.SealKeys = thief.pem(), stolen }); !errors.Is(err, ErrOtherRoot) {
		t.Fatalf("another root: %v", err)
	}
	for name, withRoot := range map[string][]byte{"ours": r.pem(), "none": nil} {
		err := renew(t, d, c, true, func(a *enrolment.Answer) { a.Root, a.SealKeys = withRoot, stolen })
		if eid.CodeOf(err) != eid.CodePublished {
			t.Fatalf("a list that the root did not sign, root %s: %v", name, err)
		}
	}
	text, err := os.ReadFile(cfg.Central.Root)
	if err != nil || string(text) != string(r.pem()) {
		t.Fatalf("the root was replaced: %v", err)
	}
	if after, err := d.Certificate(); err != nil || !after.Equal(before) {
		t.Fatalf("a refused answer changed the certificate: %v", err)
	}
	if got, err := recipients(t, cfg); err != nil || got.Until.Before(time.Now().AddDate(0, 0, 29)) {
		t.Fatalf("recipients %+v, %v", got, err)
	}
}

// TestARootIsComparedAlsoByADeskThatKnowsItsCentral: the desk was enrolled
// before its central had a root.
func TestARootIsComparedAlsoByADeskThatKnowsItsCentral(t *testing.T) {
	cfg, d := rooted(t)
	c, r := newCentral(t), newRoot(t)
	if err := renew(t, d, c, true, func(*enrolment.Answer) {}); err != nil {
		t.Fatal(err)
	}
	list, _ := r.sealKeys(1, time.Now().AddDate(0, 0, 30))
	whole := func(a *enrolment.Answer) { a.Root, a.SealKeys = r.pem(), list }
	if err := renew(t, d, c, false, whole); !errors.Is(err, ErrUnknownCentral) {
		t.Fatalf("nobody compared the root: %v", err)
	}
	if err := renew(t, d, c, true, whole); err != nil {
		t.Fatal(err)
	}
	if _, err := recipients(t, cfg); err != nil {
		t.Fatal(err)
	}
}
