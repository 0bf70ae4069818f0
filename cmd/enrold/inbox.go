package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/sync/bundle"
)

// The daemon owns the queue. While it runs, `enrold queue receipts` copies a
// stick's answers into the inbox of the data folder; the daemon verifies and
// settles them there as the command would.
const (
	inboxFolder  = "inbox"
	inboxEvery   = 2 * time.Second
	inboxPartial = ".part-"
	maxInbox     = 64 << 20 // bytes of one answer: manifest and published items
)

// handOver copies one bundle into the inbox: whole or not at all.
func handOver(data, dir string) error {
	inbox := filepath.Join(data, inboxFolder)
	name := filepath.Base(dir)
	part := filepath.Join(inbox, inboxPartial+name)
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o700)); err != nil {
		return fmt.Errorf("hand over to the daemon: %w", err)
	}
	if err := copyPlain(dir, part); err != nil {
		return errors.Join(fmt.Errorf("hand over to the daemon: %w", err), os.RemoveAll(part))
	}
	err := os.Rename(part, filepath.Join(inbox, name))
	if errors.Is(err, fs.ErrExist) { // handed over before, and not looked at yet
		return os.RemoveAll(part)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("hand over to the daemon: %w", err), os.RemoveAll(part))
	}
	return nil
}

// copyPlain copies a stick's plain files, and nothing that a link leads to.
func copyPlain(from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxInbox)
	return fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("more than %d bytes", maxInbox)
		}
		content, err := root.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), content, 0o600)
	})
}

// watchInbox settles what is handed over until ctx ends. A bundle that the queue
// could not take now stays for the next look; one that is no bundle goes.
func watchInbox(ctx context.Context, data string, x bundle.Settle, log *slog.Logger) {
	inbox := filepath.Join(data, inboxFolder)
	for {
		entries, err := os.ReadDir(inbox)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Error("inbox not readable", "error", err)
		}
		for _, e := range entries {
			if ctx.Err() == nil && !strings.HasPrefix(e.Name(), inboxPartial) {
				takeHandedOver(ctx, filepath.Join(inbox, e.Name()), x, log)
			}
		}
		select {
		case <-time.After(inboxEvery):
		case <-ctx.Done():
			return
		}
	}
}

func takeHandedOver(ctx context.Context, dir string, x bundle.Settle, log *slog.Logger) {
	done, err := x.Take(ctx, dir)
	log.Info("answer from a stick", "bundle", done.Bundle, "received", done.Received, "decided", done.Decided, "refused", done.Refused,
		"known", done.Known, "bad", done.Bad, "published", done.Published, "codes", done.Codes)
	switch code := eid.CodeOf(err); {
	case err == nil:
	case code == eid.CodeBundleAltered, code == eid.CodeBundleForeign, code == eid.CodeBundleUnfinished:
		log.Error("answer from a stick refused", "code", code, "error", err)
	default:
		log.Error("answer from a stick not taken yet", "code", code, "error", err)
		return
	}
	if err := os.RemoveAll(dir); err != nil {
		log.Error("inbox not emptied", "error", err)
	}
}
