package tpm

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-tpm/tpm2"
	"golang.org/x/sys/unix"
)

// Objects as "ASN.1 Specification for TPM 2.0 Key Files" has them:
//
//	TPMKey ::= SEQUENCE { type OBJECT IDENTIFIER, emptyAuth [0] EXPLICIT BOOLEAN OPTIONAL,
//	    policy [1] … OPTIONAL, secret [2] …, authPolicy [3] …, description [4] …,
//	    parent INTEGER, pubkey OCTET STRING, privkey OCTET STRING }
//
// Ours have empty authorization and none of the other optional fields.
const (
	pemType = "TSS2 PRIVATE KEY"
	maxBlob = 8 << 10
	keyLast = ".tpm.pem"
)

var (
	oidLoadable = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 3}
	oidSealed   = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 5}
)

type blobDER struct {
	Type      asn1.ObjectIdentifier
	EmptyAuth bool `asn1:"optional,explicit,tag:0"`
	Parent    int64
	Public    []byte // TPM2B_PUBLIC
	Private   []byte // TPM2B_PRIVATE
}

// blob is an object outside the chip, encrypted by its parent.
type blob struct {
	public  tpm2.TPM2BPublic
	private tpm2.TPM2BPrivate
}

func (b blob) marshal(kind asn1.ObjectIdentifier) ([]byte, error) {
	return asn1.Marshal(blobDER{
		Type: kind, EmptyAuth: true, Parent: int64(rootHandle),
		Public: tpm2.Marshal(b.public), Private: tpm2.Marshal(b.private),
	})
}

// parseBlob reads an object of the wanted kind. Its content is the chip's to
// judge; here only its shape is checked.
func parseBlob(kind asn1.ObjectIdentifier, der []byte) (blob, error) {
	var d blobDER
	if len(der) > maxBlob {
		return blob{}, fmt.Errorf("TPM object has %d bytes, at most %d", len(der), maxBlob)
	}
	rest, err := asn1.Unmarshal(der, &d)
	if err != nil || len(rest) != 0 {
		return blob{}, errors.New("TPM object is malformed")
	}
	// encoding/asn1 is lenient about the length of an explicit tag.
	if again, err := asn1.Marshal(d); err != nil || !bytes.Equal(again, der) {
		return blob{}, errors.New("TPM object is not DER")
	}
	if !d.Type.Equal(kind) || !d.EmptyAuth || d.Parent != int64(rootHandle) {
		return blob{}, errors.New("TPM object is not one of ours")
	}
	if !sized(d.Public) || !sized(d.Private) {
		return blob{}, errors.New("TPM object is malformed")
	}
	public, private := tpm2.BytesAs2B[tpm2.TPMTPublic](d.Public[2:]), tpm2.TPM2BPrivate{Buffer: d.Private[2:]}
	if _, err := public.Contents(); err != nil {
		return blob{}, errors.New("TPM object's public part is malformed")
	}
	return blob{public: public, private: private}, nil
}

// sized reports a sized buffer (TPM2B) that holds what its size says.
func sized(b []byte) bool {
	return len(b) > 2 && int(b[0])<<8|int(b[1]) == len(b)-2
}

func (t *TPM) keyFile(name string) string { return filepath.Join(t.dir, name+keyLast) }

func (t *TPM) readKey(name string) (blob, error) {
	f, err := os.OpenFile(t.keyFile(name), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return blob{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 2*maxBlob))
	if err != nil {
		return blob{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return blob{}, errors.New("not a TPM key file")
	}
	return parseBlob(oidLoadable, block.Bytes)
}

// writeKey never leaves half a key under the final name and never replaces one.
func (t *TPM) writeKey(name string, b blob) error {
	der, err := b.marshal(oidLoadable)
	if err != nil {
		return err
	}
	return writeNew(t.keyFile(name), pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
}

// writeNew makes a durable file of mode 0600 that must not exist yet.
func writeNew(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".tpm-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
