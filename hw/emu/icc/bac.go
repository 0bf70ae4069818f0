package icc

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/enrold/enrold/hw/emu/icc/suite"
	"github.com/enrold/enrold/hw/emu/lds"
)

// threeDES is the only suite of basic access control.
var threeDES = suite.For(lds.TDES)

// basicAccess is the card's half of basic access control (Doc 9303-11 §4.3).
type basicAccess struct {
	enc, mac []byte // static keys from the machine readable zone
	rndIC    []byte // challenge given out, nil when none is open
	random   io.Reader
}

// newBasicAccess derives the keys from the MRZ information (§9.7.2).
func newBasicAccess(mrzInformation string, random io.Reader) basicAccess {
	seed := sha1.Sum([]byte(mrzInformation))
	return basicAccess{enc: threeDES.KDF(seed[:16], 1), mac: threeDES.KDF(seed[:16], 2), random: random}
}

func (b *basicAccess) challenge() ([]byte, error) {
	b.rndIC = make([]byte, 8)
	if _, err := io.ReadFull(b.random, b.rndIC); err != nil {
		return nil, fmt.Errorf("draw challenge: %w", err)
	}
	return b.rndIC, nil
}

// authenticate answers EXTERNAL AUTHENTICATE: data is E_IFD (32) and M_IFD (8).
// A challenge serves once, whatever the outcome.
func (b *basicAccess) authenticate(data []byte) (response []byte, session *messaging, sw uint16) {
	rndIC := b.rndIC
	b.rndIC = nil
	if rndIC == nil {
		return nil, nil, swConditions
	}
	if len(data) != 40 {
		return nil, nil, swWrongLength
	}
	if subtle.ConstantTimeCompare(threeDES.MAC(b.mac, threeDES.Pad(data[:32])), data[32:]) != 1 {
		return nil, nil, swAuthFailed
	}
	s := threeDES.Decrypt(b.enc, nil, data[:32]) // RND.IFD, RND.IC, K.IFD
	if subtle.ConstantTimeCompare(s[8:16], rndIC) != 1 {
		return nil, nil, swAuthFailed
	}
	rndIFD, keyIFD := s[:8], s[16:32]
	keyIC := make([]byte, 16)
	if _, err := io.ReadFull(b.random, keyIC); err != nil {
		return nil, nil, swUnspecified
	}
	r := append(append(append([]byte{}, rndIC...), rndIFD...), keyIC...)
	e := threeDES.Encrypt(b.enc, nil, r)
	response = slices.Concat(e, threeDES.MAC(b.mac, threeDES.Pad(e)))

	seed := make([]byte, 16)
	subtle.XORBytes(seed, keyIFD, keyIC)
	session = newMessaging(threeDES, seed)
	session.ssc = uint64(binary.BigEndian.Uint32(rndIC[4:]))<<32 | uint64(binary.BigEndian.Uint32(rndIFD[4:])) // §9.8.6.3
	return response, session, swOK
}
