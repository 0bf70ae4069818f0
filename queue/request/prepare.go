package request

import (
	"crypto/hpke"
	"fmt"

	"github.com/enrold/enrold/internal/station"
)

// Prepared is a request for which everything is done that does not need its
// place in the desk's chain: it is encoded and checked, and a content key is
// agreed with every central key. That is most of the work, and it can go on for
// many requests at once. A Prepared seals once.
type Prepared struct {
	request  station.Request
	encoded  []byte
	envelope *envelope
}

// Prepare readies r for a seal to every central key in to.
func Prepare(to []hpke.PublicKey, r station.Request) (*Prepared, error) {
	encoded, err := encodeRequest(r)
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	e, err := newEnvelope(to)
	if err != nil {
		return nil, fmt.Errorf("seal request: %w", err)
	}
	return &Prepared{request: r, encoded: encoded, envelope: e}, nil
}

// Seal completes body with the prepared request, signs and seals it: what the
// desk writes and sends. It fills Body.SignedBy and Body.Request. The message is
// written once, into the place where it is then encrypted.
func (p *Prepared) Seal(by Signers, b Body) ([]byte, error) {
	b.SignedBy, b.Request = by.roles(), p.request
	body, err := b.pieces(p.encoded)
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	sealed, err := p.envelope.prefix(b.ident(), body.size()+signatureRoom)
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
	p.encoded = nil
	return sealed, nil
}

// Seal is Prepare and Seal in one.
func Seal(to []hpke.PublicKey, by Signers, b Body) ([]byte, error) {
	p, err := Prepare(to, b.Request)
	if err != nil {
		return nil, err
	}
	return p.Seal(by, b)
}
