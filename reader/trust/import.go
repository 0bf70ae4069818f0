package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/reader/trust/cert"
)

// ImportOptions is what an import depends on beside folder and content.
type ImportOptions struct {
	// Confirmed are SHA-256 fingerprints of certificates that the operator
	// compared with a second source (Doc 9303-12 §5: bilateral exchange).
	Confirmed  [][sha256.Size]byte
	Production bool // refuses test anchors
}

// Report says what an import did.
type Report struct {
	Kind     Kind      `json:"kind"`
	Added    int       `json:"added"`              // certificates or lists new to the folder
	Known    int       `json:"known"`              // those that were there
	Unusable int       `json:"unusable,omitempty"` // certificates of a list that no check can use
	Signer   string    `json:"signer,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Files    []string  `json:"files,omitempty"`    // written
	Replaced []string  `json:"replaced,omitempty"` // taken away, superseded
}

var (
	// ErrOlder is returned for a list that is older than the one in the folder.
	ErrOlder = errors.New("the folder holds a newer list of this issuer")
	// ErrNotAnchor is returned for a certificate that may not sign others.
	ErrNotAnchor = errors.New("certificate is not of a country signing authority")
)

// UnconfirmedError lists the certificates that the operator must confirm by
// fingerprint before the import can be trusted; one of them is enough for a
// master list, all are needed for certificates.
type UnconfirmedError struct{ Certificates []*cert.Certificate }

func (e *UnconfirmedError) Error() string {
	var b strings.Builder
	b.WriteString("nothing that is trusted vouches for it; compare with a second source and confirm:")
	for _, c := range e.Certificates {
		fmt.Fprintf(&b, "\n  %X  %s", c.Fingerprint(), c.Subject)
	}
	return b.String()
}

// Import adds the content of one file (certificates, a master list or
// revocation lists, PEM or DER) to the folder, which is made if it is missing.
// Each file is written whole or not at all, and only when the folder that
// results loads without error.
//
// Self-signed certificates need the operator's confirmation, link certificates
// an anchor that issued them, master lists a signer issued by an anchor,
// revocation lists an anchor that signed them. A newer list of an issuer
// replaces the older one.
func Import(dir string, content []byte, o ImportOptions) (Report, error) {
	parsed, err := parseFile(content)
	if err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return Report{}, fmt.Errorf("import: lock trust folder: %w", err)
	}
	if err := sweep(dir); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	im := &importer{dir: dir, o: o}
	if im.files, err = readFolder(dir); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if im.store, err = build(im.files, o.Production); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if err := im.take(parsed); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if err := im.commit(); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	return im.report, nil
}

// importer collects what an import changes before anything is written.
type importer struct {
	dir    string
	o      ImportOptions
	files  []file // of the folder, as they will be
	store  *Store // of the folder, as it was
	write  []pending
	remove []string
	report Report
}

type pending struct {
	name    string
	content []byte
}

func (im *importer) take(f file) error {
	switch {
	case f.list != nil:
		return im.masterList(f.list)
	case len(f.certificates) > 0:
		im.report.Kind = KindCertificates
		if err := im.certificates(f.certificates); err != nil {
			return err
		}
	}
	for _, l := range f.crls {
		if err := im.crl(l); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) certificates(list []*cert.Certificate) error {
	accepted := &Store{anchors: im.store.Anchors()}
	var fresh, waiting []*cert.Certificate
	for _, c := range list {
		switch {
		case im.isRoot(c):
			im.report.Known++
		case c.Key.Supported() != nil:
			return fmt.Errorf("%q: %w", c.Subject, c.Key.Supported())
		case !c.MaySign():
			return fmt.Errorf("%q: %w", c.Subject, ErrNotAnchor)
		case slices.Contains(im.o.Confirmed, c.Fingerprint()) || slices.ContainsFunc(accepted.anchors, c.Equal):
			fresh, accepted.anchors = append(fresh, c), append(accepted.anchors, c)
		default:
			waiting = append(waiting, c)
		}
	}
	// Link certificates may follow one another.
	for again := true; again; {
		again = false
		waiting = slices.DeleteFunc(waiting, func(c *cert.Certificate) bool {
			linked := slices.ContainsFunc(accepted.issuersOf(c), func(a *cert.Certificate) bool {
				return !a.Equal(c) && c.SignedBy(a) == nil && a.ValidAt(c.NotBefore) && a.Subject.Country() == c.Subject.Country()
			})
			if linked {
				fresh, accepted.anchors, again = append(fresh, c), append(accepted.anchors, c), true
			}
			return linked
		})
	}
	if len(waiting) > 0 {
		return &UnconfirmedError{waiting}
	}
	im.report.Added += len(fresh)
	im.addRoots(fresh)
	return nil
}

// isRoot says whether the folder holds c in a file of certificates; an anchor
// that only a master list holds goes when the list goes.
func (im *importer) isRoot(c *cert.Certificate) bool {
	return slices.ContainsFunc(im.files, func(f file) bool { return slices.ContainsFunc(f.certificates, c.Equal) })
}

func (im *importer) addRoots(list []*cert.Certificate) {
	if len(list) == 0 {
		return
	}
	var content []byte
	for _, c := range list {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	im.add("csca", list[0].Subject, ".pem", content, file{certificates: list, changed: time.Now()})
}

func (im *importer) masterList(l *MasterList) error {
	im.report = Report{Kind: KindMasterList, Signer: l.Signer.Subject.String(), Time: l.Signed, Unusable: l.Malformed}
	for _, f := range im.files {
		if f.list == nil || f.list.Signer.Issuer.Canonical() != l.Signer.Issuer.Canonical() {
			continue
		}
		if f.list.SHA256() == l.SHA256() {
			im.report.Known = 1
			return nil
		}
		if f.list.Signed.After(l.Signed) {
			return ErrOlder
		}
		im.drop(f)
	}
	if err := im.vouch(l); err != nil {
		return err
	}
	for _, c := range l.Certificates {
		switch {
		case c.Key.Supported() != nil || !c.MaySign() || c.Understood() != nil:
			im.report.Unusable++
		case !slices.ContainsFunc(im.store.anchors, c.Equal):
			im.report.Added++
		default:
			im.report.Known++
		}
	}
	im.add("masterlist", l.Signer.Issuer, ".ml", l.Raw, file{list: l, changed: time.Now()})
	return nil
}

// vouch finds who issued the list's signer: an anchor of the folder, or a
// certificate in the message that the operator confirmed. It becomes a root, so
// that the list stays trusted when others are replaced.
func (im *importer) vouch(l *MasterList) error {
	err := l.trustedBy(im.store)
	switch {
	case err == nil:
		_, issuer := im.store.Chain(l.Signer, time.Now())
		if !im.isRoot(issuer) {
			im.addRoots([]*cert.Certificate{issuer})
		}
		return nil
	case !errors.Is(err, ErrUntrusted):
		return err
	}
	var candidates []*cert.Certificate
	for _, c := range slices.Concat(l.Companions, l.Certificates) {
		known := slices.ContainsFunc(candidates, c.Equal)
		if known || !c.MaySign() || !cert.IssuedBy(l.Signer.Issuer, l.Signer.AuthorityKeyID, c) || l.Signer.SignedBy(c) != nil {
			continue
		}
		if slices.Contains(im.o.Confirmed, c.Fingerprint()) {
			im.addRoots([]*cert.Certificate{c})
			return nil
		}
		candidates = append(candidates, c)
	}
	if len(candidates) == 0 {
		return err
	}
	return &UnconfirmedError{candidates}
}

func (im *importer) crl(l *cert.CRL) error {
	if im.report.Kind == "" {
		im.report = Report{Kind: KindCRL, Signer: l.Issuer.String(), Time: l.ThisUpdate}
	}
	if err := im.store.vouched(l); err != nil {
		return fmt.Errorf("revocation list of %q: %w", l.Issuer, err)
	}
	for _, f := range im.files {
		// Files of several lists were put there by hand and stay.
		if len(f.crls) != 1 || f.crls[0].Issuer.Canonical() != l.Issuer.Canonical() || !slices.Equal(f.crls[0].AuthorityKeyID, l.AuthorityKeyID) {
			continue
		}
		if f.crls[0].Equal(l) {
			im.report.Known++
			return nil
		}
		if !l.Newer(f.crls[0]) {
			return ErrOlder
		}
		if len(f.certificates) == 0 && f.list == nil {
			im.drop(f)
		}
	}
	im.report.Added++
	im.add("crl", l.Issuer, ".crl", l.Raw, file{crls: []*cert.CRL{l}, changed: time.Now()})
	return nil
}

// add plans a file named by its content.
func (im *importer) add(kind string, owner cert.Name, ext string, content []byte, f file) {
	country := strings.Map(func(r rune) rune {
		if r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, owner.Country())
	sum := sha256.Sum256(content)
	f.name = strings.ToLower(strings.Join(slices.DeleteFunc([]string{kind, country, hex.EncodeToString(sum[:8])}, func(s string) bool { return s == "" }), "-")) + ext
	im.write = append(im.write, pending{f.name, content})
	im.files = append(im.files, f)
}

func (im *importer) drop(f file) { im.remove = append(im.remove, f.name) }

// commit tries the folder as it will be, then writes, then removes: a crash
// between leaves more than is needed, never less.
func (im *importer) commit() error {
	im.files = slices.DeleteFunc(im.files, func(f file) bool { return slices.Contains(im.remove, f.name) })
	if _, err := build(im.files, im.o.Production); err != nil {
		return err
	}
	for _, p := range im.write {
		if err := write(im.dir, p.name, p.content); err != nil {
			return err
		}
		im.report.Files = append(im.report.Files, p.name)
	}
	if len(im.write) == 0 {
		return nil
	}
	if err := settle(im.dir); err != nil {
		return err
	}
	for _, name := range im.remove {
		if err := os.Remove(filepath.Join(im.dir, name)); err != nil {
			return fmt.Errorf("replace list: %w", err)
		}
		im.report.Replaced = append(im.report.Replaced, name)
	}
	return settle(im.dir)
}
