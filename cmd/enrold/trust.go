package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/reader/trust/cert"
)

// trustCmd fills and shows the folder of CSCA certificates that a desk trusts.
type trustCmd struct {
	Import trustImportCmd `cmd:"" help:"Add certificates, link certificates, master lists or revocation lists (PEM, DER, LDIF)."`
	List   trustListCmd   `cmd:"" help:"Show what the folder holds, its age and digest."`
	Verify trustVerifyCmd `cmd:"" help:"Check the folder, and certificates of document signers against it. Exit status 3: a check is not ok."`
}

// trustFolder names the folder, by the desk's configuration or directly.
type trustFolder struct {
	Config     string `help:"Configuration file of the desk: its trust folder, and whether it is a production desk." type:"existingfile" xor:"folder" required:""`
	Dir        string `help:"Trust folder." type:"path" xor:"folder" required:""`
	Production bool   `help:"Refuse test anchors, as a production desk does (with --dir)."`
	JSON       bool   `help:"Print JSON."`
}

func (f trustFolder) resolve() (dir string, production bool, err error) {
	if f.Dir != "" {
		return f.Dir, f.Production, nil
	}
	cfg, err := config.Load(f.Config)
	if err != nil {
		return "", false, err
	}
	if cfg.Chip.Trust == "" {
		return "", false, errors.New("the configuration names no trust folder (chip.trust)")
	}
	return cfg.Chip.Trust, cfg.Desk.Production, nil
}

type trustImportCmd struct {
	Files   []string `arg:"" type:"existingfile" help:"Files to import, in this order."`
	Confirm []string `help:"SHA-256 fingerprint of a certificate that was compared with a second source (hexadecimal; colons and spaces are ignored)."`
	trustFolder
}

// imported is what is printed of one structure of a file.
type imported struct {
	File string `json:"file"`
	trust.Report
	Error   string        `json:"error,omitempty"`
	Confirm []unconfirmed `json:"confirm,omitempty"`
}

type unconfirmed struct {
	SHA256  string `json:"sha256"`
	Subject string `json:"subject"`
}

// Run imports every file and reports all of them; it fails when one failed.
func (c *trustImportCmd) Run(context.Context) error {
	dir, production, err := c.resolve()
	if err != nil {
		return err
	}
	o := trust.ImportOptions{Production: production}
	for _, text := range c.Confirm {
		sum, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("--confirm %q is not a SHA-256 fingerprint", text)
		}
		o.Confirmed = append(o.Confirmed, [sha256.Size]byte(sum))
	}
	var done []imported
	failed := 0
	for _, name := range c.Files {
		for _, one := range importFile(dir, name, o) {
			if done = append(done, one); one.Error != "" {
				failed++
			}
		}
	}
	if c.JSON {
		err = printJSON(done)
	} else {
		err = printImports(os.Stdout, done)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d imports failed", failed, len(done))
	}
	return err
}

func importFile(dir, name string, o trust.ImportOptions) (done []imported) {
	fail := func(err error) []imported { return append(done, imported{File: name, Error: err.Error()}) }
	f, err := os.Open(name)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, trust.MaxImport+1))
	if err != nil {
		return fail(err)
	}
	parts, err := trust.Split(b)
	if err != nil {
		return fail(err)
	}
	for _, part := range parts {
		one := imported{File: name}
		one.Report, err = trust.Import(dir, part, o)
		if err != nil {
			one.Error = err.Error()
		}
		if u, ok := errors.AsType[*trust.UnconfirmedError](err); ok {
			for _, c := range u.Certificates {
				one.Confirm = append(one.Confirm, unconfirmed{fmt.Sprintf("%X", c.Fingerprint()), c.Subject.String()})
			}
		}
		done = append(done, one)
	}
	return done
}

func printImports(w io.Writer, done []imported) error {
	for _, d := range done {
		var err error
		switch {
		case d.Error != "":
			_, err = fmt.Fprintf(w, "%s: %s\n", d.File, d.Error)
		default:
			_, err = fmt.Fprintf(w, "%s: %s: %d added, %d known, %d unusable%s\n", d.File, d.Kind, d.Added, d.Known, d.Unusable, signedBy(d.Signer, d.Time))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func signedBy(signer string, at time.Time) string {
	if signer == "" {
		return ""
	}
	return fmt.Sprintf("; signed by %s, %s", signer, at.UTC().Format(time.DateOnly))
}

type trustListCmd struct {
	trustFolder
}

// listing is the folder as JSON.
type listing struct {
	SHA256   string         `json:"sha256"`
	Updated  time.Time      `json:"updated,omitzero"`
	AgeDays  int            `json:"age_days"`
	Anchors  []anchorRow    `json:"anchors"`
	Unusable int            `json:"unusable"`
	Sources  []trust.Source `json:"sources"`
}

type anchorRow struct {
	SHA256    string    `json:"sha256"`
	Country   string    `json:"country"`
	Subject   string    `json:"subject"`
	Link      bool      `json:"link"` // issued by another key of the state
	Key       string    `json:"key"`
	KeyID     string    `json:"key_id"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Test      bool      `json:"test"`
}

func (c *trustListCmd) Run(context.Context) error {
	dir, production, err := c.resolve()
	if err != nil {
		return err
	}
	s, err := trust.Load(dir, production)
	if err != nil {
		return err
	}
	l := listing{SHA256: hex.EncodeToString(s.SHA256()), Updated: s.Updated(), Sources: s.Sources(), Anchors: []anchorRow{}}
	_, l.Unusable = s.Len()
	if !l.Updated.IsZero() {
		l.AgeDays = int(time.Since(l.Updated).Hours() / 24)
	}
	for _, a := range s.Anchors() {
		l.Anchors = append(l.Anchors, rowOf(a))
	}
	if c.JSON {
		return printJSON(l)
	}
	return l.print(os.Stdout)
}

func rowOf(a *cert.Certificate) anchorRow {
	return anchorRow{
		SHA256: fmt.Sprintf("%x", a.Fingerprint()), Country: a.Subject.Country(), Subject: a.Subject.String(),
		Link: a.SignedBy(a) != nil, Key: a.Key.String(), KeyID: hex.EncodeToString(a.SubjectKeyID),
		NotBefore: a.NotBefore, NotAfter: a.NotAfter, Test: trust.IsTest(a),
	}
}

func (l listing) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATE\tKEY\tVALID FROM\tUNTIL\tKIND\tSUBJECT\tSHA-256")
	for _, a := range l.Anchors {
		kind := "root"
		if a.Link {
			kind = "link"
		}
		if a.Test {
			kind += ", test"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Country, a.Key, a.NotBefore.Format(time.DateOnly), a.NotAfter.Format(time.DateOnly), kind, a.Subject, a.SHA256)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "FILE\tKIND\tOF\tCONTENT\tSIGNER OR ISSUER")
	for _, s := range l.Sources {
		content := fmt.Sprintf("%d anchors, %d unusable", s.Certificates, s.Unusable)
		if s.Kind == trust.KindCRL {
			content = fmt.Sprintf("%d revoked, until %s, verified: %t", s.Revoked, s.Expires.Format(time.DateOnly), s.Verified)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.File, s.Kind, s.Time.UTC().Format(time.DateOnly), content, s.Signer)
	}
	fmt.Fprintf(w, "\n%d anchors, %d unusable certificates; digest %s", len(l.Anchors), l.Unusable, l.SHA256)
	if !l.Updated.IsZero() {
		fmt.Fprintf(w, "; %d days old (%s)", l.AgeDays, l.Updated.UTC().Format(time.RFC3339))
	}
	fmt.Fprintln(w)
	return w.Flush()
}

type trustVerifyCmd struct {
	Certificates []string `arg:"" optional:"" type:"existingfile" help:"Certificates of document signers or master list signers (PEM or DER)."`
	trustFolder
}

// verdict is one line of verify.
type verdict struct {
	What  string    `json:"what"`
	Check eid.Check `json:"check"`
}

func (c *trustVerifyCmd) Run(context.Context) error {
	dir, production, err := c.resolve()
	if err != nil {
		return err
	}
	s, err := trust.Load(dir, production)
	if err != nil {
		return err
	}
	verdicts := folderVerdicts(s, time.Now())
	for _, name := range c.Certificates {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		list, err := trust.ParseCertificates(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, d := range list {
			check, _ := s.Chain(d, time.Now())
			verdicts = append(verdicts, verdict{name + ": " + d.Subject.String(), check})
		}
	}
	if c.JSON {
		err = printJSON(verdicts)
	} else {
		for _, v := range verdicts {
			fmt.Printf("%-12s %s", v.Check.State, v.What)
			if v.Check.Reason != "" {
				fmt.Printf(" (%s: %s)", v.Check.Word, v.Check.Reason)
			}
			fmt.Println()
		}
	}
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if v.Check.State != eid.CheckOK {
			return exitStatus(3)
		}
	}
	return nil
}

// exitStatus is an error that kong turns into that status of the process.
type exitStatus int

func (e exitStatus) Error() string { return "a check is not ok" }

// ExitCode is kong's interface.
func (e exitStatus) ExitCode() int { return int(e) }

// folderVerdicts judges the folder itself: Load has verified every signature.
func folderVerdicts(s *trust.Store, now time.Time) (list []verdict) {
	usable, unusable := s.Len()
	folder := eid.Check{State: eid.CheckOK}
	switch {
	case usable == 0:
		folder = eid.Check{State: eid.CheckNotPossible, Word: "empty", Reason: "no anchor: every chip is unverified"}
	case unusable > 0:
		folder.Word, folder.Reason = "unusable", fmt.Sprintf("%d certificates cannot be used", unusable)
	}
	list = append(list, verdict{fmt.Sprintf("folder: %d anchors", usable), folder})
	for _, f := range s.Sources() {
		check := eid.Check{State: eid.CheckOK}
		switch {
		case f.Kind == trust.KindMasterList && !f.Verified:
			check = eid.Check{State: eid.CheckFailed, Word: trust.WordRevoked, Reason: "its signer is revoked: the list is not used"}
		case f.Kind != trust.KindCRL:
		case !f.Verified:
			check = eid.Check{State: eid.CheckNotPossible, Word: "crl-unverified", Reason: "its issuer is not in the folder: the list is not used"}
		case !f.Expires.IsZero() && now.After(f.Expires):
			check.Word, check.Reason = trust.WordCRLExpired, "expired on "+f.Expires.Format(time.DateOnly)
		}
		list = append(list, verdict{f.File, check})
	}
	return list
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
