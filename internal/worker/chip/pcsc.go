package chip

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/enrold/enrold/hw/pcsc"
	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
)

// patience is how long an officer's click waits for a reader and for a card.
var patience = pcsc.Patience{Reader: 3 * time.Second, Card: 10 * time.Second}

// firstLook is how long the first question for readers waits for the watcher.
const firstLook = 250 * time.Millisecond

// pcscReaders are the readers behind pcscd.
type pcscReaders struct {
	cfg      config.Chip
	profiles *profile.Set
	log      *slog.Logger

	start    sync.Once // of the watcher, at the first question
	stop     context.CancelFunc
	watching sync.WaitGroup
	mu       sync.Mutex
	status   pcsc.Status
	told     chan struct{} // closed when status was told first
	next     chan struct{} // closed when status changes
}

func newPCSC(cfg config.Config, profiles *profile.Set, log *slog.Logger) (*pcscReaders, error) {
	return &pcscReaders{cfg: cfg.Chip, profiles: profiles, log: log, stop: func() {}, told: make(chan struct{}), next: make(chan struct{})}, nil
}

func (p *pcscReaders) service() (*pcsc.Service, error) {
	return pcsc.New(p.cfg.Socket, p.profiles, p.log)
}

func (p *pcscReaders) open(ctx context.Context) (*card, error) {
	service, err := p.service()
	if err != nil {
		return nil, err
	}
	c, err := service.Open(ctx, p.cfg.Reader, patience)
	if err != nil {
		return nil, errors.Join(err, service.Close())
	}
	return &card{
		Transmitter: c, reader: c.Reader().Name, maxLe: c.MaxLe(), ladder: c.Tuning().Ladder, master: c.Tuning().SelectMF, pace: c.Tuning().PACE,
		close: func() {
			c.Close()
			if err := service.Close(); err != nil {
				p.log.Warn("pcscd is not left in order", "error", err)
			}
		},
	}, nil
}

// look starts the watcher with the first question and gives what it saw last.
func (p *pcscReaders) look(ctx context.Context) ([]Reader, error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	select {
	case <-p.told:
	case <-time.After(firstLook):
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", errors.New("pcscd does not answer"))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.status.Service:
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", errors.New("pcscd is not running"))
	case len(p.status.Readers) == 0:
		return nil, eid.Fail(eid.CodeNoReader, "list card readers", errors.New("pcscd knows no reader"))
	}
	out := make([]Reader, len(p.status.Readers))
	for i, r := range p.status.Readers {
		out[i] = Reader{Name: r.Name, State: string(r.State), Profile: r.Profile, ATR: r.ATR}
	}
	return out, nil
}

func (p *pcscReaders) watch(ctx context.Context, changed func() error) error {
	if err := p.begin(); err != nil {
		return err
	}
	for {
		p.mu.Lock()
		next := p.next
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
		if err := changed(); err != nil {
			return err
		}
	}
}

// begin starts the watcher once.
func (p *pcscReaders) begin() (err error) {
	p.start.Do(func() { err = p.launch() })
	return err
}

func (p *pcscReaders) launch() error {
	service, err := p.service()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.watching.Go(func() {
		service.Watch(ctx, p.saw)
		if err := service.Close(); err != nil {
			p.log.Warn("pcscd is not left in order", "error", err)
		}
	})
	return nil
}

func (p *pcscReaders) saw(s pcsc.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = s
	close(p.next)
	p.next = make(chan struct{})
	select {
	case <-p.told:
	default:
		close(p.told)
	}
}

func (p *pcscReaders) close() error {
	p.start.Do(func() {}) // no watcher from here on
	p.stop()
	p.watching.Wait()
	return nil
}
