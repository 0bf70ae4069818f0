package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func embedded(t *testing.T) *Set {
	t.Helper()
	s, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every profile loads, passes its checks, and each of its exact matches is
// claimed by itself.
func TestEveryProfile(t *testing.T) {
	s := embedded(t)
	if len(s.All()) < 20 {
		t.Fatalf("only %d profiles", len(s.All()))
	}
	for _, p := range s.All() {
		for i, m := range p.Match {
			if m.PID == 0 {
				continue
			}
			got, ok := s.Claim(Device{VID: m.VID, PID: m.PID, Revision: m.RevisionMin})
			if !ok || got.Name != p.Name {
				t.Errorf("%s match %d is claimed by %q", p.Name, i+1, got.Name)
			}
		}
	}
}

func TestClaim(t *testing.T) {
	s := embedded(t)
	cases := []struct {
		name string
		d    Device
		want string
	}{
		{"reader by PC/SC name", Device{Name: "ACS ACR122U PICC Interface 00 00"}, "acr122u"},
		{"virtual reader", Device{Name: "Virtual PCD 00 00"}, "virtual-pcd"},
		{"reader by id", Device{VID: 0x072f, PID: 0x223e, Name: "ACR1252 Dual Reader"}, "acr1252u-extended"},
		{"camera by class", Device{VID: 0x046d, PID: 0x0825, Classes: []uint8{0x01, 0x0e}}, "uvc-camera"},
		{"scanner without driver", Device{VID: 0x05ba, PID: 0x000a}, "digitalpersona-4500"},
		{"scanner by name", Device{VID: 0x1162, PID: 0x2200, Name: "SecuGen USB U20"}, "secugen-hamster"},
		{"bridge", Device{VID: 0x1a86, PID: 0x7523, Name: "USB Serial"}, "uart-bridge"},
		{"unknown", Device{VID: 0x1d6b, PID: 0x0104, Name: "Gadget"}, ""},
		{"nothing known", Device{}, ""},
	}
	for _, c := range cases {
		if got, _ := s.Claim(c.d); got.Name != c.want {
			t.Errorf("%s: claimed by %q, want %q", c.name, got.Name, c.want)
		}
	}
}

const base = `
name = "x-1"
vendor = "V"
product = "P"
kind = "scanner"
plan = "native"
reason = "R"
provenance = "test"
`

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func named(name, match string) string {
	return strings.Replace(base, "x-1", name, 1) + match
}

// Revision range beats id, the narrower range beats the wider, id beats name.
func TestMostSpecificWins(t *testing.T) {
	dir := t.TempDir()
	for name, match := range map[string]string{
		"by-name":   "[[match]]\nname = 'Thing'\n",
		"by-id":     "[[match]]\nvid = 0x1111\npid = 0x2222\n",
		"by-wide":   "[[match]]\nvid = 0x1111\npid = 0x2222\nrevision_min = 0x0100\nrevision_max = 0x0fff\n",
		"by-narrow": "[[match]]\nvid = 0x1111\npid = 0x2222\nrevision_min = 0x0200\nrevision_max = 0x0210\n",
		"by-vendor": "[[match]]\nvid = 0x1111\n",
	} {
		write(t, dir, name+".toml", named(name, match))
	}
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		d    Device
		want string
	}{
		{Device{VID: 0x1111, PID: 0x2222, Revision: 0x0205, Name: "Thing"}, "by-narrow"},
		{Device{VID: 0x1111, PID: 0x2222, Revision: 0x0500, Name: "Thing"}, "by-wide"},
		{Device{VID: 0x1111, PID: 0x2222, Revision: 0x0001, Name: "Thing"}, "by-id"},
		{Device{VID: 0x1111, PID: 0x9999, Name: "Thing"}, "by-vendor"},
		{Device{VID: 0x3333, PID: 0x9999, Name: "Thing"}, "by-name"},
	} {
		if got, _ := s.Claim(c.d); got.Name != c.want {
			t.Errorf("%+v: %q, want %q", c.d, got.Name, c.want)
		}
	}
}

func TestDropInReplaces(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "zfm-20.toml", named("zfm-20", "[serial]\nbauds = [9600]\n"))
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Named("zfm-20")
	if err != nil || p.Vendor != "V" {
		t.Errorf("got %q, %v: the drop-in file should replace the embedded one", p.Vendor, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder that anybody may write was trusted")
	}
	if _, err := Load(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("a missing folder is no error: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	zfm := strings.NewReplacer("plan = \"native\"\nreason = \"R\"", "driver = \"zfm\"\nstatus = \"claimed\"").Replace(base)
	serial := "[serial]\nbauds = [57600]\npacket_size = 128\nwidth = 192\nheight = 192\ndpi = 508\nbits_per_pixel = 4\nanswer_ms = 1000\npoll_ms = 30\n"
	if _, err := Parse([]byte(zfm + serial)); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	match := "[[match]]\nvid = 1\npid = 2\n"
	cases := []struct{ name, text, want string }{
		{"unknown key", base + match + "colour = 1\n", "colour"},
		{"no provenance", strings.Replace(base, `provenance = "test"`, "", 1) + match, "provenance"},
		{"unknown kind", strings.Replace(base, `"scanner"`, `"toaster"`, 1) + match, "kind"},
		{"no match", base, "match"},
		{"matches everything", base + "[[match]]\n", "everything"},
		{"bad pattern", base + "[[match]]\nname = '('\n", "name"},
		{"pid alone", base + "[[match]]\npid = 2\n", "pid without vid"},
		{"vid too large", base + "[[match]]\nvid = 0x12345\n", ""},
		{"status without driver", strings.Replace(base, "kind =", "status = \"claimed\"\nkind =", 1) + match, "status"},
		{"driver without status", strings.Replace(zfm, `status = "claimed"`, "", 1) + serial, "status"},
		{"driver without its table", zfm + match, "serial"},
		{"speed out of bounds", zfm + strings.Replace(serial, "57600", "300", 1), "bauds"},
		{"huge image", zfm + strings.Replace(serial, "width = 192", "width = 65000", 1), "image"},
		{"destructive step", zfm + serial + "[[serial.init]]\nsend = \"0d\"\n", "Empty"},
		{"nine steps", zfm + serial + strings.Repeat("[[serial.init]]\nsend = \"01\"\n", 9), "at most"},
		{"step not hexadecimal", zfm + serial + "[[serial.init]]\nsend = \"zz\"\n", "hexadecimal"},
	}
	for _, c := range cases {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error about %q", c.name, err, c.want)
		}
	}
}

func TestTwoClaimTheSame(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "my-acr.toml", named("my-acr", "[[match]]\nvid = 0x072f\npid = 0x2200\n"))
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "acr122u") {
		t.Errorf("got %v, want the two profiles named", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(base + "[[match]]\nvid = 1\npid = 2\n"))
	raw, err := os.ReadFile("../../firmware-profiles/r503.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		// Whatever passes may be claimed with and stays within the driver's bounds.
		(&Set{profiles: []Profile{p}}).Claim(Device{VID: 1, PID: 2, Name: "x"})
		if s := p.Serial; s != nil && p.Driver == "zfm" && s.Width*s.Height > 1<<20 {
			t.Fatalf("image of %dx%d", s.Width, s.Height)
		}
	})
}
