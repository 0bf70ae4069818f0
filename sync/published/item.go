// Package published is what a central tells its desks as signed data: the keys
// that requests are sealed to, trust lists, rules, the calendar of working days
// and device profiles. Each is an [Item] signed by the root key, which is kept
// offline: a central whose servers were taken over can withhold items, and no
// more. Items come by network ([Client]) or by stick; a [Store] keeps the newest
// of each kind and never goes back.
package published

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/detcbor"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/signed"
)

// Kinds of items; the Data of each is described with its decoder.
const (
	KindSealKeys  = "seal_keys"  // ParseSealKeys
	KindTrustList = "trust_list" // certificates, a master list or revocation lists, PEM or DER
	KindRules     = "rules"      // ParseFiles: rule sets in TOML
	KindCalendar  = "calendar"   // TOML as internal/procedure reads it
	KindProfiles  = "profiles"   // ParseFiles: device profiles in TOML
)

// Kinds returns all of them.
func Kinds() []string {
	return []string{KindSealKeys, KindTrustList, KindRules, KindCalendar, KindProfiles}
}

// Bounds of an item. The trust lists of all states together have about 2 MB.
const (
	MaxData   = 8 << 20
	MaxSigned = MaxData + 4<<10
)

const mediaType = "application/vnd.enrold.published+cbor"

// Item is one version of one kind. Times have whole seconds.
type Item struct {
	Kind      string
	Version   int64 // from 1, higher with each publication of the kind
	NotBefore time.Time
	NotAfter  time.Time
	Data      []byte
}

// itemPayload is the signed form.
type itemPayload struct {
	Kind      string `cbor:"kind"`
	Version   int64  `cbor:"version"`
	NotBefore int64  `cbor:"not_before"` // Unix seconds
	NotAfter  int64  `cbor:"not_after"`
	Data      []byte `cbor:"data"`
}

var encMode, decMode = detcbor.Modes(detcbor.Bounds{Depth: 4, Elements: maxFiles, Pairs: maxFiles})

func (i Item) check() error {
	switch {
	case !slices.Contains(Kinds(), i.Kind):
		return errors.New("unknown kind")
	case i.Version < 1:
		return fmt.Errorf("version %d, want 1 or more", i.Version)
	case i.NotBefore.Unix() <= 0 || !i.NotAfter.After(i.NotBefore):
		return errors.New("not_after is not after not_before")
	case len(i.Data) == 0 || len(i.Data) > MaxData:
		return fmt.Errorf("%d bytes of data, want 1 to %d", len(i.Data), MaxData)
	}
	return i.checkContent()
}

// checkContent reads what this package can read. Calendars, rules, trust lists
// and profiles are checked by those who apply them.
func (i Item) checkContent() (err error) {
	switch i.Kind {
	case KindSealKeys:
		_, err = ParseSealKeys(i.Data)
	case KindRules, KindProfiles:
		_, err = ParseFiles(i.Data)
	}
	return err
}

// Sign returns i signed by the root key.
func Sign(root crypto.Signer, i Item) ([]byte, error) {
	if err := i.check(); err != nil {
		return nil, fmt.Errorf("sign published item: %w", err)
	}
	payload, err := encMode.Marshal(itemPayload{i.Kind, i.Version, i.NotBefore.Unix(), i.NotAfter.Unix(), i.Data})
	if err != nil {
		return nil, fmt.Errorf("sign published item: %w", err)
	}
	return signed.Sign(root, mediaType, payload)
}

// Verify returns the item that the root signed. It says nothing about the time:
// the [Store] does. The error is an *eid.Error with eid.CodePublished.
func Verify(root crypto.PublicKey, message []byte) (Item, error) {
	i, err := verify(root, message)
	if err != nil {
		return Item{}, eid.Fail(eid.CodePublished, "verify published item", err)
	}
	return i, nil
}

func verify(root crypto.PublicKey, message []byte) (Item, error) {
	if len(message) > MaxSigned {
		return Item{}, fmt.Errorf("%d bytes, at most %d", len(message), MaxSigned)
	}
	payload, err := signed.Verify(root, mediaType, message)
	if err != nil {
		return Item{}, err
	}
	return decodeItem(payload)
}

func decodeItem(payload []byte) (Item, error) {
	var p itemPayload
	if err := decMode.Unmarshal(payload, &p); err != nil {
		return Item{}, fmt.Errorf("decode published item: malformed CBOR (%T)", err)
	}
	i := Item{p.Kind, p.Version, time.Unix(p.NotBefore, 0).UTC(), time.Unix(p.NotAfter, 0).UTC(), p.Data}
	if err := i.check(); err != nil {
		return Item{}, fmt.Errorf("decode published item: %w", err)
	}
	return i, nil
}

// Same says whether two items say the same: a root may sign one twice, and an
// ECDSA signature differs each time.
func (i Item) Same(o Item) bool {
	return i.Kind == o.Kind && i.Version == o.Version && i.NotBefore.Equal(o.NotBefore) && i.NotAfter.Equal(o.NotAfter) && bytes.Equal(i.Data, o.Data)
}

// Hash names a signed item on the wire: lower-case SHA-256.
func Hash(message []byte) string {
	sum := sha256.Sum256(message)
	return hex.EncodeToString(sum[:])
}
