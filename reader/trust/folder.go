package trust

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enrold/enrold/reader/trust/cert"
)

// file is one file of the folder, parsed and not yet trusted.
type file struct {
	name         string
	changed      time.Time
	certificates []*cert.Certificate
	list         *MasterList
	crls         []*cert.CRL
}

func readFolder(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list trust folder: %w", err)
	}
	var files []file
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pem", ".crt", ".cer", ".der", ".ml", ".crl":
		default:
			continue
		}
		f, err := openFile(dir, e.Name())
		if err != nil {
			return nil, fmt.Errorf("read %s of the trust folder: %w", e.Name(), err)
		}
		files = append(files, f)
	}
	return files, nil
}

func openFile(dir, name string) (f file, err error) {
	r, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return file{}, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return file{}, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return file{}, err
	}
	if f, err = parseFile(b); err != nil {
		return file{}, err
	}
	f.name, f.changed = name, info.ModTime()
	return f, nil
}

// parseFile tells by the content what a file is: PEM certificates and revocation
// lists, or one certificate, revocation list or master list in DER.
func parseFile(b []byte) (f file, err error) {
	if len(b) > maxFile {
		return f, errors.New("file is too large")
	}
	if len(b) > 0 && b[0] == 0x30 {
		return f, f.parse(b)
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := cert.Parse(block.Bytes)
			if err != nil {
				return f, err
			}
			f.certificates = append(f.certificates, c)
		case "X509 CRL":
			l, err := cert.ParseCRL(block.Bytes)
			if err != nil {
				return f, err
			}
			f.crls = append(f.crls, l)
		case "CMS", "PKCS7":
			if f.list, err = ParseMasterList(block.Bytes); err != nil {
				return f, err
			}
		}
	}
	if len(f.certificates)+len(f.crls) == 0 && f.list == nil {
		return f, errors.New("no certificate, master list or revocation list in it")
	}
	return f, nil
}

// parse reads one DER structure. Only a signed message begins with an object
// identifier; of certificate and revocation list, only one parses.
func (f *file) parse(b []byte) error {
	if looksSigned(b) {
		list, err := ParseMasterList(b)
		f.list = list
		return err
	}
	c, err := cert.Parse(b)
	if err == nil {
		f.certificates = []*cert.Certificate{c}
		return nil
	}
	l, err2 := cert.ParseCRL(b)
	if err2 == nil {
		f.crls = []*cert.CRL{l}
		return nil
	}
	return errors.Join(err, err2)
}

// signedData is the content type of a signed message, as it begins one.
var signedData = []byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02}

func looksSigned(b []byte) bool { return bytes.Contains(b[:min(len(b), 24)], signedData) }

// unfinished begins the names of files that are being written.
const unfinished = ".import-"

// sweep removes what an interrupted import left. The folder is locked.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("sweep trust folder: %w", err)
		}
	}
	return nil
}

// write puts a file into the folder: whole or not at all, also over a power cut.
func write(dir, name string, b []byte) (err error) {
	tmp, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return fmt.Errorf("write trust folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write trust folder: %w", err), os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Chmod(0o644) //nolint:gosec // certificates are public and the desk reads them under another account
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return nil
}

// settle makes renames and removals durable.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write trust folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
