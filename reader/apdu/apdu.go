// Package apdu encodes commands to a card and decodes its answers (ISO/IEC
// 7816-3 §12.1, ISO/IEC 7816-4 §5), and counts what crossed the reader.
package apdu

import (
	"errors"
	"fmt"
)

// Command is a command APDU. Le is the number of response bytes expected: 0
// for none (the field is absent), up to 65536. Fields that fit are encoded
// short unless Extended is set.
type Command struct {
	CLA, INS, P1, P2 byte
	Data             []byte
	Le               int
	Extended         bool
}

const (
	// MaxShort is the largest Le of a short command.
	MaxShort = 256
	// MaxExtended is the largest Le of an extended command.
	MaxExtended = 65536
)

// IsExtended says whether the command needs or asks for extended length fields.
func (c Command) IsExtended() bool {
	return c.Extended && (len(c.Data) > 0 || c.Le > 0) || len(c.Data) > 255 || c.Le > MaxShort
}

// Marshal encodes the command in the case that its fields ask for (1, 2S, 3S,
// 4S, 2E, 3E, 4E).
func (c Command) Marshal() ([]byte, error) {
	if c.Le < 0 || c.Le > MaxExtended {
		return nil, fmt.Errorf("le %d is out of range", c.Le)
	}
	if len(c.Data) > 65535 {
		return nil, fmt.Errorf("command data of %d bytes do not fit", len(c.Data))
	}
	out := make([]byte, 0, 4+3+len(c.Data)+2)
	out = append(out, c.CLA, c.INS, c.P1, c.P2)
	if !c.IsExtended() {
		if len(c.Data) > 0 {
			out = append(out, byte(len(c.Data)))
			out = append(out, c.Data...)
		}
		if c.Le > 0 {
			out = append(out, byte(c.Le)) // 256 is coded as 00
		}
		return out, nil
	}
	// One zero byte announces extended fields: it stands before Lc, or before Le
	// when there is no Lc (case 2E is 00 hi lo, three bytes).
	out = append(out, 0)
	if len(c.Data) > 0 {
		out = append(out, byte(len(c.Data)>>8), byte(len(c.Data)))
		out = append(out, c.Data...)
	}
	if c.Le > 0 {
		out = append(out, byte(c.Le>>8), byte(c.Le)) // 65536 is coded as 00 00
	}
	return out, nil
}

// Response is a response APDU.
type Response struct {
	Data []byte
	SW   Status
}

// ParseResponse splits a response APDU; the data alias b.
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 {
		return Response{}, errors.New("response is shorter than its status word")
	}
	if n > MaxExtended {
		return Response{}, fmt.Errorf("response of %d bytes is longer than any Le", n)
	}
	return Response{Data: b[:n:n], SW: Status(b[n])<<8 | Status(b[n+1])}, nil
}

// Status is a status word SW1-SW2 (ISO/IEC 7816-4 §5.6).
type Status uint16

const (
	OK               Status = 0x9000
	EndOfFile        Status = 0x6282 // end of file reached before Le bytes
	WrongLength      Status = 0x6700
	SecurityStatus   Status = 0x6982 // security status not satisfied
	ConditionsNotMet Status = 0x6985
	SMMissing        Status = 0x6987 // secure messaging objects missing
	SMIncorrect      Status = 0x6988 // secure messaging objects incorrect
	FileNotFound     Status = 0x6A82
	WrongParameters  Status = 0x6B00 // offset outside the file
	INSNotSupported  Status = 0x6D00
)

// More returns the number of bytes that wait for GET RESPONSE (61xx; 00 means 256).
func (s Status) More() (int, bool) { return s.count(0x61) }

// ExactLe returns the Le that the card wants instead (6Cxx; 00 means 256).
func (s Status) ExactLe() (int, bool) { return s.count(0x6C) }

func (s Status) count(sw1 Status) (int, bool) {
	if s>>8 != sw1 {
		return 0, false
	}
	if n := int(s & 0xFF); n > 0 {
		return n, true
	}
	return MaxShort, true
}

func (s Status) String() string { return fmt.Sprintf("%04X", uint16(s)) }

// StatusError is a command that the card refused. Op names the command.
type StatusError struct {
	Op string
	SW Status
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: card answers %s", e.Op, e.SW) }
