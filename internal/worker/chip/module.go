package chip

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/pn532"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

// moduleProfile is the profile of every PN532 on a serial line: nothing can be
// recognised there.
const moduleProfile = "pn532-hsu"

// module is the transport over a PN532.
type module struct {
	port   string
	tuning profile.Reader
	log    *slog.Logger

	mu   sync.Mutex
	held bool // a reading has the port
}

func newModule(cfg config.Config, profiles *profile.Set, log *slog.Logger) (*module, error) {
	p, err := profiles.Named(moduleProfile)
	if err != nil {
		return nil, err
	}
	if p.Reader == nil {
		return nil, fmt.Errorf("profile %s has no reader's values", moduleProfile)
	}
	return &module{port: cfg.Chip.Port, tuning: *p.Reader, log: log}, nil
}

func (m *module) name() string { return "PN532 " + m.port }

// hold keeps looks off the port, which takes one user.
func (m *module) hold(held bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = held
}

func (m *module) open(ctx context.Context) (_ *card, err error) {
	m.hold(true)
	defer func() {
		if err != nil {
			m.hold(false)
		}
	}()
	device, err := pn532.Open(ctx, m.port)
	if err != nil {
		return nil, err
	}
	c, err := device.WaitCard(ctx, patience.Card, time.Duration(m.tuning.SessionS)*time.Second)
	if err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return &card{
		Transmitter: c, reader: m.name(), maxLe: m.tuning.Ladder[0], ladder: m.tuning.Ladder, master: m.tuning.SelectMF, pace: m.tuning.PACE,
		close: func() {
			if err := device.Close(); err != nil {
				m.log.Warn("serial port is not left in order", "error", err)
			}
			m.hold(false)
		},
	}, nil
}

// probeTime bounds a look: the screen waits for it.
const probeTime = 280 * time.Millisecond

// look wakes the module and looks into its field, unless a reading has it.
func (m *module) look(ctx context.Context) ([]Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := Reader{Name: m.name(), Profile: moduleProfile, State: "in_use"}
	if m.held {
		return []Reader{r}, nil
	}
	if _, err := os.Stat(m.port); errors.Is(err, fs.ErrNotExist) {
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", errors.New("the configured port does not exist"))
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	device, err := pn532.Open(ctx, m.port)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", errors.New("no PN532 answers on the configured port"))
	case err != nil:
		return nil, err
	}
	_, err = device.WaitCard(ctx, 0, time.Second)
	r.State = "card"
	switch {
	case eid.CodeOf(err) == eid.CodeNoCard, errors.Is(err, context.DeadlineExceeded):
		r.State = "empty"
	case eid.CodeOf(err) == eid.CodeChipRead:
		r.State = "mute"
	case err != nil:
		return nil, errors.Join(err, device.Close())
	}
	return []Reader{r}, device.Close()
}

// watch tells nothing: a module says nothing unasked, and asking keeps the port
// from a reading.
func (m *module) watch(ctx context.Context, _ func() error) error {
	<-ctx.Done()
	return ctx.Err()
}

func (m *module) close() error { return nil }
