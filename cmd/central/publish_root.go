package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
)

// rootCommand is for a machine that is on no network.
type rootCommand struct {
	Create rootCreateCommand `cmd:"" help:"Make the root key, on a machine that stays offline."`
	Sign   rootSignCommand   `cmd:"" help:"Sign an item that desks are to know."`
}

type rootCreateCommand struct {
	Out string `required:"" type:"path" help:"Folder for root_private.pem and root.pem."`
}

// Run never replaces a key.
func (c rootCreateCommand) Run() error {
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	if err := writeNew(filepath.Join(c.Out, "root_private.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	if err := writeNew(filepath.Join(c.Out, rootFile), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})); err != nil {
		return fmt.Errorf("make root key: %w", err)
	}
	fmt.Println("root key in", c.Out, "- keep root_private.pem offline; desks and central get root.pem")
	return nil
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

type rootSignCommand struct {
	Key     string   `required:"" type:"existingfile" help:"The root's private key, mode 0600."`
	Kind    string   `required:"" enum:"seal_keys,trust_list,rules,calendar,profiles" help:"What is signed: seal_keys, trust_list, rules, calendar or profiles."`
	Version int64    `required:"" help:"Higher than any published before of this kind."`
	From    string   `help:"First day of validity, YYYY-MM-DD (default: now)."`
	Days    int      `default:"90" help:"Days of validity."`
	Out     string   `required:"" type:"path" help:"File for the signed item; must not exist."`
	Files   []string `arg:"" help:"Content. seal_keys: seal_key files, each as FILE or FILE@FROM/TO with days; rules and profiles: TOML files; trust_list and calendar: one file."`
}

// Run writes the signed item.
func (c rootSignCommand) Run() error {
	from := time.Now().Add(-time.Minute).UTC() // a desk's clock may be behind
	if c.From != "" {
		var err error
		if from, err = time.Parse(time.DateOnly, c.From); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	item := published.Item{Kind: c.Kind, Version: c.Version, NotBefore: from, NotAfter: from.AddDate(0, 0, c.Days)}
	key, err := request.LoadPrivateKey(c.Key)
	if err != nil {
		return fmt.Errorf("load root key: %w", err)
	}
	if item.Data, err = c.data(item.NotBefore, item.NotAfter); err != nil {
		return err
	}
	message, err := published.Sign(key, item)
	if err != nil {
		return err
	}
	if err := writeNew(c.Out, message); err != nil {
		return fmt.Errorf("write item: %w", err)
	}
	fmt.Printf("%s version %d, valid %s to %s, sha256 %s\n", item.Kind, item.Version,
		item.NotBefore.Format(time.DateOnly), item.NotAfter.Format(time.DateOnly), published.Hash(message))
	return nil
}

func (c rootSignCommand) data(from, to time.Time) ([]byte, error) {
	switch c.Kind {
	case published.KindSealKeys:
		return sealKeys(c.Files, from, to)
	case published.KindRules, published.KindProfiles:
		files := map[string][]byte{}
		for _, path := range c.Files {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("read content: %w", err)
			}
			files[filepath.Base(path)] = content
		}
		return published.EncodeFiles(files)
	}
	if len(c.Files) != 1 {
		return nil, fmt.Errorf("%s takes one file", c.Kind)
	}
	content, err := os.ReadFile(c.Files[0])
	if err != nil {
		return nil, fmt.Errorf("read content: %w", err)
	}
	return bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), nil
}

// sealKeys reads keys with the time that each is to be used.
func sealKeys(args []string, from, to time.Time) ([]byte, error) {
	var keys []published.SealKey
	for _, arg := range args {
		path, span, spanned := strings.Cut(arg, "@")
		start, end := from, to
		if spanned {
			a, b, ok := strings.Cut(span, "/")
			var err, err2 error
			start, err = time.Parse(time.DateOnly, a)
			end, err2 = time.Parse(time.DateOnly, b)
			if !ok || err != nil || err2 != nil {
				return nil, fmt.Errorf("%q: want FILE@YYYY-MM-DD/YYYY-MM-DD", arg)
			}
		}
		pub, err := request.LoadSealKey(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, published.NewSealKey(pub, start, end))
	}
	return published.EncodeSealKeys(keys)
}
