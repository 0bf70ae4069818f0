package request

import (
	"bytes"
	"fmt"

	"github.com/enrold/enrold/internal/station"
)

// pieces are an encoded body: one byte string in parts, so that the large part is
// not copied for each small one around it.
type pieces [][]byte

func (p pieces) size() (n int) {
	for _, part := range p {
		n += len(part)
	}
	return n
}

func (p pieces) appendTo(out []byte) []byte {
	for _, part := range p {
		out = append(out, part...)
	}
	return out
}

// In the deterministic encoding (RFC 8949 §4.2.1) the body's keys are ordered:
// three come before "request" and four after it.
type (
	bodyBefore struct {
		Seq    int64  `cbor:"seq"`
		Clocks Clocks `cbor:"clocks"`
		DeskID string `cbor:"desk_id"`
	}
	bodyAfter struct {
		Version  int    `cbor:"version"`
		Previous []byte `cbor:"previous"`
		Software string `cbor:"software"`
		SignedBy []Role `cbor:"signed_by"`
	}
)

const (
	bodyMap    = 0xa8               // a map of eight pairs
	requestKey = "\x67" + "request" // a text of seven bytes
)

// pieces encodes the body around its encoded request.
func (b Body) pieces(request []byte) (pieces, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	before, err := encMode.Marshal(bodyBefore{b.Seq, b.Clocks, b.DeskID})
	if err != nil {
		return nil, err
	}
	after, err := encMode.Marshal(bodyAfter{b.Version, b.Previous, b.Software, b.SignedBy})
	if err != nil {
		return nil, err
	}
	before[0] = bodyMap
	return pieces{before, []byte(requestKey), request, after[1:]}, nil
}

// encodeRequest decodes its result again before returning, so that nothing is
// signed that the central could not read.
func encodeRequest(out *bytes.Buffer, r station.Request) error {
	if err := encMode.MarshalToBuffer(r, out); err != nil {
		return err
	}
	if out.Len() > MaxSealed {
		return fmt.Errorf("%d bytes, at most %d", out.Len(), MaxSealed)
	}
	var back station.Request
	if err := decMode.Unmarshal(out.Bytes(), &back); err != nil {
		return fmt.Errorf("read back: malformed CBOR (%T)", err)
	}
	return nil
}
