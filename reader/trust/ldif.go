package trust

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/enrold/enrold/reader/trust/cert"
)

// MaxImport bounds a file given to Split in bytes; a directory's download holds
// many structures, each of which is bounded by Import.
const MaxImport = 128 << 20

// ldifValues are the attributes of the ICAO directory's downloads that a trust
// folder can use (Doc 9303-12 §9). Document signers are not anchors.
var ldifValues = []string{"pkdmasterlistcontent", "certificaterevocationlist", "cscamasterlistdata"}

// Split takes apart what Import wants one by one: an LDIF file (RFC 2849) gives
// its master lists and revocation lists, any other file itself.
func Split(b []byte) ([][]byte, error) {
	if len(b) > MaxImport {
		return nil, errors.New("file is too large")
	}
	if !bytes.HasPrefix(b, []byte("version:")) && !bytes.HasPrefix(b, []byte("dn:")) {
		return [][]byte{b}, nil
	}
	// RFC 2849: a line that begins with a space continues the one before.
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	b = bytes.ReplaceAll(b, []byte("\n "), nil)
	var parts [][]byte
	for line := range bytes.Lines(b) {
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":: "))
		name, _, _ = bytes.Cut(bytes.ToLower(name), []byte(";"))
		if !found || !slices.Contains(ldifValues, string(name)) {
			continue
		}
		part, err := base64.StdEncoding.DecodeString(string(value))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return nil, errors.New("no master list or revocation list in the LDIF file")
	}
	return parts, nil
}

// ParseCertificates reads a DER certificate or the certificates of a PEM file.
func ParseCertificates(b []byte) ([]*cert.Certificate, error) {
	f, err := parseFile(b)
	if err != nil {
		return nil, err
	}
	if len(f.certificates) == 0 {
		return nil, errors.New("no certificate in it")
	}
	return f.certificates, nil
}
