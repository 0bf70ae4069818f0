package request

import (
	"bytes"
	"crypto/ecdsa"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestDeviceKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "device.pem")
	var all sync.WaitGroup
	ids := make([][]byte, 4)
	for i := range ids {
		all.Go(func() {
			k, err := LoadOrCreateDeviceKey(path)
			if err == nil {
				ids[i], err = KeyID(k.Public())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	k, err := LoadOrCreateDeviceKey(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := KeyID(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if !bytes.Equal(id, want) {
			t.Fatal("two different keys were given out")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Fatalf("%d files beside the key, %v", len(left)-1, err)
	}
	text, err := k.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ParsePublicKey(text)
	if err != nil || !pub.Equal(k.Public().(*ecdsa.PublicKey)) {
		t.Fatalf("ParsePublicKey = %v", err)
	}
}

func TestDeviceKeyFileMustBePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.pem")
	if _, err := LoadOrCreateDeviceKey(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreateDeviceKey(path); err == nil {
			t.Errorf("a key of mode %o was used", mode)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.pem")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateDeviceKey(link); err == nil {
		t.Error("a key behind a symbolic link was used")
	}
	if err := os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateDeviceKey(path); err == nil {
		t.Error("a damaged key was used, or replaced")
	}
}
