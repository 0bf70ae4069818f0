package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

const good = `
[desk]
id = "d1"
role = "commune_police"
officer = "o1"
data = "data"
listen = "127.0.0.1:0"
`

const production = good + "production = true\n"

func load(t *testing.T, text string) (Config, string, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "desk.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	return c, dir, err
}

func TestLoadResolvesPathsAndDefaults(t *testing.T) {
	c, dir, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Desk.Data != filepath.Join(dir, "data") || c.Chip.Origin != eid.OriginDevice {
		t.Fatalf("got %+v", c)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":            {good + "colour = 1\n", "unknown key"},
		"no desk":                {"", "desk.id"},
		"open screen":            {strings.Replace(good, "127.0.0.1", "0.0.0.0", 1), "loopback"},
		"name for address":       {strings.Replace(good, "127.0.0.1", "localhost", 1), "loopback"},
		"role":                   {strings.Replace(good, "commune_police", "district_police", 1), "desk.role"},
		"origin":                 {good + "[chip]\norigin = \"dream\"\n", "chip.origin"},
		"portrait format":        {good + "[camera]\nportrait_format = \"png\"\n", "camera.portrait_format"},
		"emulated in production": {good + "production = true\n[camera]\norigin = \"emulated\"\n", "refuses emulated"},
		"software device key":    {production + "[keys]\nofficer = \"pkcs11\"\nmodule = \"m.so\"\ntoken = \"t\"\n", "refuses a software device key"},
		"software officer key":   {production + "[keys]\ndevice = \"tpm2\"\n", "refuses any officer key"},
		"no officer key":         {production + "[keys]\ndevice = \"tpm2\"\nofficer = \"none\"\n", "refuses any officer key"},
		"no module":              {good + "[keys]\nofficer = \"pkcs11\"\n", "keys.module"},
		"key place":              {good + "[keys]\ndevice = \"pkcs11\"\n", "keys.device"},
		"key algorithm":          {good + "[keys]\nalgorithm = \"EdDSA\"\n", "keys.algorithm"},
		"registers":              {good + "[keys]\npcrs = \"0,24\"\n", "keys.pcrs"},
		"index":                  {good + "[keys]\nnv_index = 0x1C00002\n", "keys.nv_index"},
		"protocol":               {good + "[central]\nprotocol = \"smoke\"\n", "central.protocol"},
		"no address for OSIA":    {good + "[central]\nprotocol = \"osia\"\n", "central.osia_url"},
		"no root in production":  {good + "production = true\n[central]\nurl = \"https://c\"\n", "central.root"},
		"own supervisor":         {strings.Replace(good, "[desk]", "[desk]\nsupervisors = \"s1, o1\"", 1), "own supervisor"},
		"supervisor's name":      {strings.Replace(good, "[desk]", "[desk]\nsupervisors = \"../s1\"", 1), "desk.supervisors"},
		"supervisor twice":       {strings.Replace(good, "[desk]", "[desk]\nsupervisors = \"s1, s1\"", 1), "twice"},
		"CMS of nobody":          {good + "[keys]\nofficer_cms = true\n", "keys.officer_certificate"},
		"not toml":               {"desk = [", "read configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := load(t, tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestKeysDefaultsAndPlaces(t *testing.T) {
	c, _, err := load(t, good)
	if want := (Keys{Device: KeySoftware, Officer: KeySoftware, Algorithm: "ES256", TPM: DefaultTPM, Counter: DefaultCounter, Label: DefaultKeyLabel}); err != nil || !reflect.DeepEqual(c.Keys, want) {
		t.Fatalf("got %+v, %v", c.Keys, err)
	}
	c, dir, err := load(t, production+"[keys]\ndevice = \"tpm2\"\nofficer = \"pkcs11\"\ntpm = \"tpm.sock\"\nmodule = \"/usr/lib/p11.so\"\ntoken = \"officer\"\npcrs = \"0, 7\"\n")
	if err != nil || c.Keys.TPM != filepath.Join(dir, "tpm.sock") || c.Keys.Module != "/usr/lib/p11.so" {
		t.Fatalf("got %+v, %v", c.Keys, err)
	}
	if r, err := c.Keys.Registers(); err != nil || !slices.Equal(r, []int{0, 7}) {
		t.Fatalf("registers %v, %v", r, err)
	}
}

func TestMarshalLoads(t *testing.T) {
	c, _, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := load(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := Marshal(again); err != nil || string(back) != string(text) {
		t.Fatalf("got %+v, %v", again, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "desk.toml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(path); err == nil && c.Desk.ID == "" {
			t.Fatal("a desk without a name was accepted")
		}
	})
}
