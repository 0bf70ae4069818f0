package pace

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
)

// Proof is what a chip gave in PACE with chip authentication mapping
// (§4.4.3.5). It proves something only against a key that is signed.
type Proof struct {
	Parameter int // of the PACEInfo: also the identifier of the key (§9.2.1)

	group         agree.Group
	mapping, data []byte
	err           error
}

// decrypt takes the encrypted chip authentication data: AES in CBC mode with the
// IV E(KSenc, -1) and padding method 2 (§4.4.3.5.3, §4.4.3.5.4).
func (p *Proof) decrypt(suite sm.Suite, data []byte) error {
	if len(data) == 0 || len(data)%suite.BlockSize() != 0 || len(data) > 256 {
		return fmt.Errorf("chip authentication data have %d bytes", len(data))
	}
	plain, err := sm.Unpad(suite.Decrypt(bytes.Repeat([]byte{0xFF}, suite.BlockSize()), data))
	if err != nil {
		return fmt.Errorf("chip authentication data: %w", err)
	}
	p.data = plain
	return nil
}

// Verify checks the proof against the keys of EF.CardSecurity or DG14, which the
// caller knows to be authentic.
func (p *Proof) Verify(keys []secinfo.PublicKey) error {
	if p.err != nil {
		return p.err
	}
	curve, ok := p.group.(agree.ECDH)
	if !ok {
		return errors.New("chip authentication mapping without a curve")
	}
	tried := false
	for _, k := range keys {
		if k.Field || len(k.KeyID) != 1 && k.KeyID != nil || k.KeyID != nil && int(k.KeyID[0]) != p.Parameter {
			continue
		}
		g, public, err := agree.ParsePublicKey(k.SPKI)
		if err != nil {
			continue
		}
		if own, ok := g.(agree.ECDH); !ok || own.Curve.Name != curve.Curve.Name {
			continue
		}
		tried = true
		if ok, err := curve.Proves(p.data, public, p.mapping); err == nil && ok {
			return nil
		}
	}
	if !tried {
		return ErrNoKey
	}
	return errors.New("chip authentication data do not fit the chip's key")
}

// ErrNoKey means that no key belongs to the proof.
var ErrNoKey = errors.New("no key of the chip for chip authentication mapping")
