package chip_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/internal/eid"
)

// Every access procedure and every proof of genuineness on the whole line.
func TestPersonalitiesThroughEverything(t *testing.T) {
	pcsctest.Start(t)
	c, ctx := client(t), context.Background()
	socket := filepath.Join(filepath.Dir(filepath.Dir(pcsctest.Socket())), "card.sock")
	insert := func(personality, fault string) {
		t.Helper()
		document := "citizen"
		if personality == "epassport-td3" {
			document = "foreigner"
		}
		if err := control.Send(socket, control.Command{Do: "insert", Document: document, Personality: personality, Fault: fault}); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct{ personality, fault, access, ca, aa string }{
		{"bac", "", "BAC", "not_possible", "not_possible"},
		{"pace-gm", "", "PACE-GM/MRZ", "not_possible", "not_possible"},
		{"pace-gm+dh-2+3des", "", "PACE-GM/MRZ", "not_possible", "not_possible"},
		{"pace-im", "", "PACE-IM/MRZ", "not_possible", "not_possible"},
		{"pace-im+secp521r1+aes-256", "", "PACE-IM/MRZ", "not_possible", "not_possible"},
		{"pace-cam", "", "PACE-CAM/MRZ", "ok", "not_possible"},
		{"ca+dh-2+aes-192", "", "BAC", "ok", "not_possible"},
		{"aa-rsa", "", "BAC", "not_possible", "ok"},
		{"aa-ecdsa", "", "BAC", "not_possible", "ok"},
		{"cccd-2021", "", "PACE-GM/MRZ", "ok", "ok"},
		{"cccd-2021", "pace-fails", "BAC", "ok", "ok"},
		{"cccd-no-cardaccess", "", "BAC", "ok", "ok"},
		{"cc-2024", "", "PACE-GM/MRZ", "ok", "ok"},
		{"epassport-td3", "", "PACE-GM/MRZ", "ok", "ok"},
	} {
		insert(x.personality, x.fault)
		document := "citizen"
		if x.personality == "epassport-td3" {
			document = "foreigner"
		}
		key, _ := keyOf(t, 0, document)
		start := time.Now()
		doc, err := c.ReadChip(ctx, key, nil)
		if err != nil || doc.PA.State != eid.CheckOK || doc.Access != x.access || string(doc.CA.State) != x.ca || string(doc.AA.State) != x.aa {
			t.Errorf("%s %s: %v, %s %v\nPA %+v\nCA %+v\nAA %+v", x.personality, x.fault, err, doc.Access, doc.Attempts, doc.PA, doc.CA, doc.AA)
		}
		t.Logf("%-28s %-12s %3d commands, %s", x.personality, doc.Access, doc.APDUs, time.Since(start).Round(time.Millisecond))
	}
}
