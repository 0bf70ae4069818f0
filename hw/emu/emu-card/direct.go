package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/enrold/enrold/hw/emu/control"
)

// runDirect lays the card on a virtual reader that runs already, wherever its
// pcscd came from, until ctx ends. Nothing is started and nobody can act on it.
func runDirect(ctx context.Context, s settings, log *slog.Logger) error {
	r := &reader{ctx: ctx, address: s.vpcd, photos: s.photos, portrait: s.portrait, usual: s.card, log: log}
	insert := s.card
	insert.Person = max(s.person, 0)
	if err := r.handle(insert); err != nil {
		return fmt.Errorf("insert into the virtual reader at %s: %w", s.vpcd, err)
	}
	fmt.Println("ready")
	<-ctx.Done()
	return r.handle(control.Command{Do: "remove"})
}
