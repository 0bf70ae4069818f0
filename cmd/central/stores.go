package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/intake/payload"
	"github.com/enrold/enrold/sync/intake/vault/sqlvault"
)

// folder is where a central lives.
type folder struct {
	Data string `required:"" type:"path" help:"Folder of the central."`
	Keys string `type:"path" help:"Folder of its keys (default: DATA/keys)."`
	// A password comes from PGPASSWORD or ~/.pgpass, since arguments are public.
	Store string `placeholder:"postgres://…" help:"PostgreSQL database that several centrals share (default: SQLite in DATA)."`
}

func (f folder) keys() string {
	if f.Keys != "" {
		return f.Keys
	}
	return filepath.Join(f.Data, "keys")
}

// vault opens what the central knows: also beside one that serves.
func (f folder) vault(ctx context.Context) (*sqlvault.Vault, error) {
	if f.Store != "" {
		return sqlvault.OpenPostgres(ctx, f.Store)
	}
	return sqlvault.OpenSQLite(ctx, f.Data)
}

// registry opens the desks and officers.
func (f folder) registry(ctx context.Context) (*intake.Registry, error) {
	v, err := f.vault(ctx)
	if err != nil {
		return nil, err
	}
	return intake.NewRegistry(v), nil
}

// stores are a folder with the place of the sealed bytes.
type stores struct {
	folder
	Payloads string `placeholder:"s3://HOST/BUCKET|DIR" help:"Where sealed requests are kept (default: DATA/payload). Keys of S3 are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
}

// use names in o the stores of the flags, and returns what closes them after
// the intake. Without --store, SQLite and its lock are the intake's own.
func (s stores) use(ctx context.Context, o *intake.Options) (closing func() error, err error) {
	o.Dir = s.Data
	closing = func() error { return nil }
	if o.Payloads, err = s.payloads(ctx); err != nil {
		return nil, err
	}
	if s.Store == "" {
		return closing, nil
	}
	v, err := sqlvault.OpenPostgres(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	parts, err := v.Parts()
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	o.Vault, o.Parts = v, parts
	return v.Close, nil
}

func (s stores) payloads(ctx context.Context) (intake.Payloads, error) {
	switch {
	case strings.HasPrefix(s.Payloads, "s3://"):
		return payload.OpenS3(ctx, s.Payloads)
	case s.Payloads != "":
		return payload.OpenFolder(s.Payloads)
	}
	return payload.OpenFolder(filepath.Join(s.Data, "payload"))
}
