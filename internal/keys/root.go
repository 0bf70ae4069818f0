package keys

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

// installSealKeys keeps the keys that requests are sealed to: the list that the
// offline root signed where the desk knows a root, else the one key in use.
func (d *Desk) installSealKeys(a enrolment.Answer, now time.Time) error {
	c := d.cfg.Central
	if c.Root != "" {
		if len(a.SealKeys) == 0 {
			return nil // fetched from the central, or installed before
		}
		text, err := readPEM(c.Root)
		if err != nil {
			return err
		}
		root, err := request.ParsePublicKey(text)
		if err != nil {
			return err
		}
		return d.keepSealKeys(root, a.SealKeys, now)
	}
	if len(a.SealKey) == 0 || c.SealKey == "" {
		return nil
	}
	if _, err := request.SealKEM().NewPublicKey(a.SealKey); err != nil {
		return fmt.Errorf("seal key: %w", err)
	}
	return replace(c.SealKey, []byte(base64.StdEncoding.EncodeToString(a.SealKey)+"\n"))
}

// keepSealKeys takes the list of an answer as if it had been fetched. One that is
// not the root's is an error; one that is older than what the desk has, not valid
// yet or over does not keep the certificate away: the newest comes with the next
// sync, and until then nothing is sealed to keys that are not in force.
func (d *Desk) keepSealKeys(root crypto.PublicKey, list []byte, now time.Time) error {
	item, err := published.Verify(root, list)
	if err != nil {
		return err
	}
	if item.Kind != published.KindSealKeys {
		return fmt.Errorf("seal keys: the item is of kind %s", item.Kind)
	}
	if now.After(item.NotAfter) {
		return nil
	}
	store, err := published.OpenStore(filepath.Join(d.cfg.Desk.Data, "published"), root, nil)
	if err != nil {
		return err
	}
	_, _, err = store.Put(list, now)
	if errors.Is(err, published.ErrNotYet) || eid.CodeOf(err) == eid.CodePublishedOlder {
		return nil
	}
	return err
}

// ErrOtherRoot says that an answer names another root than the desk's. A central
// never replaces a root: that takes a person who removes the desk's.
var ErrOtherRoot = errors.New("the answer names another offline root than the one this desk knows: if that is meant, remove the file of central.root first")

// lacksRoot says whether the answer brings the root that the configuration wants
// and the desk has not.
func (d *Desk) lacksRoot(a enrolment.Answer) (bool, error) {
	if d.cfg.Central.Root == "" || len(a.Root) == 0 {
		return false, nil
	}
	text, err := readPEM(d.cfg.Central.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read root: %w", err)
	}
	ours, err := request.ParsePublicKey(text)
	if err != nil {
		return false, fmt.Errorf("read root: %w", err)
	}
	theirs, err := request.ParsePublicKey(a.Root)
	if err != nil {
		return false, fmt.Errorf("read the answer's root: %w", err)
	}
	if !ours.Equal(theirs) {
		return false, ErrOtherRoot
	}
	return false, nil
}
