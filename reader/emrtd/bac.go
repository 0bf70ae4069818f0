package emrtd

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/mrz"
	"github.com/enrold/enrold/reader/pace"
	"github.com/enrold/enrold/reader/sm"
)

// bac is Basic Access Control (Doc 9303-11 §4.3).
type bac struct {
	key  mrz.Key
	rand io.Reader
}

func (bac) name() string  { return "BAC" }
func (bac) outside() bool { return false }

// open selects the application, proves knowledge of the key and agrees on a
// session.
func (b bac) open(ctx context.Context, card *apdu.Channel, _ bool) (*sm.Session, *pace.Proof, error) {
	s, err := b.session(ctx, card)
	return s, nil, err
}

func (b bac) session(ctx context.Context, card *apdu.Channel) (*sm.Session, error) {
	if err := selectApplication(ctx, card.Send); err != nil {
		return nil, err
	}
	r, err := card.Send(ctx, apdu.Command{INS: 0x84, Le: 8})
	if err != nil {
		return nil, fmt.Errorf("get challenge: %w", err)
	}
	if r.SW != apdu.OK || len(r.Data) != 8 {
		return nil, fmt.Errorf("get challenge: %w (%s)", ErrNotOffered, r.SW)
	}
	h, err := newHandshake(b.key.Information(), r.Data, b.rand)
	if err != nil {
		return nil, err
	}
	r, err = card.Send(ctx, apdu.Command{INS: 0x82, Data: h.command(), Le: 40})
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	switch r.SW {
	case apdu.OK:
	case 0x6983, 0x6984:
		return nil, fmt.Errorf("authenticate: %w (%s)", ErrBlocked, r.SW)
	default:
		return nil, fmt.Errorf("authenticate: %w (%s)", ErrAccessDenied, r.SW)
	}
	return h.session(r.Data)
}

// handshake is the terminal's side of the key establishment (Doc 9303-11
// §4.3.3): key establishment mechanism 6 of ISO/IEC 11770-2.
type handshake struct {
	suite         sm.Suite
	rndIC, rndIFD []byte // 8 bytes
	kIFD          []byte // 16 bytes
}

func newHandshake(information string, rndIC []byte, random io.Reader) (*handshake, error) {
	seed := sha1.Sum([]byte(information))
	s, err := sm.New(sm.TDES, sm.TDES.Derive(seed[:16], sm.Enc), sm.TDES.Derive(seed[:16], sm.MAC))
	if err != nil {
		return nil, err
	}
	own := make([]byte, 24)
	if _, err := io.ReadFull(random, own); err != nil {
		return nil, fmt.Errorf("draw random numbers: %w", err)
	}
	return &handshake{suite: s, rndIC: rndIC, rndIFD: own[:8], kIFD: own[8:]}, nil
}

// command is the data of EXTERNAL AUTHENTICATE: E(RND.IFD || RND.IC || K.IFD) and its MAC.
func (h *handshake) command() []byte {
	e := h.suite.EncryptCBC(bytes.Join([][]byte{h.rndIFD, h.rndIC, h.kIFD}, nil))
	return append(e, h.suite.Token(e)...)
}

// session checks the chip's answer E(RND.IC || RND.IFD || K.IC) and its MAC and
// derives the session keys and the first send sequence counter.
func (h *handshake) session(answer []byte) (*sm.Session, error) {
	if len(answer) != 40 {
		return nil, fmt.Errorf("authenticate: answer of %d bytes", len(answer))
	}
	e, mac := answer[:32], answer[32:]
	if subtle.ConstantTimeCompare(h.suite.Token(e), mac) != 1 {
		return nil, errors.New("authenticate: checksum of the chip's answer is wrong")
	}
	plain := h.suite.DecryptCBC(e)
	if !bytes.Equal(plain[:8], h.rndIC) || !bytes.Equal(plain[8:16], h.rndIFD) {
		return nil, errors.New("authenticate: chip answers another challenge")
	}
	seed := make([]byte, 16)
	subtle.XORBytes(seed, h.kIFD, plain[16:])
	s, err := sm.New(sm.TDES, sm.TDES.Derive(seed, sm.Enc), sm.TDES.Derive(seed, sm.MAC))
	if err != nil {
		return nil, err
	}
	ssc := append(append([]byte(nil), h.rndIC[4:]...), h.rndIFD[4:]...)
	return sm.NewSession(s, ssc), nil
}
