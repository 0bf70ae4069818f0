package chip

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/transcript"
)

// readParams is the argument of "read" and of "inspect".
type readParams struct {
	Key  eid.AccessKey `cbor:"key"`
	Keys bool          `cbor:"keys"` // inspect: the transcript holds keys
}

// progress is a message of both: the share done, 0 to 1, and the file.
type progress struct {
	Share float64 `cbor:"share"`
	File  string  `cbor:"file"`
}

// Inspection is a reading with all that is known of it, also where it failed.
type Inspection struct {
	Document   eid.ChipDocument
	Transcript []byte // JSON lines, see package transcript
	Unfit      bool   // the reader's profile marks it as not for PACE
	Duration   time.Duration
	Err        error // of the reading, an *eid.Error; the document holds what came before it
}

// inspected is Inspection on the wire.
type inspected struct {
	Document   eid.ChipDocument `cbor:"document"`
	Transcript []byte           `cbor:"transcript"`
	Unfit      bool             `cbor:"unfit"`
	Duration   time.Duration    `cbor:"duration"`
	Code       eid.Code         `cbor:"code,omitempty"`
	Cause      string           `cbor:"cause,omitempty"`
}

func (r *room) read(ctx context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
	var params readParams
	if err := cbor.Unmarshal(in, &params); err != nil {
		return nil, eid.Fail(eid.CodeInput, "read chip", err)
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	c, release, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	document, _, err := r.run(ctx, c, params.Key, options, emit)
	if err != nil {
		return nil, err
	}
	return document, nil
}

// inspect reads and records. A card that cannot be read is a result here.
func (r *room) inspect(ctx context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
	var params readParams
	if err := cbor.Unmarshal(in, &params); err != nil {
		return nil, eid.Fail(eid.CodeInput, "inspect chip", err)
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	c, release, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	recorder := transcript.NewRecorder(c.Transmitter)
	c.Transmitter = recorder
	options.All = true
	options.Rand, options.Now = recorder.Random(rand.Reader), time.Now().UTC().Truncate(time.Second)
	out := inspected{Unfit: !c.pace}
	out.Document, out.Duration, err = r.run(ctx, c, params.Key, options, emit)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Code, out.Cause = eid.CodeOf(err), err.Error()
	}
	var lines bytes.Buffer
	header := transcript.Header{Reader: c.reader, MaxLe: c.maxLe, Ladder: c.ladder, SelectMF: c.master, AvoidPACE: !c.pace, All: true, Now: options.Now}
	if params.Keys {
		err = recorder.WriteWithKeys(&lines, header, params.Key, out.Document)
	} else {
		err = recorder.Write(&lines, header)
	}
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, "write transcript", err)
	}
	out.Transcript = lines.Bytes()
	return out, nil
}

// options asks for the trust store for every reading: the folder may have been
// updated.
func (r *room) options() (reader.Options, error) {
	store, err := r.anchors.Load()
	if err != nil {
		return reader.Options{}, eid.Fail(eid.CodeTrust, "load trust anchors", err)
	}
	return reader.Options{Trust: store, Origin: r.cfg.Chip.Origin}, nil
}

// run reads the card and logs how that went, without anything of the person.
func (r *room) run(ctx context.Context, c *card, key eid.AccessKey, o reader.Options, emit func(any) error) (eid.ChipDocument, time.Duration, error) {
	start := time.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	o.Reader, o.MaxLe, o.Ladder, o.SelectMF, o.AvoidPACE = c.reader, c.maxLe, c.ladder, c.master, !c.pace
	o.AvoidPACE = !c.pace
	o.Progress = func(share float64, file string) {
		if err := emit(progress{share, file}); err != nil {
			stop(fmt.Errorf("send progress: %w", err))
		}
	}
	document, err := reader.Read(ctx, c.Transmitter, key, o)
	took := time.Since(start)
	r.log.Info("chip read", "ok", err == nil, "access", document.Access, "pa", document.PA.State, "ca", document.CA.State, "aa", document.AA.State,
		"apdus", document.APDUs, "bytes", document.Bytes, "duration_ms", took.Milliseconds())
	if _, ours := errors.AsType[*eid.Error](err); err != nil && !ours && ctx.Err() == nil {
		err = eid.Fail(eid.CodeInternal, "read chip", err)
	}
	return document, took, err
}
