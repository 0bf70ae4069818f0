package request

import (
	"bytes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// envelope is what seals one request: a fresh content key and an agreement with
// each central key. Making one costs more than using it, and needs nothing of the
// request.
type envelope struct {
	key        []byte
	aead       cipher.AEAD
	commitment []byte
	recipients []recipient    // the content key's share is still to come
	senders    []*hpke.Sender // nil once used
}

func newEnvelope(to []hpke.PublicKey) (*envelope, error) {
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, fmt.Errorf("%d central keys, want 1 to %d", len(to), maxRecipients)
	}
	e := &envelope{key: make([]byte, keyBytes)}
	rand.Read(e.key) // never fails (crypto/rand)
	var err error
	if e.aead, e.commitment, err = content(e.key); err != nil {
		return nil, err
	}
	kdf, wrap := hpke.HKDFSHA256(), hpke.AES256GCM()
	for _, pub := range to {
		enc, sender, err := hpke.NewSender(pub, kdf, wrap, []byte(sealInfo))
		if err != nil {
			return nil, err
		}
		e.senders = append(e.senders, sender)
		e.recipients = append(e.recipients, recipient{KEM: pub.KEM().ID(), KDF: kdf.ID(), AEAD: wrap.ID(), KeyID: SealKeyID(pub), Enc: enc})
	}
	return e, nil
}

// isTo says whether e is to exactly these keys.
func (e *envelope) isTo(to []hpke.PublicKey) bool {
	return slices.EqualFunc(e.recipients, to, func(r recipient, pub hpke.PublicKey) bool {
		return r.KEM == pub.KEM().ID() && bytes.Equal(r.KeyID, SealKeyID(pub))
	})
}

// prefix is all that is before the ciphertext.
func (e *envelope) prefix(id Ident) ([]byte, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	senders := e.senders
	if e.senders = nil; senders == nil { // a second use would reuse the content's nonce
		return nil, errors.New("an envelope seals once")
	}
	h := header{DeskID: id.Desk, RequestID: id.Request, Seq: id.Seq, Commitment: e.commitment, Recipients: e.recipients}
	for i, sender := range senders {
		share, err := sender.Seal(h.shareContext(), e.key)
		if err != nil {
			return nil, err
		}
		h.Recipients[i].Key = share
	}
	head, err := encMode.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(head) > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d", len(head), maxHeader)
	}
	out := make([]byte, 0, prefixBytes+len(head))
	out = binary.BigEndian.AppendUint16(append(out, magic...), uint16(len(head)))
	return append(out, head...), nil
}

// close encrypts what f carries where it lies and puts the prefix before it and the
// tag behind. The envelope's key ends with it.
func (e *envelope) close(f *frame, id Ident) error {
	prefix, err := e.prefix(id)
	if err != nil {
		return err
	}
	n := len(f.bytes())
	if total := len(prefix) + n + tagBytes; total > MaxSealed {
		return fmt.Errorf("%d bytes, at most %d", total, MaxSealed)
	}
	f.reserve(len(prefix), tagBytes)
	e.aead.Seal(f.bytes()[:0], contentNonce(e.aead), f.bytes(), prefix) //nolint:gosec // the key is random and seals one request
	clear(e.key)
	f.end += tagBytes
	f.prepend(prefix)
	return nil
}
