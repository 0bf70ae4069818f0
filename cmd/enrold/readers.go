package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/web"
	"github.com/enrold/enrold/internal/worker/chip"
)

// probeChip tells the screen of the card readers: no pcscd and no reader are
// missing; a card that does not answer is a failure that the officer mends.
func (r *rooms) probeChip(ctx context.Context, d *web.Device) error {
	readers, err := r.chip.Readers(ctx)
	switch {
	case eid.CodeOf(err) == eid.CodeNoReader:
		d.State, d.Code = "missing", eid.CodeNoReader
		if e, ok := errors.AsType[*eid.Error](err); ok && e.Err != nil {
			d.Detail = e.Err.Error()
		}
		return nil
	case err != nil:
		return err
	}
	d.State, d.Code, d.Detail = readerState(readers)
	return nil
}

// readerState sums up the slots: what can be read counts before what cannot.
func readerState(readers []chip.Reader) (state string, code eid.Code, detail string) {
	var shown []string
	usable, mute := false, false
	for _, r := range readers {
		shown = append(shown, r.Name+": "+strings.ReplaceAll(r.State, "_", " "))
		usable = usable || r.State != "gone"
		mute = mute || r.State == "mute"
	}
	detail = strings.Join(shown, ", ")
	switch {
	case !usable:
		return "missing", eid.CodeNoReader, detail
	case mute:
		return "failed", eid.CodeChipRead, detail
	}
	return "ready", "", detail
}

// watchReaders tells the screen when a reader or a card comes or goes. A worker
// that ended is asked again when it is back.
func (r *rooms) watchReaders(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.chip.Watch(ctx, func() { r.changed() }); err == nil {
			return // the transport has nothing to tell
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
