package sqlvault_test

import (
	"errors"
	"os"
	"testing"

	"github.com/enrold/enrold/sync/intake/pgtest"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
	"github.com/enrold/enrold/sync/intake/vault/vaulttest"
)

func TestSQLite(t *testing.T) {
	dir := t.TempDir()
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		v, err := sqlvault.OpenSQLite(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	})
}

// server starts PostgreSQL or skips.
func server(t *testing.T) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("ENROLD_REQUIRE_E2E") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPostgres(t *testing.T) {
	s := server(t)
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		v, err := sqlvault.OpenPostgres(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	})
	t.Run("a server that may lose commits", func(t *testing.T) {
		if v, err := sqlvault.OpenPostgres(t.Context(), s.URL+"&synchronous_commit=off"); err == nil {
			v.Close()
			t.Fatal("synchronous_commit=off was taken")
		}
	})
}

func TestPostgresURL(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "postgres://%zz"} {
		if v, err := sqlvault.OpenPostgres(t.Context(), url); err == nil {
			v.Close()
			t.Errorf("%q was opened", url)
		}
	}
}
