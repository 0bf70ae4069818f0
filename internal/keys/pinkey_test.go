package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/enrold/enrold/internal/eid"
)

// TestPINKeyLocks: wrong PINs are counted over restarts, the last one needs a
// word, and then no PIN helps.
func TestPINKeyLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s-099.key")
	if _, err := createPINKey(path, "12"); eid.CodeOf(err) != eid.CodePINWrong {
		t.Fatalf("a PIN of two digits: %v", err)
	}
	made, err := createPINKey(path, "135790")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := made.key.Bytes()
	if err != nil || bytes.Contains(text, raw) || bytes.Contains(text, []byte("135790")) {
		t.Fatalf("the file shows key or PIN, %v", err)
	}
	for i, try := range []struct {
		pin  eid.Private
		last bool
		want eid.Code
	}{
		{"000000", false, eid.CodePINLow},
		{"135790", false, ""}, // forgets the wrong one
		{"000000", false, eid.CodePINLow},
		{"000000", true, eid.CodePINLow},
		{"000000", false, eid.CodePINLow},
		{"000000", false, eid.CodePINFinal},
		{"135790", false, eid.CodePINFinal}, // not tried
		{"000000", true, eid.CodePINLocked},
		{"135790", true, eid.CodePINLocked},
	} {
		key, err := openPINKey(path, try.pin, try.last)
		if code := codeOf(err); code != try.want {
			t.Fatalf("try %d: %v, want %s", i+1, err, try.want)
		}
		if err == nil && !key.key.Equal(made.key) {
			t.Fatal("another key came out")
		}
	}
}

func codeOf(err error) eid.Code {
	if err == nil {
		return ""
	}
	return eid.CodeOf(err)
}

// TestPINKeyDamaged: a file that something else changed opens nothing.
func TestPINKeyDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s-099.key")
	made, err := createPINKey(path, "135790")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("exception"))
	if _, err := made.Sign(rand.Reader, digest[:], nil); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "not JSON": "key", "no salt": `{"rounds":600000}`, "rounds without end": `{"rounds":2000000000,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openPINKey(path, "135790", true); eid.CodeOf(err) != eid.CodeSupervisorKey {
			t.Errorf("%s: %v", name, err)
		}
	}
}
