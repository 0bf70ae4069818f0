package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	firmwareprofiles "github.com/enrold/enrold/firmware-profiles"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/pcsc/pcsctest"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
)

// rootedDesk is a desk that knows a root, of which the test has the private key.
type rootedDesk struct {
	t    *testing.T
	dir  string
	root *ecdsa.PrivateKey
	cfg  config.Config
}

func newRootedDesk(t *testing.T) *rootedDesk {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &rootedDesk{t: t, dir: t.TempDir(), root: key}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	d.write("root.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	d.cfg = config.Config{
		Desk:    config.Desk{ID: "desk-1", Role: config.CommunePolice, Officer: "o", Data: filepath.Join(d.dir, "data"), Listen: "127.0.0.1:0"},
		Chip:    config.Chip{Trust: filepath.Join(d.dir, "trust"), Socket: pcsctest.Socket(), Origin: eid.OriginEmulated},
		Central: config.Central{Root: filepath.Join(d.dir, "root.pem")},
	}
	return d
}

// write makes a file of the desk's folder and returns its path.
func (d *rootedDesk) write(name string, content []byte) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *rootedDesk) open() *centralData {
	d.t.Helper()
	data, err := openCentralData(d.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

// sign makes an item that is valid for a month.
func (d *rootedDesk) sign(kind string, version int64, content []byte) []byte {
	d.t.Helper()
	from := time.Now().Add(-time.Minute)
	message, err := published.Sign(d.root, published.Item{Kind: kind, Version: version, NotBefore: from, NotAfter: from.AddDate(0, 0, 30), Data: content})
	if err != nil {
		d.t.Fatal(err)
	}
	return message
}

func (d *rootedDesk) apply(data *centralData, message []byte) {
	d.t.Helper()
	if _, fresh, err := data.Put(message, time.Now()); err != nil || !fresh {
		d.t.Fatalf("fresh %t, %v", fresh, err)
	}
	rules, err := procedure.Load()
	if err != nil {
		d.t.Fatal(err)
	}
	data.apply(nil, rules)
}

// direct calls a worker's handlers without a process between.
type direct map[string]worker.Handler

func (d direct) Call(ctx context.Context, method string, in, out any, each func(cbor.RawMessage)) error {
	raw, err := cbor.Marshal(in)
	if err != nil {
		return err
	}
	result, err := d[method](ctx, raw, func(p any) error {
		m, err := cbor.Marshal(p)
		each(m)
		return err
	})
	if err != nil {
		return err
	}
	if raw, err = cbor.Marshal(result); err != nil {
		return err
	}
	return cbor.Unmarshal(raw, out)
}

// TestPublishedTrustListChangesWhatTheChipWorkerTrusts: the worker runs all the
// while, over pcscd and an emulated card.
func TestPublishedTrustListChangesWhatTheChipWorkerTrusts(t *testing.T) {
	card := pcsctest.Start(t)
	d := newRootedDesk(t)
	if err := os.Mkdir(d.cfg.Chip.Trust, 0o700); err != nil {
		t.Fatal(err)
	}
	handlers, end, err := chip.Handlers(d.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	p, err := persons.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	key := eid.AccessKey{Number: eid.Private(p.Citizen.PersonalNumber), Birth: p.Citizen.Birth, Expiry: p.Citizen.Expiry}
	read := func() eid.Check {
		t.Helper()
		card.Insert(1, "citizen", "")
		doc, err := chip.NewClient(direct(handlers)).ReadChip(t.Context(), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		card.Remove()
		return doc.PA
	}
	anchors, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	data := d.open()
	if pa := read(); pa.State == eid.CheckOK {
		t.Fatalf("trusted by nobody, yet %+v", pa)
	}
	first := d.sign(published.KindTrustList, 1, anchors["csca-ut.crt.pem"]) // another country's
	d.apply(data, first)
	if pa := read(); pa.State == eid.CheckOK {
		t.Fatalf("trusted by Utopia only, yet %+v", pa)
	}
	d.apply(data, d.sign(published.KindTrustList, 2, anchors["csca-vn.crt.pem"]))
	if pa := read(); pa.State != eid.CheckOK {
		t.Fatalf("after the list: %+v", pa)
	}
	before, err := os.ReadDir(d.cfg.Chip.Trust)
	if err != nil {
		t.Fatal(err)
	}
	if _, fresh, err := data.Put(first, time.Now()); fresh || eid.CodeOf(err) != eid.CodePublishedOlder {
		t.Fatalf("the older list again: fresh %t, %v", fresh, err)
	}
	data.apply(nil, nil)
	after, err := os.ReadDir(d.cfg.Chip.Trust)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d files, then %d, %v", len(before), len(after), err)
	}
	if pa := read(); pa.State != eid.CheckOK {
		t.Fatalf("after the refused list: %+v", pa)
	}
}

// TestPublishedTrustListOfAProductionDesk: the root's word does not make a test
// authority a real one.
func TestPublishedTrustListOfAProductionDesk(t *testing.T) {
	d := newRootedDesk(t)
	d.cfg.Desk.Production = true
	anchors, err := lds.CSCA()
	if err != nil {
		t.Fatal(err)
	}
	data := d.open()
	if _, _, err := data.Put(d.sign(published.KindTrustList, 1, anchors["csca-vn.crt.pem"]), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := data.useTrustList(); err == nil {
		t.Fatal("a production desk took a test anchor")
	}
	if files, err := filepath.Glob(filepath.Join(d.cfg.Chip.Trust, "[^.]*")); err != nil || len(files) != 0 {
		t.Fatalf("%v, %v", files, err)
	}
}

// TestPublishedProfiles: workers that start find the new profile; nonsense leaves
// the present one in place.
func TestPublishedProfiles(t *testing.T) {
	d := newRootedDesk(t)
	if err := os.MkdirAll(d.cfg.Desk.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	original, err := firmwareprofiles.Files.ReadFile("zfm-20.toml")
	if err != nil {
		t.Fatal(err)
	}
	now := func() profile.Profile {
		t.Helper()
		set, err := profile.Load(d.cfg.Desk.Profiles())
		if err != nil {
			t.Fatal(err)
		}
		p, err := set.Named("zfm-20")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	item := func(version int64, content []byte) []byte {
		t.Helper()
		files, err := published.EncodeFiles(map[string][]byte{"zfm-20.toml": content})
		if err != nil {
			t.Fatal(err)
		}
		return d.sign(published.KindProfiles, version, files)
	}
	built := now()
	data := d.open()
	next := bytes.Replace(original, []byte("poll_ms = 30"), []byte("poll_ms = 50"), 1)
	if bytes.Equal(next, original) {
		t.Fatal("the profile's poll_ms is written in another way")
	}
	d.apply(data, item(1, next))
	first := now()
	if first.Serial.PollMS != 50 || first.SHA256 == built.SHA256 {
		t.Fatalf("poll_ms = %d, the profile's hash is the same: %t", first.Serial.PollMS, first.SHA256 == built.SHA256)
	}
	d.apply(data, item(2, []byte("colour = 1\n")))
	if err := data.useProfiles(); err == nil {
		t.Fatal("nonsense was used")
	}
	if got := now(); got.SHA256 != first.SHA256 {
		t.Fatal("nonsense replaced the profile in force")
	}
	if _, _, err := data.Put(item(1, next), time.Now()); eid.CodeOf(err) != eid.CodePublishedOlder {
		t.Fatalf("older profiles: %v", err)
	}
}

// TestPublishedCommand runs `enrold published` as a program.
func TestPublishedCommand(t *testing.T) {
	d := newRootedDesk(t)
	write := func(name string, c config.Config) string {
		text, err := config.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return d.write(name, text)
	}
	conf := write("desk.toml", d.cfg)
	show := func(items ...string) (kinds []string, sealKeys int, code eid.Code) {
		t.Helper()
		out, diag, exit := enrold(t, append([]string{"published", "--config", conf, "--json"}, items...)...)
		var shown struct {
			Items    []shownItem `json:"items"`
			SealKeys int         `json:"seal_keys"`
			Code     eid.Code    `json:"code"`
		}
		if err := json.Unmarshal([]byte(out), &shown); exit != 0 || err != nil {
			t.Fatalf("exit %d, %v: %s%s", exit, err, out, diag)
		}
		for _, i := range shown.Items {
			kinds = append(kinds, i.Kind)
		}
		return kinds, shown.SealKeys, shown.Code
	}
	if kinds, n, code := show(); len(kinds) != 0 || n != 0 || code != eid.CodeSealKeys {
		t.Fatalf("at first %v, %d keys, %q", kinds, n, code)
	}
	seal, err := request.SealKEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	list := func(version int64, days int) string {
		from := time.Now().Add(-time.Hour)
		content, err := published.EncodeSealKeys([]published.SealKey{published.NewSealKey(seal.PublicKey(), from, from.AddDate(0, 0, days))})
		if err != nil {
			t.Fatal(err)
		}
		return d.write("keys.cose", d.sign(published.KindSealKeys, version, content))
	}
	if kinds, n, code := show(list(2, 30)); !slices.Equal(kinds, []string{published.KindSealKeys}) || n != 1 || code != "" {
		t.Fatalf("after the first keys %v, %d keys, %q", kinds, n, code)
	}
	if _, diag, exit := enrold(t, "published", "--config", conf, list(1, 30)); exit == 0 || !strings.Contains(diag, string(eid.CodePublishedOlder)) {
		t.Fatalf("an older list: exit %d, %s", exit, diag)
	}
	if _, diag, exit := enrold(t, "published", "--config", conf, d.write("nothing", []byte("nothing"))); exit == 0 || !strings.Contains(diag, string(eid.CodePublished)) {
		t.Fatalf("no item: exit %d, %s", exit, diag)
	}
	if kinds, n, code := show(list(3, 3)); len(kinds) != 1 || n != 1 || code != eid.CodeSealKeysEnding {
		t.Fatalf("near the end %v, %d keys, %q", kinds, n, code)
	}
	if out, _, exit := enrold(t, "published", "--config", conf); exit != 0 || !strings.Contains(out, "seal_keys") || !strings.Contains(out, string(eid.CodeSealKeysEnding)) {
		t.Fatalf("exit %d: %s", exit, out)
	}
	without := d.cfg
	without.Central.Root = ""
	if _, diag, exit := enrold(t, "published", "--config", write("rootless.toml", without)); exit == 0 || !strings.Contains(diag, "central.root") {
		t.Fatalf("without a root: exit %d, %s", exit, diag)
	}
}
