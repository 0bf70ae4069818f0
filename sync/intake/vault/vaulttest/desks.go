package vaulttest

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"testing"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
)

func desks(t *testing.T, v vault.Vault) {
	ctx := t.Context()
	c, k := certificate(), key(t, request.KeyTPM)
	if err := v.Register(ctx, "desk-a", c, k); err != nil {
		t.Fatal(err)
	}
	d, err := v.DeskOf(ctx, c.SHA256)
	if err != nil || d.ID != "desk-a" || len(d.Certificates) != 1 || !d.Certificates[0].NotAfter.Equal(c.NotAfter) {
		t.Fatalf("DeskOf = %+v, %v", d, err)
	}
	if got, ok := d.Device(k.ID); !ok || !k.Public.(*ecdsa.PublicKey).Equal(got.Public) || got.Origin != request.KeyTPM {
		t.Fatalf("device key = %+v, %v", got, ok)
	}
	o := vault.Officer{Key: key(t, request.KeyToken), Name: "officer-1"}
	if err := v.RegisterOfficer(ctx, "desk-a", o); err != nil {
		t.Fatal(err)
	}
	if err := v.RegisterOfficer(ctx, "nowhere", o); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("officer of an unknown desk = %v", err)
	}
	// Renewal: the older certificate and key go on until the new one is used.
	c2, k2 := certificate(), key(t, request.KeyTPM)
	k2.Registered = now.Add(time.Minute)
	if err := v.Register(ctx, "desk-a", c2, k2); err != nil {
		t.Fatal(err)
	}
	for _, one := range []vault.Certificate{c, c2} {
		if d, err = v.DeskOf(ctx, one.SHA256); err != nil || len(d.Devices) != 2 || len(d.Officers) != 1 {
			t.Fatalf("after renewal: %+v, %v", d, err)
		}
	}
	if !bytes.Equal(d.Devices[0].ID, k2.ID) {
		t.Error("the newest device key is not the first")
	}
	if err := v.RevokeOfficer(ctx, o.ID, now); err != nil {
		t.Fatal(err)
	}
	if err := v.RevokeOfficer(ctx, k.ID, now); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("a device key was revoked as an officer's: %v", err)
	}
	if err := v.Revoke(ctx, "desk-a", now); err != nil {
		t.Fatal(err)
	}
	if _, err := v.DeskOf(ctx, c2.SHA256); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("DeskOf of a revoked desk = %v", err)
	}
	if d, err = v.Desk(ctx, "desk-a"); err != nil || d.Revoked.IsZero() || d.Devices[0].Revoked.IsZero() || d.Officers[0].Revoked.IsZero() {
		t.Fatalf("revoked desk = %+v, %v", d, err)
	}
	// Taken back with a new certificate: the revoked ones stay revoked.
	c3 := certificate()
	if err := v.Register(ctx, "desk-a", c3, k2); err != nil {
		t.Fatal(err)
	}
	if d, err = v.DeskOf(ctx, c3.SHA256); err != nil || !d.Revoked.IsZero() {
		t.Fatalf("desk taken back = %+v, %v", d, err)
	}
	if again, _ := d.Device(k2.ID); !again.Revoked.IsZero() {
		t.Error("the key registered again is revoked")
	}
	if older, _ := d.Device(k.ID); older.Revoked.IsZero() {
		t.Error("the older key is not revoked any more")
	}
	if _, err := v.DeskOf(ctx, c.SHA256); !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("revoked certificate = %v", err)
	}
	for _, err := range []error{v.Revoke(ctx, "nowhere", now), second(v.Desk(ctx, "nowhere")), second(v.DeskOf(ctx, make([]byte, 32)))} {
		if !errors.Is(err, vault.ErrUnknown) {
			t.Errorf("unknown desk = %v", err)
		}
	}
	all, err := v.Desks(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("Desks = %d, %v", len(all), err)
	}
}

func second[T any](_ T, err error) error { return err }

// renewal: the new certificate's first use ends the older ones, and only those,
// and only of that desk; an older one ends nothing.
func renewal(t *testing.T, v vault.Vault) {
	ctx := t.Context()
	var all []vault.Certificate
	for i := range 4 {
		c := certificate()
		c.Registered = now.Add(time.Duration(i) * time.Minute)
		if err := v.Register(ctx, "desk-r", c, key(t, request.KeyTPM)); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	other := certificate()
	if err := v.Register(ctx, "desk-s", other, key(t, request.KeyTPM)); err != nil {
		t.Fatal(err)
	}
	use := func(desk string, c vault.Certificate, older bool, revoked int) {
		t.Helper()
		d, err := v.Desk(ctx, desk)
		if err != nil || d.Older(c.SHA256) != older {
			t.Fatalf("older = %t, want %t, %v", d.Older(c.SHA256), older, err)
		}
		if n, err := v.Supersede(ctx, desk, c.SHA256, now); err != nil || n != revoked {
			t.Fatalf("Supersede = %d, %v, want %d", n, err, revoked)
		}
	}
	use("desk-r", all[0], false, 0)
	use("desk-r", all[2], true, 2)
	use("desk-r", all[2], false, 0)
	use("desk-s", all[3], false, 0) // another desk's
	use("desk-s", other, false, 0)
	use("desk-r", all[0], false, 0) // revoked: it supersedes nothing
	for i, c := range all {
		if _, err := v.DeskOf(ctx, c.SHA256); errors.Is(err, vault.ErrUnknown) != (i < 2) {
			t.Errorf("certificate %d: %v", i, err)
		}
	}
	if _, err := v.DeskOf(ctx, other.SHA256); err != nil {
		t.Error(err)
	}
}
