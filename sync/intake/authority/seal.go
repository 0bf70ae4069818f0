package authority

import (
	"crypto/hpke"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/queue/store"
)

// Seal keys that were in use before are kept as ID.private and ID.key, since
// desks seal to them for as long as their signed list says, and what was sealed
// to them is opened again for each decision.
const (
	olderFolder               = "seal_older"
	olderPrivate, olderPublic = ".private", ".key"
)

// SealKey is one of a central's keys that open requests.
type SealKey struct {
	Private hpke.PrivateKey
	File    string    // its public half, for `central root sign`
	Until   time.Time // when another one took its place; zero for the one in use
}

// ID names the key as sealed requests do.
func (k SealKey) ID() string { return hex.EncodeToString(request.SealKeyID(k.Private.PublicKey())) }

// SealKeys returns the key in use and then the older ones, in no order.
func SealKeys(dir string) ([]SealKey, error) {
	keys, err := sealKeys(dir)
	if err != nil {
		return nil, fmt.Errorf("load seal keys: %w", err)
	}
	return keys, nil
}

func sealKeys(dir string) ([]SealKey, error) {
	// The older ones first: a key that is put aside meanwhile is found twice, and
	// never not at all.
	older := filepath.Join(dir, olderFolder)
	entries, err := os.ReadDir(older)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	used, err := loadSealPrivate(filepath.Join(dir, sealPrivateFile))
	if err != nil {
		return nil, err
	}
	keys := []SealKey{{Private: used, File: filepath.Join(dir, sealFile)}}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), olderPrivate)
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		k := SealKey{File: filepath.Join(older, stem+olderPublic), Until: info.ModTime()}
		if k.Private, err = loadSealPrivate(filepath.Join(older, e.Name())); err != nil {
			return nil, err
		}
		if k.ID() != keys[0].ID() { // a rotation that was cut short
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func loadSealPrivate(path string) (hpke.PrivateKey, error) {
	text, err := request.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: not base64", filepath.Base(path))
	}
	return request.SealKEM().NewPrivateKey(raw)
}

// RotateSealKey puts the seal key in use aside and makes another one. A crash in
// its middle loses no key. Nobody seals to the new one until the offline root has
// signed a list with it and that is published.
func RotateSealKey(dir string) (made SealKey, err error) {
	if made, err = rotate(dir); err != nil {
		return SealKey{}, fmt.Errorf("rotate seal key: %w", err)
	}
	return made, nil
}

func rotate(dir string) (made SealKey, err error) {
	lock, err := store.Lock(dir)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	used, err := loadSealPrivate(filepath.Join(dir, sealPrivateFile))
	if err != nil {
		return made, err
	}
	if made.Private, err = request.SealKEM().GenerateKey(); err != nil {
		return made, err
	}
	made.File = filepath.Join(dir, sealFile)
	older := filepath.Join(dir, olderFolder)
	if err := os.MkdirAll(older, 0o700); err != nil {
		return made, err
	}
	id := SealKey{Private: used}.ID()
	if err := writeSealKey(older, id+olderPrivate, id+olderPublic, used); err != nil {
		return made, err
	}
	// The private half first: a public key that nothing opens is never there.
	return made, writeSealKey(dir, sealPrivateFile, sealFile, made.Private)
}

func writeSealKey(dir, private, public string, k hpke.PrivateKey) error {
	raw, err := k.Bytes()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		raw  []byte
	}{{private, raw}, {public, k.PublicKey().Bytes()}} {
		if err := store.WriteFile(dir, f.name, []byte(base64.StdEncoding.EncodeToString(f.raw)+"\n")); err != nil {
			return err
		}
		if err := store.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// retiredFolder holds keys that are out of service: nothing reads it but
// [RestoreSealKey].
const retiredFolder = "seal_retired"

// RetireSealKey takes an older key out of service and returns where its private
// half is now. The key in use cannot be retired. Whether anything still needs the
// key is the caller's to know.
func RetireSealKey(dir, id string) (private string, err error) {
	if private, err = shiftSealKey(dir, id, olderFolder, retiredFolder); err != nil {
		return "", fmt.Errorf("retire seal key: %w", err)
	}
	return private, nil
}

// RestoreSealKey puts a retired key back among the older ones.
func RestoreSealKey(dir, id string) error {
	if _, err := shiftSealKey(dir, id, retiredFolder, olderFolder); err != nil {
		return fmt.Errorf("restore seal key: %w", err)
	}
	return nil
}

// shiftSealKey moves both halves, the public one first: at no point does a public
// half that nothing opens lie among the keys in service.
func shiftSealKey(dir, id, from, to string) (private string, err error) {
	if raw, err := hex.DecodeString(id); err != nil || len(raw) == 0 || hex.EncodeToString(raw) != id {
		return "", errors.New("a key id is hexadecimal, in lower case")
	}
	lock, err := store.Lock(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	used, err := loadSealPrivate(filepath.Join(dir, sealPrivateFile))
	if err != nil {
		return "", err
	}
	if (SealKey{Private: used}).ID() == id {
		return "", errors.New("it is the key in use: rotate first")
	}
	if err := os.MkdirAll(filepath.Join(dir, to), 0o700); err != nil {
		return "", err
	}
	names := []string{id + olderPublic, id + olderPrivate}
	if from == retiredFolder {
		names = []string{id + olderPrivate, id + olderPublic}
	}
	for i, name := range names {
		err := os.Rename(filepath.Join(dir, from, name), filepath.Join(dir, to, name))
		if i == 0 && errors.Is(err, fs.ErrNotExist) {
			continue // cut short before: the other half tells
		}
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no such key in %s", from)
		}
		if err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, to, id+olderPrivate), errors.Join(store.SyncDir(filepath.Join(dir, from)), store.SyncDir(filepath.Join(dir, to)))
}
