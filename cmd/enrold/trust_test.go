package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/trust"
)

// trustRun runs `enrold trust args…` and returns its status.
func trustRun(t *testing.T, args ...string) error {
	t.Helper()
	var c cli
	parser, err := kong.New(&c, kong.Name("enrold"), kong.Vars{"version": version}, kong.BindTo(t.Context(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"trust"}, args...))
	if err != nil {
		return err
	}
	return parsed.Run()
}

func TestTrustCommand(t *testing.T) {
	dir := t.TempDir()
	roots, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(root, roots["csca-vn.crt.pem"], 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := trust.ParseCertificates(roots["csca-vn.crt.pem"])
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := fmt.Sprintf("%X", list[0].Fingerprint())
	folder := filepath.Join(dir, "trust")
	if err := trustRun(t, "import", "--dir", folder, root); err == nil {
		t.Error("imported without confirmation")
	}
	for _, bad := range []string{"", "12", "zz"} {
		if err := trustRun(t, "import", "--dir", folder, "--confirm="+bad, root); err == nil {
			t.Errorf("fingerprint %q accepted", bad)
		}
	}
	if err := trustRun(t, "import", "--dir", folder, "--confirm", fingerprint, "--production", root); err == nil {
		t.Error("a production desk took a test anchor")
	}
	if status, ok := errors.AsType[exitStatus](trustRun(t, "verify", "--dir", folder)); !ok || status.ExitCode() != 3 {
		t.Errorf("empty folder: status %d", status)
	}
	if err := trustRun(t, "import", "--dir", folder, "--json", "--confirm", strings.ToLower(fingerprint[:32])+":"+fingerprint[32:], root); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list", "--dir", folder}, {"list", "--dir", folder, "--json"}, {"verify", "--dir", folder}} {
		if err := trustRun(t, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := trustRun(t, "verify", "--dir", folder, root); err != nil { // a root is issued by itself
		t.Error(err)
	}
	if err := trustRun(t, "list", "--dir", folder, "--production"); err == nil {
		t.Error("a production desk listed a test anchor")
	}
	if err := trustRun(t, "list"); err == nil {
		t.Error("no folder named, and no error")
	}

	file := filepath.Join(dir, "desk.toml")
	b, err := config.Marshal(config.Config{
		Desk: config.Desk{ID: "d", Role: config.CommunePolice, Data: "data", Listen: "127.0.0.1:0", Production: true},
		Chip: config.Chip{Trust: "trust", Origin: eid.OriginDevice},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := trustRun(t, "list", "--config", file); err == nil {
		t.Error("the configuration's production flag does not count")
	}
}

func TestTrustListing(t *testing.T) {
	l := listing{
		SHA256: "00ff", Updated: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), AgeDays: 3, Unusable: 1,
		Anchors: []anchorRow{{Country: "UT", Subject: "CN=CSCA,C=UT", Key: "RSA 2048", Link: true, Test: true, SHA256: "aa"}},
		Sources: []trust.Source{{File: "x.crl", Kind: trust.KindCRL, Revoked: 4, Verified: true, Signer: "CN=CSCA,C=UT"}, {File: "y.ml", Kind: trust.KindMasterList, Certificates: 7, Unusable: 1}},
	}
	var out bytes.Buffer
	if err := l.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"link, test", "CN=CSCA,C=UT", "4 revoked", "7 anchors, 1 unusable", "digest 00ff", "3 days old"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
