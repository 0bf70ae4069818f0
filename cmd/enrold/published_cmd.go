package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

type publishedCmd struct {
	Config string   `required:"" help:"Configuration file of the desk." type:"existingfile"`
	JSON   bool     `help:"Print JSON."`
	Items  []string `arg:"" optional:"" help:"Signed items to take in first: a desk's first seal keys come so." type:"existingfile"`
}

// shownItem is one line of `enrold published`.
type shownItem struct {
	Kind     string    `json:"kind"`
	Version  int64     `json:"version"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
}

// Run takes items in and lists what the desk knows from the central's root. It
// works beside a running daemon, which sees a new item at its next look.
func (c *publishedCmd) Run(out io.Writer, log *slog.Logger) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	data, err := openCentralData(cfg, log)
	if err != nil {
		return err
	}
	if data == nil {
		return errors.New("the configuration names no root (central.root)")
	}
	for _, path := range c.Items {
		message, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read item: %w", err)
		}
		if _, _, err := data.Put(message, time.Now()); err != nil {
			return err
		}
	}
	items := []shownItem{}
	for _, k := range data.All() {
		items = append(items, shownItem{k.Kind, k.Version, k.NotAfter, k.Hash})
	}
	r, sealing := data.Recipients(time.Now(), data.policy)
	if c.JSON {
		return json.NewEncoder(out).Encode(map[string]any{"items": items, "seal_keys": len(r.Keys), "seal_until": r.Until, "code": sealCode(r.Warning, sealing)})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tVERSION\tVALID TO\tSHA-256")
	for _, i := range items {
		fmt.Fprintf(w, "%s\t%d\t%s\t%.16s…\n", i.Kind, i.Version, i.NotAfter.Format(time.DateOnly), i.SHA256)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if code := sealCode(r.Warning, sealing); code != "" {
		f := eid.Explain(code)
		fmt.Fprintf(out, "%s: %s / %s\n", code, f.MessageVI, f.MessageEN)
	}
	return nil
}

func sealCode(warning eid.Code, err error) eid.Code {
	if err != nil {
		return eid.CodeOf(err)
	}
	return warning
}
