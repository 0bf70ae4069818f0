package main

import (
	"context"
	"crypto/hpke"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/reader/trust"
	"github.com/enrold/enrold/sync/published"
)

// How often the central is asked what it publishes: soon again after a failure,
// since a desk that was offline wants its keys first.
const (
	publishedEvery = 15 * time.Minute
	publishedRetry = 20 * time.Second
)

// centralData is what the desk knows from the central's root: kept in the data
// folder, fetched at each sync and applied at once.
type centralData struct {
	*published.Store
	cfg    config.Config
	policy published.SealPolicy
	log    *slog.Logger
}

// openCentralData returns nil where the configuration names no root: then the
// keys, rules and lists are those of the configuration and of this version.
func openCentralData(cfg config.Config, log *slog.Logger) (*centralData, error) {
	if cfg.Central.Root == "" {
		return nil, nil
	}
	text, err := os.ReadFile(cfg.Central.Root)
	if err != nil {
		return nil, fmt.Errorf("load root key: %w", err)
	}
	root, err := request.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("load root key: %w", err)
	}
	store, err := published.OpenStore(filepath.Join(cfg.Desk.Data, "published"), root, log)
	if err != nil {
		return nil, err
	}
	const day = 24 * time.Hour
	return &centralData{Store: store, cfg: cfg, log: log, policy: published.SealPolicy{
		Grace: max(0, time.Duration(cfg.Central.GraceDays)*day), Warn: time.Duration(cfg.Central.WarnDays) * day,
	}}, nil
}

// sealKeys is queue.Options.SealKeys.
func (d *centralData) sealKeys() ([]hpke.PublicKey, error) {
	r, err := d.Recipients(time.Now(), d.policy)
	return r.Keys, err
}

// source is the central over the desk's own TLS identity.
func (d *centralData) source(ctx context.Context, own *ownKeys) (published.Source, error) {
	conf, err := own.ClientTLS(ctx)
	if err != nil {
		return nil, err
	}
	return published.NewClient(d.cfg.Central.URL, conf)
}

// run fetches and applies until ctx ends.
func (d *centralData) run(ctx context.Context, src published.Source, rules *procedure.Registry) {
	for ctx.Err() == nil {
		wait := publishedEvery
		fresh, err := d.Sync(ctx, src, time.Now())
		if err != nil && ctx.Err() == nil {
			d.log.Warn("published data not fetched", "code", eid.CodeOf(err), "error", err)
			wait = publishedRetry
		}
		// What came by stick or from an earlier run counts, too.
		d.apply(fresh, rules)
		d.warn()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// apply puts the kept items to use. Seal keys need nothing: they are looked up at
// each seal. What this software cannot use leaves the present data in force.
func (d *centralData) apply(fresh []string, rules *procedure.Registry) {
	for _, kind := range fresh {
		d.log.Info("published data received", "kind", kind)
	}
	for kind, use := range map[string]func() error{
		published.KindCalendar:  func() error { return d.useRules(rules) }, // and rules
		published.KindTrustList: d.useTrustList,
		published.KindProfiles:  d.useProfiles,
	} {
		if err := use(); err != nil {
			d.log.Error("published data not usable", "kind", kind, "code", eid.CodePublished, "error", err)
		}
	}
}

func (d *centralData) useRules(rules *procedure.Registry) error {
	var p procedure.Published
	if k, ok := d.Get(published.KindCalendar); ok {
		p.Calendar = k.Data
	}
	if k, ok := d.Get(published.KindRules); ok {
		files, err := published.ParseFiles(k.Data)
		if err != nil {
			return err
		}
		p.Rules = files
	}
	if p.Calendar == nil && p.Rules == nil {
		return nil
	}
	next, err := procedure.LoadPublished(p)
	if err != nil {
		return err
	}
	rules.Adopt(next)
	return nil
}

// useTrustList imports the list into the folder of chip certificates. The root's
// signature stands for the operator's comparison of fingerprints.
func (d *centralData) useTrustList() error {
	k, ok := d.Get(published.KindTrustList)
	if !ok || d.cfg.Chip.Trust == "" {
		return nil
	}
	o := trust.ImportOptions{Production: d.cfg.Desk.Production}
	_, err := trust.Import(d.cfg.Chip.Trust, k.Data, o)
	if strange, ok := errors.AsType[*trust.UnconfirmedError](err); ok {
		for _, c := range strange.Certificates {
			o.Confirmed = append(o.Confirmed, c.Fingerprint())
		}
		_, err = trust.Import(d.cfg.Chip.Trust, k.Data, o)
	}
	if errors.Is(err, trust.ErrOlder) {
		return nil // the folder holds a newer one already
	}
	return err
}

// useProfiles writes device profiles where this desk's workers look for them
// when they start next.
func (d *centralData) useProfiles() error {
	k, ok := d.Get(published.KindProfiles)
	if !ok {
		return nil
	}
	files, err := published.ParseFiles(k.Data)
	if err != nil {
		return err
	}
	dir := d.cfg.Desk.Profiles()
	next := dir + ".new"
	if err := errors.Join(os.RemoveAll(next), os.MkdirAll(next, 0o700)); err != nil {
		return fmt.Errorf("write profiles: %w", err)
	}
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(next, name), raw, 0o600); err != nil {
			return fmt.Errorf("write profiles: %w", err)
		}
	}
	// A worker that cannot load its profiles does not start: none such gets here.
	if _, err := profile.Load(next); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(next, dir)); err != nil {
		return fmt.Errorf("write profiles: %w", err)
	}
	return nil
}

// warn says in time that seal keys run out.
func (d *centralData) warn() {
	r, err := d.Recipients(time.Now(), d.policy)
	switch {
	case err != nil:
		d.log.Error("no visit can be sealed", "code", eid.CodeOf(err), "error", err)
	case r.Warning != "":
		d.log.Warn("seal keys end soon", "code", r.Warning, "until", r.Until.Format(time.DateOnly))
	}
}

// sealDevices adds the seal keys to what the screen shows of the desk, when they
// need somebody.
type sealDevices struct {
	others web.Devices
	data   *centralData
}

// Devices lists what the others list, and a line for seal keys that end.
func (s sealDevices) Devices(ctx context.Context) ([]web.Device, error) {
	out, err := s.others.Devices(ctx)
	if err != nil || s.data == nil {
		return out, err
	}
	r, err := s.data.Recipients(time.Now(), s.data.policy)
	switch {
	case err != nil:
		out = append(out, web.Device{Name: "seal_keys", State: "failed", Code: eid.CodeOf(err)})
	case r.Warning != "":
		out = append(out, web.Device{Name: "seal_keys", State: "failed", Code: r.Warning, Detail: r.Until.Format(time.DateOnly)})
	}
	return out, nil
}
