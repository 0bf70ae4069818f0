package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/worker/token"
	"github.com/enrold/enrold/queue/request"
)

// ownKeys are the daemon's keys: the desk's, and who signs requests.
type ownKeys struct {
	*keys.Desk
	officer *keys.Officer // nil unless the officer's key is in a token
	signers request.Signers
}

// openKeys opens what cfg names. The officer's token is opened by its PIN
// later, on the screen.
func openKeys(ctx context.Context, cfg config.Config, r *rooms) (*ownKeys, error) {
	if err := os.MkdirAll(cfg.Desk.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	desk, err := keys.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	own := &ownKeys{Desk: desk}
	if err := own.open(ctx, cfg, r); err != nil {
		_ = desk.Close()
		return nil, err
	}
	return own, nil
}

func (own *ownKeys) open(ctx context.Context, cfg config.Config, r *rooms) error {
	if err := own.LoadDevice(ctx); err != nil {
		return err
	}
	own.signers.Device = own.Device
	var err error
	if own.signers.Certificate, err = own.OfficerCertificate(); err != nil {
		return err
	}
	switch cfg.Keys.Officer {
	case config.KeyToken:
		own.officer = keys.NewOfficer(r.token)
		own.signers.Officer = own.officer
	case config.KeySoftware:
		key, err := own.OfficerFile()
		if err != nil {
			return err
		}
		own.signers.Officer = key
		return keys.CertifiedKey(own.signers.Certificate, key.Public())
	}
	return nil
}

// officerKey is the key that the officer signs with; nil while his token is locked.
func (own *ownKeys) officerKey() crypto.PublicKey {
	if own.signers.Officer == nil {
		return nil
	}
	return own.signers.Officer.Public()
}

// ready says whether the officer can sign now.
func (own *ownKeys) ready(ctx context.Context) error {
	if own.officer == nil {
		return nil
	}
	if err := own.officer.Ready(ctx); err != nil {
		return err
	}
	return keys.CertifiedKey(own.signers.Certificate, own.officer.Public())
}

// screen is the officer's token for the screen; nil without one.
func (own *ownKeys) screen() web.Officer {
	if own.officer == nil {
		return nil
	}
	return screenOfficer{own.officer}
}

// signingDesk lets nobody sit down whose request could not be signed.
type signingDesk struct {
	*station.Desk
	own *ownKeys
}

// Start begins a visit; E-PIN-NEEDED where the officer's token is locked.
func (d signingDesk) Start(ctx context.Context, kind eid.ProcedureKind) error {
	if err := d.own.ready(ctx); err != nil {
		return err
	}
	return d.Desk.Start(ctx, kind)
}

// Send signs, seals and queues; a token that was locked or pulled during the
// visit costs no step.
func (d signingDesk) Send(ctx context.Context) error {
	if err := d.own.ready(ctx); err != nil {
		return err
	}
	return d.Desk.Send(ctx)
}

// screenOfficer adapts the officer's token to the screen.
type screenOfficer struct{ officer *keys.Officer }

func (s screenOfficer) Token(ctx context.Context) (web.Token, error) {
	state, err := s.officer.Token(ctx)
	return shownToken(state), err
}

func (s screenOfficer) Unlock(ctx context.Context, pin eid.Private, lastTry bool) (web.Token, error) {
	state, err := s.officer.Unlock(ctx, pin, lastTry)
	return shownToken(state), err
}

func (s screenOfficer) Confirm(ctx context.Context, pin eid.Private, lastTry bool) (web.Token, error) {
	state, err := s.officer.Confirm(ctx, pin, lastTry)
	return shownToken(state), err
}

func (s screenOfficer) Lock(ctx context.Context) error { return s.officer.Lock(ctx) }

func shownToken(s token.State) web.Token {
	return web.Token{Present: s.Label != "", Label: s.Label, Serial: s.Serial, PIN: string(s.PIN), Unlocked: s.LoggedIn}
}

// deskDevices are the workers' devices and what the keys have to say.
type deskDevices struct {
	*rooms
	own *ownKeys
}

// Devices lists them; certificates are listed only when they need somebody.
func (d deskDevices) Devices(ctx context.Context) ([]web.Device, error) {
	out, err := d.rooms.Devices(ctx)
	if err != nil {
		return nil, err
	}
	switch info, err := d.own.TPM(ctx); {
	case err != nil:
		out = append(out, web.Device{Name: "tpm", State: "failed", Code: eid.CodeOf(err)})
	case info != nil:
		dev := web.Device{Name: "tpm", State: "ready", Detail: info.Manufacturer, Emulated: info.Emulated}
		if info.InLockout {
			dev.State, dev.Code = "failed", eid.CodeTPMLockout
		}
		out = append(out, dev)
	}
	if cert, err := d.own.Certificate(); err == nil {
		out = appendExpiry(out, "certificate", cert)
	}
	if cert := d.own.signers.Certificate; cert != nil {
		out = appendExpiry(out, "officer_certificate", cert)
	}
	return out, nil
}

func appendExpiry(out []web.Device, name string, cert *x509.Certificate) []web.Device {
	if code := keys.Expiry(cert, time.Now()); code != "" {
		out = append(out, web.Device{Name: name, State: "failed", Code: code, Detail: cert.NotAfter.Format(time.DateOnly)})
	}
	return out
}
