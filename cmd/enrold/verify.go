package main

import (
	"crypto"
	"crypto/hpke"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/enrold/enrold/internal/inspect"
	"github.com/enrold/enrold/queue/request"
)

type verifyCmd struct {
	File     string   `arg:"" help:"A request: sealed, opened (COSE_Sign) or its bare body." type:"existingfile"`
	Key      []string `help:"A central's private key that opens seals (base64, mode 0600)." type:"existingfile"`
	Device   []string `help:"A desk's public key (PEM)." type:"existingfile"`
	Officer  []string `help:"An officer's public key or certificate (PEM)." type:"existingfile"`
	Roots    string   `help:"Roots of officers' certificates (PEM), for the CMS signature." type:"existingfile"`
	Previous string   `help:"The sealed request of the desk's number before, for the chain." type:"existingfile"`
	Extract  string   `help:"Folder for the signed bytes (body.cbor) and the officer's CMS signature over them (officer.p7s), for other verifiers. They hold personal data." type:"path"`
	JSON     bool     `name:"json" help:"Print the report as JSON."`
}

// Run prints what the given keys prove. The exit status says whether a check
// failed; one that was not made is no failure, but is said.
func (c *verifyCmd) Run(out io.Writer) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, request.MaxSealed+1))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if len(data) > request.MaxSealed {
		return fmt.Errorf("verify: more than %d bytes: not a request", request.MaxSealed)
	}
	report := inspect.File(data, keys)
	if c.JSON {
		err = json.NewEncoder(out).Encode(report)
	} else {
		err = printReport(out, report)
	}
	if err == nil && c.Extract != "" {
		err = extract(c.Extract, data, keys.Central)
	}
	if err == nil && report.Verdict == inspect.Failed {
		err = errors.New("verify: a check failed")
	}
	return err
}

// extract writes what was signed, and the CMS signature where there is one: as
// `openssl cms -verify -binary -inform DER -in officer.p7s -content body.cbor` wants them.
func extract(dir string, data []byte, central []hpke.PrivateKey) error {
	for _, key := range central {
		if _, signed, err := request.OpenBytes(key, data); err == nil {
			data = signed
			break
		}
	}
	m, err := request.ParseMessage(data)
	if err != nil {
		return fmt.Errorf("extract: the file is not opened: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	for name, content := range map[string][]byte{"body.cbor": m.Payload, "officer.p7s": m.CMS} {
		if len(content) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("extract: %w", err)
		}
	}
	return nil
}

func printReport(out io.Writer, r inspect.Report) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s request, SHA-256 %s\n", r.Form, r.SHA256)
	if r.Request != "" {
		fmt.Fprintf(&text, "request %s, number %d of desk %s\n", r.Request, r.Seq, r.Desk)
	}
	marks := map[inspect.State]string{inspect.OK: "ok", inspect.Failed: "FAILED", inspect.NotChecked: "not checked"}
	for _, check := range r.Checks {
		fmt.Fprintf(&text, "  %-12s %-18s %s\n", marks[check.State], check.Name, check.Words)
	}
	verdict := map[inspect.State]string{
		inspect.OK:         "Every check was made and passed.",
		inspect.Failed:     "At least one check FAILED: do not rely on this request.",
		inspect.NotChecked: "What was checked passed; what says \"not checked\" is unproven.",
	}
	fmt.Fprintln(&text, verdict[r.Verdict])
	_, err := io.WriteString(out, text.String())
	return err
}

func (c *verifyCmd) keys() (k inspect.Keys, err error) {
	for _, path := range c.Key {
		key, err := loadOpeningKey(path)
		if err != nil {
			return k, err
		}
		k.Central = append(k.Central, key)
	}
	if k.Devices, err = loadPublicKeys(c.Device); err != nil {
		return k, err
	}
	if k.Officers, err = loadPublicKeys(c.Officer); err != nil {
		return k, err
	}
	if c.Previous != "" {
		if k.Previous, err = os.ReadFile(c.Previous); err != nil {
			return k, fmt.Errorf("verify: %w", err)
		}
	}
	if c.Roots != "" {
		text, err := os.ReadFile(c.Roots)
		if err != nil {
			return k, fmt.Errorf("verify: %w", err)
		}
		k.Roots = x509.NewCertPool()
		if !k.Roots.AppendCertsFromPEM(text) {
			return k, fmt.Errorf("verify: %s holds no certificate", c.Roots)
		}
	}
	return k, nil
}

func loadOpeningKey(path string) (hpke.PrivateKey, error) {
	text, err := request.ReadSecret(path)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("verify: %s is not base64", path)
	}
	key, err := request.SealKEM().NewPrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("verify: %s is not a central's private key", path)
	}
	return key, nil
}

// loadPublicKeys reads public keys and certificates, several a file.
func loadPublicKeys(paths []string) (keys []crypto.PublicKey, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		found := len(keys)
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			var key crypto.PublicKey
			switch block.Type {
			case "PUBLIC KEY":
				key, err = x509.ParsePKIXPublicKey(block.Bytes)
			case "CERTIFICATE":
				var c *x509.Certificate
				if c, err = x509.ParseCertificate(block.Bytes); err == nil {
					key = c.PublicKey
				}
			default:
				err = fmt.Errorf("holds a %s", strings.ToLower(block.Type))
			}
			if err != nil {
				return nil, fmt.Errorf("verify: %s: %w", path, err)
			}
			keys = append(keys, key)
		}
		if len(keys) == found {
			return nil, fmt.Errorf("verify: %s holds no public key", path)
		}
	}
	return keys, nil
}
