package authority

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/queue/request"
)

// ids are the names of all seal keys, the one in use first.
func ids(t *testing.T, dir string) (all []string) {
	t.Helper()
	keys, err := SealKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		pub, err := request.LoadSealKey(k.File)
		if err != nil || (SealKey{Private: k.Private}).ID() == "" || string(pub.Bytes()) != string(k.Private.PublicKey().Bytes()) {
			t.Fatalf("%s is not the public half: %v", k.File, err)
		}
		all = append(all, k.ID())
	}
	return all
}

func TestRotateSealKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := Create(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	first := ids(t, dir)
	if len(first) != 1 {
		t.Fatalf("keys %v", first)
	}
	for n := 2; n <= 3; n++ {
		made, err := RotateSealKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		all := ids(t, dir)
		if len(all) != n || all[0] != made.ID() {
			t.Fatalf("keys %v after %s was made", all, made.ID())
		}
	}
	keys, err := SealKeys(dir)
	if err != nil || keys[0].Until.IsZero() != true || keys[1].Until.IsZero() {
		t.Fatalf("until %v, %v, %v", keys[0].Until, keys[1].Until, err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, olderFolder))
	if err != nil || len(entries) != 4 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// TestRotationThatWasCutShort: at every point between two files all keys are
// there, once, and the next rotation goes on.
func TestRotationThatWasCutShort(t *testing.T) {
	made := filepath.Join(t.TempDir(), "keys")
	if err := Create(made, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	read := func(dir string, name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := map[string][]byte{sealFile: read(made, sealFile), sealPrivateFile: read(made, sealPrivateFile)}
	old := ids(t, made)[0]
	if _, err := RotateSealKey(made); err != nil {
		t.Fatal(err)
	}
	steps := []string{ // in the order in which rotate writes
		filepath.Join(olderFolder, old+olderPrivate), filepath.Join(olderFolder, old+olderPublic), sealPrivateFile, sealFile,
	}
	for n := range len(steps) + 1 {
		dir := filepath.Join(t.TempDir(), "keys")
		if err := os.MkdirAll(filepath.Join(dir, olderFolder), 0o700); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{sealFile: before[sealFile], sealPrivateFile: before[sealPrivateFile]}
		for _, name := range steps[:n] {
			files[name] = read(made, name)
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := SealKeys(dir)
		if err != nil {
			t.Fatal(err)
		}
		want, found := 1, false
		if n >= 3 {
			want = 2
		}
		for _, k := range keys {
			found = found || k.ID() == old
		}
		if len(keys) != want || !found {
			t.Fatalf("after %d files: %d keys, the old one among them: %t", n, len(keys), found)
		}
		if _, err := RotateSealKey(dir); err != nil {
			t.Fatal(err)
		}
		if all := ids(t, dir); len(all) != want+1 {
			t.Fatalf("rotated again after %d files: %v", n, all)
		}
	}
}

// TestRetireSealKey: an older key goes and comes back, also after a crash between
// its halves; the one in use stays.
func TestRetireSealKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := Create(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	old := ids(t, dir)[0]
	if _, err := RetireSealKey(dir, old); err == nil {
		t.Fatal("the key in use was retired")
	}
	if _, err := RotateSealKey(dir); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "zz", "../seal_private", old[2:]} {
		if _, err := RetireSealKey(dir, id); err == nil {
			t.Errorf("%q was retired", id)
		}
	}
	private, err := RetireSealKey(dir, old)
	if err != nil || len(ids(t, dir)) != 1 {
		t.Fatalf("%v after %v", ids(t, dir), err)
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("private half: %v, %v", info, err)
	}
	if _, err := RetireSealKey(dir, old); err == nil {
		t.Error("retired twice")
	}
	if err := RestoreSealKey(dir, old); err != nil || len(ids(t, dir)) != 2 {
		t.Fatalf("%v after %v", ids(t, dir), err)
	}
	// Cut short: only the public half has moved.
	if err := os.Rename(filepath.Join(dir, olderFolder, old+olderPublic), filepath.Join(dir, retiredFolder, old+olderPublic)); err != nil {
		t.Fatal(err)
	}
	if _, err := RetireSealKey(dir, old); err != nil || len(ids(t, dir)) != 1 {
		t.Fatalf("%v after %v", ids(t, dir), err)
	}
}
