package sqlvault_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/upload"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
)

// Both stores of uploads behave the same.
func TestParts(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		f, err := upload.OpenFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		parts(t, f, f)
	})
	t.Run("postgres", func(t *testing.T) {
		s := server(t)
		var both [2]upload.Parts
		for i := range both {
			v, err := sqlvault.OpenPostgres(t.Context(), s.URL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { v.Close() })
			if both[i], err = v.Parts(); err != nil {
				t.Fatal(err)
			}
		}
		parts(t, both[0], both[1])
		p := both[0].(sqlvault.Parts)
		if err := p.Create(t.Context(), "desk-1", uuid.NewString(), 9, request.Hash(nil)); err != nil {
			t.Fatal(err)
		}
		if n, err := p.Sweep(time.Now().Add(time.Minute)); err != nil || n == 0 {
			t.Fatalf("swept %d, %v", n, err)
		}
	})
}

func parts(t *testing.T, p, other upload.Parts) {
	ctx, id := t.Context(), uuid.NewString()
	data := bytes.Repeat([]byte("sealed"), 1000)
	hash := request.Hash(data)
	if _, _, err := p.Offset(ctx, "desk-1", id); !errors.Is(err, upload.ErrUnknown) {
		t.Fatalf("unknown = %v", err)
	}
	for range 2 {
		if err := p.Create(ctx, "desk-1", id, int64(len(data)), hash); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Create(ctx, "desk-1", id, 7, hash); !errors.Is(err, upload.ErrConflict) {
		t.Fatalf("another size = %v", err)
	}
	if _, _, err := p.Offset(ctx, "desk-2", id); !errors.Is(err, upload.ErrUnknown) {
		t.Fatalf("another desk's upload = %v", err)
	}
	// The same chunk on both, many times at once: it is written once.
	var wg sync.WaitGroup
	var took atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			n, err := []upload.Parts{p, other}[i%2].Append(ctx, "desk-1", id, 0, data[:1000])
			switch {
			case err == nil && n == 1000:
				took.Add(1)
			case !errors.Is(err, upload.ErrOffset):
				t.Errorf("append = %d, %v", n, err)
			}
		})
	}
	wg.Wait()
	if took.Load() != 1 {
		t.Fatalf("a chunk was taken %d times", took.Load())
	}
	if n, err := other.Append(ctx, "desk-1", id, 1000, data[1000:]); err != nil || n != int64(len(data)) {
		t.Fatalf("append = %d, %v", n, err)
	}
	if _, err := p.Append(ctx, "desk-1", id, int64(len(data)), []byte("x")); !errors.Is(err, upload.ErrOffset) {
		t.Fatalf("over the size = %v", err)
	}
	if got, err := p.Bytes(ctx, "desk-1", id); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for range 2 {
		if err := p.Drop(ctx, "desk-1", id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Bytes(ctx, "desk-1", id); !errors.Is(err, upload.ErrUnknown) {
		t.Fatalf("after drop = %v", err)
	}
}
