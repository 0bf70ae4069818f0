package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/wire"
)

type sealKeyRetireCommand struct {
	stores
	ID       string `arg:"" help:"The key, as 'central seal-key list' names it."`
	WaitDays int    `name:"wait-days" default:"30" help:"How long desks may have gone on without the list that no longer names the key."`
}

// Run takes an older key out of service once nothing can need it any more, and
// says what still does otherwise. The private half is moved, not destroyed: what
// is archived under it may have to be opened for a court.
func (c sealKeyRetireCommand) Run(ctx context.Context) (err error) {
	kid, err := hex.DecodeString(c.ID)
	if err != nil {
		return errors.New("a key id is hexadecimal: central seal-key list")
	}
	left, err := c.unnamed(kid)
	if err != nil {
		return err
	}
	v, err := c.vault(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := arrived(ctx, v, left); err != nil {
		return err
	}
	payloads, err := c.payloads(ctx)
	if err != nil {
		return err
	}
	if err := c.decided(ctx, v, payloads, kid); err != nil {
		return err
	}
	path, err := authority.RetireSealKey(c.keys(), c.ID)
	if err != nil {
		return err
	}
	fmt.Printf("retired  %s\nCentrals that serve let go of it at their next start. Its private half is now %s:\nmove it to the offline safe, or take it back with `central seal-key restore`.\n", c.ID, path)
	return nil
}

// unnamed returns the time by which every desk has left the key: the published
// list without it is older than the wait.
func (c sealKeyRetireCommand) unnamed(kid []byte) (left time.Time, err error) {
	items, err := openPublished(c.folder, quiet())
	if err != nil {
		return left, err
	}
	if items == nil {
		return left, errors.New("no list of seal keys is published: desks may still seal to any key")
	}
	kept, ok := items.Get(published.KindSealKeys)
	if !ok {
		return left, errors.New("no list of seal keys is published: desks may still seal to any key")
	}
	list, err := published.ParseSealKeys(kept.Data)
	if err != nil {
		return left, err
	}
	for _, k := range list {
		pub, err := request.SealKEM().NewPublicKey(k.Key)
		if err == nil && bytes.Equal(request.SealKeyID(pub), kid) {
			return left, fmt.Errorf("version %d of the published list names the key: desks seal to it", kept.Version)
		}
	}
	if c.WaitDays < 0 {
		return left, errors.New("--wait-days is negative")
	}
	left = kept.NotBefore.AddDate(0, 0, c.WaitDays)
	if time.Now().Before(left) {
		return left, fmt.Errorf("version %d of the published list, which left the key out, is of %s: a desk without a network may still seal to the key until %s (--wait-days)",
			kept.Version, kept.NotBefore.Format(time.DateOnly), left.Format(time.DateOnly))
	}
	return left, nil
}

// arrived refuses while something is missing that a desk announced when it may
// still have sealed to the key.
func arrived(ctx context.Context, v vault.Vault, left time.Time) error {
	announced, err := v.Announced(ctx, shownAtOnce)
	if err != nil {
		return err
	}
	for _, a := range announced {
		if !a.At.After(left) {
			return fmt.Errorf("request %s of desk %s was announced on %s and has not come: it may be sealed to the key (central status)", a.ID, a.Desk, a.At.Format(time.DateOnly))
		}
	}
	return nil
}

// decided refuses while a request waits for its decision that only this key
// opens: it is opened again for each.
func (c sealKeyRetireCommand) decided(ctx context.Context, v vault.Vault, payloads intake.Payloads, kid []byte) error {
	counts, err := v.Counts(ctx)
	if err != nil || counts[wire.StateReceived]+counts[wire.StateAccepted] == 0 {
		return err
	}
	var names []string
	if _, err := payloads.Sweep(ctx, time.Now(), func(name string) (bool, error) {
		names = append(names, name)
		return true, nil // keeps it
	}); err != nil {
		return err
	}
	all, err := authority.SealKeys(c.keys())
	if err != nil {
		return err
	}
	others := map[string]bool{}
	for _, k := range all {
		others[k.ID()] = k.ID() != c.ID
	}
	waiting := 0
	for _, name := range names {
		sealed, err := payloads.Get(ctx, name)
		if err != nil {
			return err
		}
		if alone, err := sealedAlone(sealed, kid, others); err != nil || !alone {
			continue // not a request's bytes: nobody's to open
		}
		id, err := request.ParseIdent(sealed)
		if err != nil {
			continue
		}
		r, err := v.Request(ctx, id.Request)
		if errors.Is(err, vault.ErrUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		if r.State == wire.StateReceived || r.State == wire.StateAccepted {
			waiting++
		}
	}
	if waiting > 0 {
		return fmt.Errorf("%d request(s) that are not decided yet are sealed to this key alone", waiting)
	}
	return nil
}

// sealedAlone says whether only the key kid of this central's opens the bytes.
func sealedAlone(sealed, kid []byte, others map[string]bool) (bool, error) {
	to, err := request.SealedTo(sealed)
	if err != nil {
		return false, err
	}
	mine := false
	for _, id := range to {
		if others[hex.EncodeToString(id)] {
			return false, nil
		}
		mine = mine || bytes.Equal(id, kid)
	}
	return mine, nil
}

type sealKeyRestoreCommand struct {
	folder
	ID string `arg:"" help:"The retired key."`
}

// Run puts a retired key back into service.
func (c sealKeyRestoreCommand) Run() error {
	if err := authority.RestoreSealKey(c.keys(), c.ID); err != nil {
		return err
	}
	fmt.Printf("in service again  %s\n", c.ID)
	return nil
}
