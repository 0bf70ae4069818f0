package request

import (
	"bytes"
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
	encoded  *bytes.Buffer
	envelope *envelope
}

// Sealer prepares and seals requests one after the other in the same memory: a
// request of 400 KB costs more in new pages and their collection than in hashing
// and encryption. The zero Sealer is ready; it is safe for concurrent use.
type Sealer struct {
	encoded sync.Pool // *bytes.Buffer, wiped
	sealed  sync.Pool // *[]byte
}

// Prepare readies r for a seal to every central key in to.
func (s *Sealer) Prepare(to []hpke.PublicKey, r station.Request) (*Prepared, error) {
	e, err := newEnvelope(to)
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	buffer, ok := s.encoded.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	p := &Prepared{sealer: s, request: r, encoded: buffer, envelope: e}
	if err := encodeRequest(buffer, r); err != nil {
		p.wipe()
		return nil, fmt.Errorf("encode body: %w", err)
	}
	return p, nil
}

// Release takes sealed bytes back that a Prepared made and nobody needs any more.
func (s *Sealer) Release(sealed []byte) { s.sealed.Put(&sealed) }

// room returns memory for size bytes.
func (s *Sealer) room(size int) []byte {
	if old, ok := s.sealed.Get().(*[]byte); ok && cap(*old) >= size {
		return (*old)[:0]
	}
	return make([]byte, 0, size)
}

// wipe ends p: what its buffer held of a person is gone before another uses it.
func (p *Prepared) wipe() {
	used := p.encoded.Bytes()
	clear(used[:cap(used)])
	p.encoded.Reset()
	p.sealer.encoded.Put(p.encoded)
	p.encoded = nil
}

// Seal completes body with the prepared request, signs and seals it: what the
// desk writes and sends. It fills Body.SignedBy and Body.Request. The message is
// written once, into the place where it is then encrypted.
func (p *Prepared) Seal(by Signers, b Body) ([]byte, error) {
	if p.encoded == nil {
		return nil, errors.New("seal request: it was sealed before")
	}
	defer p.wipe()
	b.SignedBy, b.Request = by.roles(), p.request
	body, err := b.pieces(p.encoded.Bytes())
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	sealed, err := p.envelope.prefix(b.ident(), p.sealer.room(body.size()+signatureRoom+maxHeader))
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	n := len(sealed)
	if sealed, err = appendSigned(sealed, by, body); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	if sealed, err = p.envelope.close(sealed, n); err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	return sealed, nil
}

// Seal is Prepare and Seal in one.
func Seal(to []hpke.PublicKey, by Signers, b Body) ([]byte, error) {
	p, err := new(Sealer).Prepare(to, b.Request)
	if err != nil {
		return nil, err
	}
	return p.Seal(by, b)
}
