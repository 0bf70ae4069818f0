package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake"
	"github.com/enrold/enrold/sync/published"
)

// rootFile is the root's public key among the central's keys.
const rootFile = "root.pem"

type publishCommand struct {
	folder
	Root  string   `type:"existingfile" help:"Public key of the offline root, the first time."`
	Items []string `arg:"" type:"existingfile" help:"Signed items, as 'central root sign' writes them."`
}

// Run checks items with the root's public key and puts them where desks fetch
// them. The root's private key is not needed, and must not be, on this machine.
func (c publishCommand) Run() error {
	if c.Root != "" {
		if err := c.pin(); err != nil {
			return err
		}
	}
	store, err := openPublished(c.folder, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	if store == nil {
		return errors.New("the central knows no root yet: give its public key with --root")
	}
	root, err := loadRoot(filepath.Join(c.keys(), rootFile))
	if err != nil {
		return err
	}
	for _, path := range c.Items {
		message, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read item: %w", err)
		}
		item, err := published.Verify(root, message)
		if err == nil {
			err = c.holds(item)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		_, fresh, err := store.Put(message, time.Now())
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		state := "published"
		if !fresh {
			state = "published before"
		}
		fmt.Printf("%s version %d, valid to %s: %s\n", item.Kind, item.Version, item.NotAfter.Format(time.DateOnly), state)
	}
	return nil
}

// pin keeps the root's public key; another one later is refused.
func (c publishCommand) pin() error {
	text, err := os.ReadFile(c.Root)
	if err != nil {
		return fmt.Errorf("read root key: %w", err)
	}
	key, err := request.ParsePublicKey(text)
	if err != nil {
		return fmt.Errorf("read root key: %w", err)
	}
	path := filepath.Join(c.keys(), rootFile)
	known, err := loadRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(path, text, 0o600)
	}
	if err == nil && !known.Equal(key) {
		return errors.New("the central knows another root already")
	}
	return err
}

func loadRoot(path string) (*ecdsa.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read root key: %w", err)
	}
	return request.ParsePublicKey(text)
}

// openPublished opens what the central publishes; nil while it knows no root.
func openPublished(f folder, log *slog.Logger) (*published.Store, error) {
	root, err := loadRoot(filepath.Join(f.keys(), rootFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return published.OpenStore(filepath.Join(f.Data, "published"), root, log)
}

// firstItems is what a desk needs to begin with: the root's public key (PEM) and
// the list of seal keys that it signed. Each is nil where there is none yet.
func (f folder) firstItems() (root, sealKeys []byte, err error) {
	items, err := openPublished(f, quiet())
	if err != nil || items == nil {
		return nil, nil, err
	}
	if root, err = os.ReadFile(filepath.Join(f.keys(), rootFile)); err != nil {
		return nil, nil, fmt.Errorf("read root key: %w", err)
	}
	if kept, ok := items.Get(published.KindSealKeys); ok {
		sealKeys = kept.Signed
	}
	return root, sealKeys, nil
}

// withPublished serves published items beside the intake, to registered desks.
// The items are read at each call: what is published counts at once.
func withPublished(f folder, in *intake.Intake, log *slog.Logger) (http.Handler, error) {
	store, err := openPublished(f, log)
	if err != nil || store == nil {
		return in.Handler(), err
	}
	items := published.Handler(store)
	mux := http.NewServeMux()
	mux.Handle("/", in.Handler())
	for _, pattern := range []string{published.PatternList, published.PatternItem} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if _, err := in.Caller(r); err != nil {
				in.Answer(w, err)
				return
			}
			items.ServeHTTP(w, r)
		})
	}
	return mux, nil
}
