// Package detcbor is CBOR as everything signed here uses it: written in the
// deterministic encoding (RFC 8949 §4.2.1), so that one value has one hash, and
// read strictly within bounds.
package detcbor

import "github.com/fxamacker/cbor/v2"

// Bounds of what may be read.
type Bounds struct {
	Depth    int // nested arrays and maps
	Elements int // of an array
	Pairs    int // of a map
}

// Modes returns the writer and the reader: no unknown or repeated keys, indefinite lengths, tags or invalid UTF-8. It
// panics on bounds that the library does not know (Depth 4 to 65535, others 16
// and more): they are constants.
func Modes(b Bounds) (cbor.EncMode, cbor.DecMode) {
	return must(cbor.CoreDetEncOptions().EncMode()), must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   b.Depth,
		MaxArrayElements:  b.Elements,
		MaxMapPairs:       b.Pairs,
	}.DecMode())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
