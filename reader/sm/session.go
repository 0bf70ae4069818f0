// Package sm is secure messaging of travel documents (ICAO Doc 9303-11 §9.8):
// it protects commands, opens responses and counts both. Nothing here runs in
// constant time beyond the comparison of checksums: keys live for one reading
// on the officer's own machine.
package sm

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/tlv"
)

// ErrSessionEnded means that secure messaging is over: the access procedure
// must run again before anything else is read.
var ErrSessionEnded = errors.New("secure messaging session has ended")

// UnprotectedError is a status word that came outside secure messaging. It is
// not authentic, and whether the card counted the command is unknown: the
// session cannot go on.
type UnprotectedError struct{ SW apdu.Status }

func (e *UnprotectedError) Error() string { return fmt.Sprintf("card answers %s unprotected", e.SW) }

// Session protects commands and opens responses (Doc 9303-11 §9.8). It counts
// both and ends at the first thing that does not hold.
type Session struct {
	suite Suite
	ssc   []byte
	ended bool
}

// NewSession begins a session. ssc is the first send sequence counter, as long
// as a block of the suite (Doc 9303-11 §9.8.6.3, §9.8.7.3).
func NewSession(suite Suite, ssc []byte) *Session {
	return &Session{suite: suite, ssc: bytes.Clone(ssc)}
}

// End ends the session: whether the card counted the last command is unknown.
func (s *Session) End() { s.ended = true }

// Ended says that nothing more can be sent in this session.
func (s *Session) Ended() bool { return s.ended }

const (
	tagCryptogram    = 0x87 // padding indicator and encrypted data
	tagCryptogramOdd = 0x85 // encrypted data of commands with odd INS
	tagLe            = 0x97
	tagStatus        = 0x99
	tagChecksum      = 0x8E
)

// shortProtected is the largest plain response that fits a short response of
// 256 bytes once protected by 3DES or AES: 87 81 E9 01, 232 padded bytes,
// 99 02 xx xx, 8E 08 and the checksum for 3DES; AES pads to 224.
func (s *Session) shortProtected() int {
	if s.suite.BlockSize() == 8 {
		return 231
	}
	return 223
}

// MaxPlain is the largest plain response to ask for: it leaves room for secure
// messaging in the 65535 bytes that drivers carry.
const MaxPlain = 65000

// PlainLimit is the plain response that fits a response of maxLe bytes once
// protected; 0 stands for an unknown limit.
func (s *Session) PlainLimit(maxLe int) int {
	const overhead = 48 // data objects' headers, padding, status and checksum
	switch {
	case maxLe <= 0 || maxLe > MaxPlain:
		return MaxPlain
	case maxLe <= apdu.MaxShort+overhead:
		return s.shortProtected()
	}
	return maxLe - overhead
}

// Protect turns a plain command into a protected one.
func (s *Session) Protect(cmd apdu.Command) (apdu.Command, error) {
	if s.ended {
		return apdu.Command{}, ErrSessionEnded
	}
	s.count()
	block := s.suite.BlockSize()
	head := []byte{cmd.CLA | 0x0C, cmd.INS, cmd.P1, cmd.P2}
	var body []byte
	if len(cmd.Data) > 0 {
		data := s.suite.Encrypt(s.ssc, Pad(cmd.Data, block))
		if cmd.INS&1 == 1 {
			body = tlv.Append(body, tagCryptogramOdd, data)
		} else {
			body = tlv.Append(body, tagCryptogram, append([]byte{1}, data...))
		}
	}
	switch {
	case cmd.Le > apdu.MaxShort:
		body = tlv.Append(body, tagLe, []byte{byte(cmd.Le >> 8), byte(cmd.Le)})
	case cmd.Le > 0:
		body = tlv.Append(body, tagLe, []byte{byte(cmd.Le)})
	}
	input := append(append([]byte(nil), s.ssc...), Pad(head, block)...)
	if len(body) > 0 {
		input = append(input, Pad(body, block)...)
	}
	body = tlv.Append(body, tagChecksum, s.suite.MAC(input))
	out := apdu.Command{CLA: head[0], INS: cmd.INS, P1: cmd.P1, P2: cmd.P2, Data: body, Le: apdu.MaxShort}
	// An Le of 256 asks for as much as fits, and stays short unless said otherwise.
	if cmd.Extended || cmd.Le > s.shortProtected() && cmd.Le != apdu.MaxShort || len(body) > 255 {
		out.Le, out.Extended = apdu.MaxExtended, true
	}
	return out, nil
}

// Open verifies a protected response and returns the plain one. A response
// without protection is an *UnprotectedError; it and every other failure end
// the session.
func (s *Session) Open(r apdu.Response) (apdu.Response, error) {
	if s.ended {
		return apdu.Response{}, ErrSessionEnded
	}
	plain, err := s.open(r)
	if err != nil {
		s.ended = true
	}
	return plain, err
}

func (s *Session) open(r apdu.Response) (apdu.Response, error) {
	if len(r.Data) == 0 {
		return apdu.Response{}, &UnprotectedError{r.SW}
	}
	s.count()
	objects, err := tlv.List(r.Data)
	if err != nil {
		return apdu.Response{}, fmt.Errorf("protected response: %w", err)
	}
	var covered, status, checksum []byte
	var cryptogram *tlv.Object
	for i, o := range objects {
		if checksum != nil {
			return apdu.Response{}, errors.New("protected response goes on after its checksum")
		}
		switch o.Tag {
		case tagChecksum:
			checksum = o.Value
			continue
		case tagStatus:
			status = o.Value
		case tagCryptogram, tagCryptogramOdd:
			cryptogram = &objects[i]
		}
		covered = append(covered, o.Raw...)
	}
	if len(status) != 2 || len(checksum) != 8 {
		return apdu.Response{}, errors.New("protected response lacks status or checksum")
	}
	block := s.suite.BlockSize()
	input := append(append([]byte(nil), s.ssc...), Pad(covered, block)...)
	if subtle.ConstantTimeCompare(s.suite.MAC(input), checksum) != 1 {
		return apdu.Response{}, errors.New("checksum of protected response is wrong")
	}
	out := apdu.Response{SW: apdu.Status(status[0])<<8 | apdu.Status(status[1])}
	if cryptogram == nil {
		return out, nil
	}
	data := cryptogram.Value
	if cryptogram.Tag == tagCryptogram {
		if len(data) == 0 || data[0] != 1 {
			return apdu.Response{}, errors.New("padding indicator of protected response is unknown")
		}
		data = data[1:]
	}
	if len(data) == 0 || len(data)%block != 0 {
		return apdu.Response{}, errors.New("cryptogram is not of whole blocks")
	}
	if out.Data, err = Unpad(s.suite.Decrypt(s.ssc, data)); err != nil {
		return apdu.Response{}, err
	}
	return out, nil
}

// count increments the send sequence counter, before each command and each response.
func (s *Session) count() {
	for i := len(s.ssc) - 1; i >= 0; i-- {
		if s.ssc[i]++; s.ssc[i] != 0 {
			return
		}
	}
}
