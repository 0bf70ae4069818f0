package main

import (
	"crypto/ecdsa"
	"crypto/hpke"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/authority"
	"github.com/enrold/enrold/sync/published"
)

type sealKeyCommand struct {
	Rotate sealKeyRotateCommand `cmd:"" help:"Make a new key that requests are sealed to; the older ones still open."`
	List   sealKeyListCommand   `cmd:"" help:"List the keys, the one in use first."`

	Retire  sealKeyRetireCommand  `cmd:"" help:"Take an older key out of service, once no desk seals to it and its requests have come and are decided."`
	Restore sealKeyRestoreCommand `cmd:"" help:"Put a retired key back into service."`
}

type sealKeyRotateCommand struct{ folder }

// Run makes the key. A central that serves has it at the first request that was
// sealed to it.
func (c sealKeyRotateCommand) Run() error {
	made, err := authority.RotateSealKey(c.keys())
	if err != nil {
		return err
	}
	all, err := authority.SealKeys(c.keys())
	if err != nil {
		return err
	}
	fmt.Printf("new key  %s\nDesks seal to it once the root has signed a list with it. Give the older keys that desks may still use an end of their own (FILE@FROM/TO):\n", made.ID())
	fmt.Print("  central root sign --key ROOT/root_private.pem --kind seal_keys --version N --out FILE")
	for _, k := range all {
		fmt.Printf(" %s", k.File)
	}
	fmt.Print("\n  central publish --data DATA FILE\n")
	return nil
}

type sealKeyListCommand struct {
	folder
	JSON bool `name:"json" help:"Print JSON, a line a key."`
}

// sealKeyLine is one key of `seal-key list --json`.
type sealKeyLine struct {
	ID        string    `json:"id"`
	File      string    `json:"file"`
	Replaced  time.Time `json:"replaced,omitzero"`
	Published bool      `json:"published"` // in the list that desks are given now
}

func (c sealKeyListCommand) Run() error {
	all, err := authority.SealKeys(c.keys())
	if err != nil {
		return err
	}
	named, err := c.published()
	if err != nil {
		return err
	}
	for _, k := range all {
		line := sealKeyLine{ID: k.ID(), File: k.File, Replaced: k.Until, Published: named[string(k.Private.PublicKey().Bytes())]}
		if c.JSON {
			if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
				return err
			}
			continue
		}
		state := "in use"
		if !line.Replaced.IsZero() {
			state = "replaced " + line.Replaced.Format(time.DateOnly)
		}
		if line.Published {
			state += ", published"
		}
		fmt.Printf("%s  %s  %s\n", line.ID, line.File, state)
	}
	return nil
}

// published are the public keys of the list that desks are given.
func (c sealKeyListCommand) published() (map[string]bool, error) {
	names := map[string]bool{}
	items, err := openPublished(c.folder, quiet())
	if err != nil || items == nil {
		return names, err
	}
	kept, ok := items.Get(published.KindSealKeys)
	if !ok {
		return names, nil
	}
	keys, err := published.ParseSealKeys(kept.Data)
	for _, k := range keys {
		names[string(k.Key)] = true
	}
	return names, err
}

// useKeys gives an intake the central's keys, also those that are made later, and
// returns the one that signs receipts.
func (f folder) useKeys(o *intake.Options) (receipt *ecdsa.PrivateKey, err error) {
	if o.SealKey, receipt, err = authority.Keys(f.keys()); err != nil {
		return nil, err
	}
	o.Receipt, o.Keys = receipt, f.sealKeys
	o.OlderKeys, err = f.sealKeys()
	return receipt, err
}

func (f folder) sealKeys() (keys []hpke.PrivateKey, err error) {
	all, err := authority.SealKeys(f.keys())
	for _, k := range all {
		keys = append(keys, k.Private)
	}
	return keys, err
}

// holds refuses a list of seal keys with one that this central cannot open: a
// desk that sealed to it alone would lose its requests.
func (f folder) holds(i published.Item) error {
	if i.Kind != published.KindSealKeys {
		return nil
	}
	list, err := published.ParseSealKeys(i.Data)
	if err != nil {
		return err
	}
	ours, err := f.sealKeys()
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, k := range ours {
		held[string(k.PublicKey().Bytes())] = true
	}
	for n, k := range list {
		if k.KEM == request.SealKEM().ID() && !held[string(k.Key)] {
			return fmt.Errorf("key %d of the list is none of this central's (central seal-key list)", n+1)
		}
	}
	return nil
}
