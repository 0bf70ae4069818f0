// Package request turns a finished visit into the bytes that leave the desk:
//
//	station.Request → Body: deterministic CBOR (RFC 8949 §4.2.1)
//	                → COSE_Sign by the device and the officer (RFC 9052 §4.1),
//	                  as an option with the officer's detached CMS signature
//	                → a random content key, sealed to each central key with HPKE
//	                  (RFC 9180, ML-KEM-768 with P-256), AES-256-GCM over the rest
//
// [Seal] is the only way to make sealed bytes and [Open] the only way back; the
// desk holds no key that opens what it sealed. Every decoder here is strict and
// bounded by [MaxSealed]. docs/request.cddl is the schema.
package request
