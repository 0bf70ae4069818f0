// Package request turns a finished visit into the bytes that leave the desk:
//
//	station.Request → Body: deterministic CBOR (RFC 8949 §4.2.1)
//	                → COSE_Sign1, ES256, by the device key (RFC 9052 §4.2)
//	                → HPKE seal to the central's key (RFC 9180, ML-KEM-768 with P-256)
//
// [Seal] is the only way to make sealed bytes and [Open] the only way back; the
// desk holds no key that opens what it sealed. Every decoder here is strict and
// bounded by [MaxSealed].
package request
