package request

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/enrold/enrold/internal/station"
)

// BodyVersion is the version of the signed body's schema.
const BodyVersion = 2

// HashSize is the length of the hashes that chain and name requests (SHA-256).
const HashSize = sha256.Size

const maxNameBytes = 128

// Body is what the device and the officer sign.
type Body struct {
	Version  int             `cbor:"version"`
	DeskID   string          `cbor:"desk_id"`
	Seq      int64           `cbor:"seq"`      // the desk's own gap-free number, from 1
	Previous []byte          `cbor:"previous"` // SHA-256 of the sealed bytes of Seq-1; zeros for the first
	Software string          `cbor:"software"` // version that made the request
	Clocks   Clocks          `cbor:"clocks"`
	SignedBy []Role          `cbor:"signed_by"` // who signs this body, in the order of the signatures
	Request  station.Request `cbor:"request"`
}

func (b Body) ident() Ident { return Ident{Desk: b.DeskID, Request: b.Request.ID, Seq: b.Seq} }

var (
	encMode = mustEncMode()
	decMode = mustDecMode()
)

func mustEncMode() cbor.UserBufferEncMode {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano              // seconds alone would lose the order of events
	o.NilContainers = cbor.NilContainerAsEmpty // "none" has one encoding, too
	m, err := o.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return m
}

func mustDecMode() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   12,
		MaxArrayElements:  1024,
		MaxMapPairs:       256,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}

// Encode returns the body's only encoding.
func Encode(b Body) ([]byte, error) {
	var f frame
	err := f.encode(b.Request)
	if err == nil {
		err = b.around(&f)
	}
	if err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	return f.bytes(), nil
}

// Decode reads an encoded body. Anything but the deterministic encoding is
// refused: two encodings of one body would have two hashes.
func Decode(data []byte) (Body, error) {
	var b Body
	if len(data) > MaxSealed {
		return Body{}, fmt.Errorf("decode body: %d bytes, at most %d", len(data), MaxSealed)
	}
	if err := decMode.Unmarshal(data, &b); err != nil {
		// The decoder's own text may quote the data: only its kind goes on.
		return Body{}, fmt.Errorf("decode body: malformed CBOR (%T)", err)
	}
	if err := b.check(); err != nil {
		return Body{}, fmt.Errorf("decode body: %w", err)
	}
	again, err := encMode.Marshal(b)
	if err != nil {
		return Body{}, fmt.Errorf("decode body: encode again: %w", err)
	}
	if !bytes.Equal(again, data) {
		return Body{}, errors.New("decode body: not the deterministic encoding")
	}
	return b, nil
}

func (b Body) check() error {
	if b.Version != BodyVersion {
		return fmt.Errorf("body version %d, want %d", b.Version, BodyVersion)
	}
	if len(b.Previous) != HashSize {
		return fmt.Errorf("previous hash has %d bytes, want %d", len(b.Previous), HashSize)
	}
	if len(b.Software) > maxNameBytes || !utf8.ValidString(b.Software) {
		return fmt.Errorf("software version has %d bytes, at most %d, of UTF-8", len(b.Software), maxNameBytes)
	}
	if !slices.Equal(b.SignedBy, Signers{}.roles()) && !slices.Equal(b.SignedBy, []Role{RoleDevice, RoleOfficer}) {
		return errors.New("signed_by is neither the device nor the device and the officer")
	}
	if id, err := uuid.Parse(b.Request.ID); err == nil && id.Version() != 7 {
		return fmt.Errorf("request id is a UUID of version %d, want 7", id.Version())
	}
	return b.ident().check()
}

// Ident names one request of one desk. It holds nothing about a person.
type Ident struct {
	Desk    string
	Request string // UUID
	Seq     int64
}

func (i Ident) check() error {
	if err := CheckID(i.Request); err != nil {
		return err
	}
	if err := CheckDesk(i.Desk); err != nil {
		return err
	}
	if i.Seq < 1 {
		return fmt.Errorf("sequence number %d, want 1 or more", i.Seq)
	}
	return nil
}

// CheckID says whether id is a UUID in its canonical form, the only form that
// may become a file name or a path of the wire.
func CheckID(id string) error {
	if u, err := uuid.Parse(id); err != nil || u.String() != id {
		return errors.New("request id is not a canonical UUID")
	}
	return nil
}

// CheckDesk says whether desk may name a desk: 1 to 128 letters, digits and "-_.".
func CheckDesk(desk string) error {
	if desk == "" || len(desk) > maxNameBytes {
		return fmt.Errorf("desk id has %d bytes, want 1 to %d", len(desk), maxNameBytes)
	}
	for _, r := range desk {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		default:
			return errors.New("desk id may hold letters, digits and -_. only")
		}
	}
	return nil
}
