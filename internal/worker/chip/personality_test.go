package chip_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker/chip"
)

const (
	ok  = eid.CheckOK
	bad = eid.CheckFailed
	not = eid.CheckNotPossible
)

// Every personality and fault of the emulated card, through pcscd.
func TestPersonalitiesAndFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("some 40 s: every insertion takes one")
	}
	files, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	var cfg config.Config
	cfg.Chip = config.Chip{Socket: pcsctest.Socket(), Trust: t.TempDir(), Origin: eid.OriginEmulated}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(cfg.Chip.Trust, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	desk := pcsctest.Start(t)
	handlers, closeAll, err := chip.Handlers(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeAll() })
	c, ctx := chip.NewClient(direct(handlers)), context.Background()

	citizen, id := keyOf(t, 1, "citizen")
	passport, _ := keyOf(t, 1, "foreigner")
	can := eid.AccessKey{CAN: eid.Private(id.PersonalNumber[6:])}
	for _, x := range []struct {
		personality, fault string
		key                eid.AccessKey
		access             string
		pa, ca, aa         eid.CheckState
		code               eid.Code
	}{
		{"bac", "", citizen, "BAC", ok, not, not, ""},
		{"pace-gm", "", citizen, "PACE-GM/MRZ", ok, not, not, ""},
		{"pace-gm+secp521r1+aes-256", "", can, "PACE-GM/CAN", ok, not, not, ""},
		{"pace-gm+dh-2+3des", "", citizen, "PACE-GM/MRZ", ok, not, not, ""},
		{"pace-im", "", citizen, "PACE-IM/MRZ", ok, not, not, ""},
		{"pace-im+brainpoolP384r1+aes-192", "", can, "PACE-IM/CAN", ok, not, not, ""},
		{"pace-cam", "", citizen, "PACE-CAM/MRZ", ok, ok, not, ""},
		{"pace-cam", "", can, "PACE-CAM/CAN", ok, ok, not, ""},
		{"ca", "", citizen, "BAC", ok, ok, not, ""},
		{"aa-rsa", "", citizen, "BAC", ok, not, ok, ""},
		{"aa-ecdsa", "", citizen, "BAC", ok, not, ok, ""},
		{"dg3-protected", "", citizen, "BAC", ok, ok, not, ""},
		{"cccd-2021", "", citizen, "PACE-GM/MRZ", ok, ok, ok, ""},
		{"cccd-2021", "", can, "PACE-GM/CAN", ok, ok, ok, ""},
		{"cccd-no-cardaccess", "", citizen, "BAC", ok, ok, ok, ""},
		{"cc-2024", "", citizen, "PACE-GM/MRZ", ok, ok, ok, ""},
		{"epassport-td3", "", passport, "PACE-GM/MRZ", ok, ok, ok, ""},

		{"bac", "wrong-hash", citizen, "BAC", bad, not, not, ""},
		{"cccd-2021", "wrong-signer", citizen, "PACE-GM/MRZ", bad, not, not, ""},
		{"bac", "unknown-signer", citizen, "BAC", not, not, not, ""},
		{"bac", "expired-dsc", citizen, "BAC", bad, not, not, ""},
		{"bac", "garbage-tlv", citizen, "BAC", ok, not, not, eid.CodeChipRead},
		{"bac", "huge-length", citizen, "BAC", "", "", "", eid.CodeChipRead},
		{"bac", "sw@12=6A82", citizen, "BAC", "", "", "", "any"},
		{"bac", "plain-sw@12=6700", citizen, "BAC", "", "", "", "any"},
		{"bac", "sm-mac-error@9", citizen, "BAC", "", "", "", "any"},
		{"cccd-2021", "le-6cxx", citizen, "PACE-GM/MRZ", ok, ok, ok, ""},
		{"cccd-2021", "more-61xx", citizen, "PACE-GM/MRZ", ok, ok, ok, ""},
		{"bac", "slow=30", citizen, "BAC", ok, not, not, ""},
		{"cccd-2021", "pace-fails", citizen, "BAC", ok, ok, ok, ""},
		{"pace-gm", "tries=0", citizen, "", "", "", "", eid.CodeChipBlocked},
	} {
		name := x.personality + " " + x.fault
		desk.Put(control.Command{Person: 1, Personality: x.personality, Fault: x.fault})
		i, err := c.Inspect(ctx, x.key, false, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d := i.Document
		if x.code == "any" { // a reading that recovers is as good as one that says why not
			if i.Err == nil && d.PA.State != ok || i.Err != nil && eid.CodeOf(i.Err) != eid.CodeChipRead {
				t.Errorf("%s: %v, pa %+v", name, i.Err, d.PA)
			}
			continue
		}
		if i.Err != nil && eid.CodeOf(i.Err) != x.code || i.Err == nil && x.code != "" {
			t.Errorf("%s: %v, want code %q", name, i.Err, x.code)
		}
		if d.Access != x.access || d.PA.State != x.pa || d.CA.State != x.ca || d.AA.State != x.aa {
			t.Errorf("%s: %s pa %+v ca %+v aa %+v", name, d.Access, d.PA, d.CA, d.AA)
		}
	}
}
