package main

import (
	"bytes"
	"crypto/hpke"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/inspect"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/queue/request"
)

// TestVerifyCommand seals a request and reads it back through files of keys.
func TestVerifyCommand(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	device, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.key"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := device.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := central.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := request.Seal([]hpke.PublicKey{central.PublicKey()}, request.Signers{Device: device}, request.Body{
		Version: request.BodyVersion, DeskID: "desk-1", Seq: 1, Previous: make([]byte, request.HashSize),
		Request: station.Request{ID: "0198c0de-1234-7abc-8def-0123456789ab", Procedure: eid.CitizenLevel2, RuleSet: "another"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := verifyCmd{File: write("request", sealed), Key: []string{write("seal.key", base64.StdEncoding.AppendEncode(nil, raw))}, Device: []string{write("device.pem", public)}}
	var out bytes.Buffer
	if err := c.Run(&out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"number 1 of desk desk-1", "ok           device signature", "ok           chain", "not checked  rules", "unproven"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	c.JSON = true
	c.File = write("altered", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1))
	err = c.Run(&out)
	var r inspect.Report
	if jsonErr := json.Unmarshal(out.Bytes(), &r); err == nil || jsonErr != nil || r.Verdict != inspect.Failed {
		t.Errorf("altered: %v, %v, verdict %s", err, jsonErr, r.Verdict)
	}
	c.Device = []string{c.File}
	if err := c.Run(&out); err == nil {
		t.Error("a file without keys was taken for keys")
	}
}
