package request

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"sync"

	"github.com/enrold/enrold/internal/station"
)

// Prepared is a request for which everything is done that does not need its
// place in the desk's chain: it is encoded and checked, and a content key is
// agreed with every central key. That is most of the work, and it can go on for
// many requests at once. A Prepared seals once.
type Prepared struct {
	sealer   *Sealer
	request  station.Request
	frame    *frame
	envelope *envelope
	used     bool // nothing of a person is in frame any more
}

// Sealer prepares and seals requests one after the other in the same memory: a
// request of 400 KB costs more in new pages and their collection than in hashing
// and encryption. The zero Sealer is ready; it is safe for concurrent use.
type Sealer struct {
	frames sync.Pool // *frame, with nothing of a person in it
	heads  signerHeads

	mu    sync.Mutex
	stock []*envelope
}

// Stock makes an envelope for a request to come, unless there are n already. Who
// waits for the disk has the time; who prepares a request then need not take it.
// Only where one is made is recipients asked for the central keys.
func (s *Sealer) Stock(recipients func() ([]hpke.PublicKey, error), n int) (made bool, err error) {
	s.mu.Lock()
	enough := len(s.stock) >= n
	s.mu.Unlock()
	if enough {
		return false, nil
	}
	to, err := recipients()
	if err != nil {
		return false, fmt.Errorf("seal request: %w", err)
	}
	e, err := newEnvelope(to)
	if err != nil {
		return false, fmt.Errorf("seal request: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stock = append(s.stock, e)
	return true, nil
}

// envelope is one from the stock, if it is to exactly these keys, or a new one.
func (s *Sealer) envelope(to []hpke.PublicKey) (*envelope, error) {
	s.mu.Lock()
	for len(s.stock) > 0 {
		last := len(s.stock) - 1
		e := s.stock[last]
		s.stock[last], s.stock = nil, s.stock[:last]
		if e.isTo(to) {
			s.mu.Unlock()
			return e, nil
		}
		clear(e.key) // the central's keys have changed since
	}
	s.mu.Unlock()
	return newEnvelope(to)
}

// Prepare readies r for a seal to every central key in to.
func (s *Sealer) Prepare(to []hpke.PublicKey, r station.Request) (*Prepared, error) {
	e, err := s.envelope(to)
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	f, ok := s.frames.Get().(*frame)
	if !ok {
		f = new(frame)
	}
	p := &Prepared{sealer: s, request: r, frame: f, envelope: e}
	if err := f.encode(r); err != nil {
		p.Release()
		return nil, fmt.Errorf("encode body: %w", err)
	}
	return p, nil
}

// Release takes the memory of sealed bytes back that nobody needs any more, or
// that of a request that is not to be sealed. A Prepared that is not released is
// left to the collector.
func (p *Prepared) Release() {
	if p.frame != nil {
		if !p.used {
			p.used = true
			p.frame.wipe()
		}
		p.sealer.frames.Put(p.frame)
		p.frame = nil
	}
}

// Seal completes body with the prepared request, signs and seals it: what the
// desk writes and sends, until Release. It fills Body.SignedBy and Body.Request.
// The message is encrypted in the place where the request was encoded.
func (p *Prepared) Seal(by Signers, b Body) ([]byte, error) {
	if p.used || p.frame == nil {
		return nil, errors.New("seal request: it was sealed before")
	}
	b.SignedBy, b.Request = by.roles(), p.request
	if err := p.seal(by, b); err != nil {
		p.Release() // wiped
		return nil, err
	}
	p.used = true
	return p.frame.bytes(), nil
}

func (p *Prepared) seal(by Signers, b Body) error {
	if err := b.around(p.frame); err != nil {
		return fmt.Errorf("encode body: %w", err)
	}
	if err := sign(p.frame, by, p.sealer.heads.of); err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	if err := p.envelope.close(p.frame, b.ident()); err != nil {
		return fmt.Errorf("seal request: %w", err)
	}
	return nil
}

// Seal is Prepare and Seal in one.
func Seal(to []hpke.PublicKey, by Signers, b Body) ([]byte, error) {
	p, err := new(Sealer).Prepare(to, b.Request)
	if err != nil {
		return nil, err
	}
	return p.Seal(by, b)
}
