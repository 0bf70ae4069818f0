// Package arch keeps the house's direction: a test over `go list -deps`.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/enrold/enrold"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func load(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// in reports a package of this module inside the folder.
func in(importPath, folder string) bool {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	return ok && (rest == folder || strings.HasPrefix(rest, folder+"/"))
}

func inAny(importPath string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return in(importPath, f) })
}

// never lists what a folder must not reach, directly or through others.
var never = []struct {
	who     []string
	what    []string
	because string
}{
	{[]string{"internal/eid", "firmware-profiles"}, []string{"cmd", "capture", "match", "reader", "sync", "queue", "hw", "internal/station", "internal/web", "internal/worker", "internal/procedure", "internal/config"}, "leaves: everything else stands on them"},
	{[]string{"match"}, []string{"hw", "capture", "reader", "queue", "sync", "internal/station", "internal/web", "internal/worker", "internal/procedure", "internal/config"}, "matching is pure: no devices, no SQL"},
	{[]string{"queue"}, []string{"sync", "hw", "capture", "reader", "match", "internal/web", "internal/worker"}, "the queue takes finished requests and nothing else"},
	{[]string{"sync"}, []string{"hw", "capture", "reader", "match", "internal/web", "internal/worker"}, "the network never touches devices or matchers"},
	{[]string{"internal/station"}, []string{"hw", "capture", "reader", "match", "queue", "sync", "internal/web", "internal/worker"}, "the visit knows devices as interfaces of its own"},
	{[]string{"internal/web"}, []string{"hw", "capture", "reader", "match", "queue", "sync", "internal/worker"}, "the screen knows the visit, not the devices"},
	{[]string{"hw"}, []string{"reader", "capture", "match", "queue", "sync", "internal/station", "internal/web", "internal/worker"}, "devices stand below what uses them"},
	{[]string{"reader", "capture"}, []string{"queue", "sync", "internal/station", "internal/web"}, "data flows one way"},
	{[]string{"reader", "capture", "match", "queue", "sync", "internal/station", "internal/web", "internal/worker"}, []string{"hw/emu"}, "production code never knows the emulators"},
}

func TestDirection(t *testing.T) {
	pkgs := load(t)
	for _, rule := range never {
		seen := false
		for _, p := range pkgs {
			if !inAny(p.ImportPath, rule.who) {
				continue
			}
			seen = true
			for _, dep := range p.Deps {
				if inAny(dep, rule.what) {
					t.Errorf("%s reaches %s: %s", p.ImportPath, dep, rule.because)
				}
			}
		}
		if !seen {
			t.Errorf("no package in %v: the rule guards nothing", rule.who)
		}
	}
	for _, p := range pkgs {
		for _, dep := range p.Imports {
			if in(dep, "cmd") && !in(p.ImportPath, "cmd/enrold") {
				t.Errorf("%s imports %s: nobody but the command imports a room of cmd", p.ImportPath, dep)
			}
		}
	}
}

// homes are the only folders that may import a device library.
var homes = map[string][]string{
	"github.com/google/gousb":         {"hw/usb"},
	"go.bug.st/serial":                {"hw/serial"},
	"github.com/ebfe/scard":           {"hw/pcsc"},
	"gocv.io/x/gocv":                  {"hw/video", "capture/camera", "internal/worker/vision"},
	"github.com/Kagami/go-face":       {"match/face/dlib"},
	"github.com/yalue/onnxruntime_go": {"match/face/onnx"},
	"modernc.org/sqlite":              {"queue", "sync/intake"},
	"github.com/jackc/pgx":            {"sync/intake"},
	"github.com/minio/minio-go":       {"sync/intake"},
	"github.com/chromedp/chromedp":    {"internal/web/e2e"},
	"github.com/google/go-tpm":        {"hw/tpm"},
	"github.com/ThalesGroup/crypto11": {"hw/token"},
	"github.com/miekg/pkcs11":         {"hw/token"},
}

func TestDeviceLibrariesHaveOneHome(t *testing.T) {
	found := map[string]bool{}
	for _, p := range load(t) {
		for lib, folders := range homes {
			if !slices.ContainsFunc(p.Imports, func(i string) bool { return i == lib || strings.HasPrefix(i, lib+"/") }) {
				continue
			}
			found[lib] = true
			if !inAny(p.ImportPath, folders) {
				t.Errorf("%s imports %s: its home is %v", p.ImportPath, lib, folders)
			}
		}
	}
	for lib := range homes {
		if !found[lib] {
			t.Errorf("nobody imports %s: the rule guards nothing", lib)
		}
	}
}

// impure are the packages of match that read files' formats or run engines.
var impure = []string{"match/face/dlib", "match/face/onnx", "match/face/manifest", "match/face/imagefile", "match/face/external", "match/face/jpeg2000"}

// TestMatchIsPure: engines that need other libraries sit in packages of their own.
func TestMatchIsPure(t *testing.T) {
	for _, p := range load(t) {
		if !in(p.ImportPath, "match") || inAny(p.ImportPath, impure) {
			continue
		}
		for _, i := range p.Imports {
			own := strings.HasPrefix(i, module+"/match") || i == module+"/internal/eid"
			if !own && strings.Contains(strings.Split(i, "/")[0], ".") {
				t.Errorf("%s imports %s: match imports internal/eid and the standard library", p.ImportPath, i)
			}
		}
	}
}

// TestNoCatchAllNames: a folder name says what lives there.
func TestNoCatchAllNames(t *testing.T) {
	for _, p := range load(t) {
		switch path.Base(p.ImportPath) {
		case "util", "utils", "common", "helpers", "misc", "sync":
			t.Errorf("%s: a name that says nothing, or shadows the standard library", p.ImportPath)
		}
	}
}
