package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/enrold/enrold/hw/emu/control"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/hw/pcsc"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/demo"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/trust"
)

type benchChipCmd struct {
	Reads int  `help:"How often each card is read." default:"5"`
	Bytes int  `help:"Size of the card's content, reached by padding the portrait." default:"40000"`
	JSON  bool `help:"Print the figures as JSON."`
	demoPaths
}

// benchCard is one kind of card: a personality and the largest response.
type benchCard struct {
	name, personality string
	maxResponse       int // 0: the card's own
}

var benchCards = []benchCard{
	{"BAC, extended lengths", "bac", 0},
	{"BAC, short lengths", "bac", 256},
	{"PACE-GM, extended lengths", "pace-gm", 0},
	{"PACE-GM, short lengths", "pace-gm", 256},
	{"PACE-CAM, extended lengths", "pace-cam", 0},
	{"CCCD 2021: PACE-GM, CA, AA", "cccd-2021", 0},
	{"CCCD 2021, short lengths", "cccd-2021", 256},
}

// chipFigures are those of one kind of card; times are medians.
type chipFigures struct {
	Card       string  `json:"card"`
	Access     string  `json:"access"`
	PA         string  `json:"pa"`
	APDUs      int     `json:"apdus"`
	Least      int     `json:"least_apdus"`
	Ratio      float64 `json:"apdus_to_least"`
	Content    int     `json:"content_bytes"`  // data groups
	Bytes      int     `json:"response_bytes"` // status words and secure messaging included
	WallMS     float64 `json:"wall_ms"`
	OwnMS      float64 `json:"own_ms"` // wall time less the time that cards and pcscd took
	OwnLimitMS float64 `json:"own_limit_ms"`
	Reads      int     `json:"reads"`
}

const ownLimit = 50 // milliseconds a document

// stopwatch measures how long answers take to come.
type stopwatch struct {
	card  apdu.Transmitter
	spent time.Duration
}

func (s *stopwatch) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	start := time.Now()
	answer, err := s.card.Transmit(ctx, command)
	s.spent += time.Since(start)
	return answer, err
}

func (c *benchChipCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := c.fill(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "enrold-bench-")
	if err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer os.RemoveAll(dir)
	store, err := emulatedAnchors(filepath.Join(dir, "trust"))
	if err != nil {
		return err
	}
	profiles, err := profile.Load("")
	if err != nil {
		return err
	}
	desk, err := demo.StartCardReader(ctx, dir, c.Bin, c.Photos)
	if err != nil {
		return err
	}
	defer desk.Stop()
	service, err := pcsc.New(desk.Socket(), profiles, log)
	if err != nil {
		return err
	}
	b := chipBench{cmd: c, desk: desk, service: service, store: store}
	var all []chipFigures
	for _, kind := range benchCards {
		fmt.Fprintf(os.Stderr, "bench: %s\n", kind.name)
		f, err := b.measure(ctx, kind)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", kind.name, err), service.Close())
		}
		all = append(all, f)
	}
	if err := service.Close(); err != nil {
		return err
	}
	return c.print(all)
}

// emulatedAnchors is a trust store of the emulated cards' authorities.
func emulatedAnchors(dir string) (*trust.Store, error) {
	files, err := lds.CSCA()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make trust folder: %w", err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, fmt.Errorf("write trust folder: %w", err)
		}
	}
	return trust.Load(dir, false)
}

type chipBench struct {
	cmd     *benchChipCmd
	desk    *demo.CardReader
	service *pcsc.Service
	store   *trust.Store
}

func (b *chipBench) measure(ctx context.Context, kind benchCard) (chipFigures, error) {
	p, err := persons.Get(0)
	if err != nil {
		return chipFigures{}, err
	}
	key := eid.AccessKey{Number: eid.Private(p.Citizen.PersonalNumber), Birth: p.Citizen.Birth, Expiry: p.Citizen.Expiry}
	padding, err := b.padding(kind)
	if err != nil {
		return chipFigures{}, err
	}
	card := control.Command{Person: 0, Document: "citizen", Personality: kind.personality, PadDG2: padding, MaxResponse: kind.maxResponse}
	if err := b.desk.Insert(card); err != nil {
		return chipFigures{}, err
	}
	var wall, own []time.Duration
	var doc eid.ChipDocument
	for range b.cmd.Reads {
		var took, spent time.Duration
		if doc, took, spent, err = b.read(ctx, key); err != nil {
			return chipFigures{}, err
		}
		wall, own = append(wall, took), append(own, took-spent)
	}
	f := chipFigures{
		Card: kind.name, Access: doc.Access, PA: string(doc.PA.State), APDUs: doc.APDUs, Least: doc.LeastAPDUs,
		Ratio: float64(doc.APDUs) / float64(doc.LeastAPDUs), Bytes: doc.Bytes,
		WallMS: median(wall), OwnMS: median(own), OwnLimitMS: ownLimit, Reads: len(wall),
	}
	for _, g := range doc.DataGroups {
		f.Content += g.Bytes
	}
	if doc.PA.State != eid.CheckOK {
		return f, fmt.Errorf("passive authentication is %s: %s", doc.PA.State, doc.PA.Reason)
	}
	return f, nil
}

// padding is what the portrait needs for the card to hold the wanted bytes.
func (b *chipBench) padding(kind benchCard) (int, error) {
	chip, err := lds.LoadSpec(0, b.cmd.Photos, lds.Spec{Personality: kind.personality, Document: "citizen"})
	if err != nil {
		return 0, err
	}
	size := 0
	for _, f := range chip.Files {
		size += len(f)
	}
	return max(b.cmd.Bytes-size, 0), nil
}

// read reads the card once, by a connection of its own.
func (b *chipBench) read(ctx context.Context, key eid.AccessKey) (doc eid.ChipDocument, wall, transport time.Duration, err error) {
	card, err := b.service.Open(ctx, "", pcsc.Patience{Reader: 3 * time.Second, Card: 5 * time.Second})
	if err != nil {
		return doc, 0, 0, err
	}
	defer card.Close()
	watch := &stopwatch{card: card}
	start := time.Now()
	doc, err = reader.Read(ctx, watch, key, reader.Options{
		Trust: b.store, Origin: eid.OriginEmulated, Reader: card.Reader().Name,
		MaxLe: card.MaxLe(), Ladder: card.Tuning().Ladder, SelectMF: card.Tuning().SelectMF,
	})
	return doc, time.Since(start), watch.spent, err
}

func median(d []time.Duration) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

func (c *benchChipCmd) print(all []chipFigures) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "card\taccess\tPA\tAPDUs\tleast\tratio\tcontent B\tresponses B\twall ms\town ms\tof limit\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%.3f\t%d\t%d\t%.1f\t%.1f\t%.2f\t\n", f.Card, f.Access, f.PA, f.APDUs, f.Least, f.Ratio, f.Content, f.Bytes, f.WallMS, f.OwnMS, f.OwnMS/f.OwnLimitMS)
	}
	return w.Flush()
}
