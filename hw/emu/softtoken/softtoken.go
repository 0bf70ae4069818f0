// Package softtoken makes an officer's emulated signature token: a SoftHSM
// token in a folder, behind SoftHSM's PKCS#11 library. SoftHSM counts no wrong
// PINs, so [Limited] puts a library in front of it that does, as cards do.
package softtoken

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Env names the variable by which SoftHSM finds its configuration.
const Env = "SOFTHSM2_CONF"

const tool = "softhsm2-util" // Debian package softhsm2

var modules = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"}

// ErrMissing says that SoftHSM is not installed.
var ErrMissing = errors.New("SoftHSM is not installed (Debian: apt-get install softhsm2)")

// Module is the path of SoftHSM's library, "" where it is not installed.
func Module() string {
	for _, m := range modules {
		if _, err := os.Stat(m); err == nil {
			return m
		}
	}
	return ""
}

// Config is the configuration file of the token in dir: the value of [Env].
func Config(dir string) string { return filepath.Join(dir, "softhsm2.conf") }

// Create makes a token in dir, which must hold none yet.
func Create(dir, label, pin string) error {
	if _, err := exec.LookPath(tool); err != nil || Module() == "" {
		return ErrMissing
	}
	store := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(store, 0o700); err != nil {
		return fmt.Errorf("make token: %w", err)
	}
	text := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n", store)
	if err := os.WriteFile(Config(dir), []byte(text), 0o600); err != nil {
		return fmt.Errorf("make token: %w", err)
	}
	make := exec.Command(tool, "--init-token", "--free", "--label", label, "--so-pin", pin+"-so", "--pin", pin)
	make.Env = append(os.Environ(), Env+"="+Config(dir))
	if out, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("make token: %w\n%s", err, out)
	}
	return nil
}

// The suffix keeps the file from the go tool, which compiles C only with cgo.
//
//go:embed limit.c.txt
var limitSource []byte

// Limited builds a PKCS#11 library in dir that passes everything to SoftHSM
// but counts wrong PINs: 3 in a row lock the token until the count's file,
// dir/wrong, is removed, as its issuer would. It needs a C compiler.
func Limited(dir string) (module string, err error) {
	if Module() == "" {
		return "", ErrMissing
	}
	source := filepath.Join(dir, "limit.c")
	if err := os.WriteFile(source, limitSource, 0o600); err != nil {
		return "", fmt.Errorf("build limiting library: %w", err)
	}
	module = filepath.Join(dir, "limit.so")
	build := exec.Command("cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", module,
		`-DMODULE="`+Module()+`"`, `-DCOUNT="`+filepath.Join(dir, "wrong")+`"`, source, "-ldl")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build limiting library: %w\n%s", err, out)
	}
	return module, nil
}
