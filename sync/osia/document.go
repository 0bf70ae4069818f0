// Package osia carries sealed requests to a central that speaks the Enrollment
// interface of OSIA 7.1 (version 1.3.0): [Client] is a second way of the uplink,
// [Server] the reference central's end of it.
//
// A desk cannot open what it sealed at capture, so it cannot fill OSIA's
// biographic and biometric fields: the sealed request travels as one buffer, a
// document of type OTHER whose part refers to it. OSIA names two formats of
// encryption, JWE and PKCS7; our seal (HPKE, package request) is neither, so it
// is not declared as one. With a key of the central the buffer is wrapped in a
// JWE besides and declared as such. Integrity is OSIA's: a hash over the
// canonical JSON of the document (RFC 8785) and the buffer behind its reference,
// signed as JWS by the device key.
//
// OSIA has neither receipts nor results. A central that has them puts its signed
// statements into the enrollment's contextual data, under [StatementsKey]; from
// one that has not, the desk keeps its payload until receipts come another way.
package osia

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/enrold/enrold/queue/request"
)

// StatementsKey is the member of contextualData that holds a central's signed
// statements, base64, the receipt first.
const StatementsKey = "enroldStatements"

const (
	enrollmentType = "sealed-request"
	documentOther  = "OTHER"
	documentKind   = "enrold.sealed-request"
	typeSealed     = "application/vnd.enrold.sealed-request"
	typeJWE        = "application/jose"

	inProgress = "IN_PROGRESS"
	finalized  = "FINALIZED"

	scopeDocument = "$.documentData"
	scopeBuffer   = "$.documentData[0].parts[0].dataRef"
	integrityID   = "device"
)

// Enrollment is the part of OSIA's object that we use. Id and status are
// read-only there: a client leaves them out.
type Enrollment struct {
	EnrollmentID   string          `json:"enrollmentId,omitempty"`
	Status         string          `json:"status,omitempty"`
	EnrollmentType string          `json:"enrollmentType,omitempty"`
	RequestData    *RequestData    `json:"requestData,omitempty"`
	ContextualData *ContextualData `json:"contextualData,omitempty"`
	DocumentData   []Document      `json:"documentData,omitempty"`
	Encryption     *Encryption     `json:"encryption,omitempty"`
	Integrity      []Integrity     `json:"integrity,omitempty"`
}

// RequestData says which sealed request the enrollment is; OSIA leaves its
// members open. Nothing of it is about a person.
type RequestData struct {
	DeskID   string `json:"deskId"`
	Sequence int64  `json:"sequence"`
	BodyHash string `json:"bodyHash"` // base64 SHA-256 of the sealed bytes
	Size     int64  `json:"size"`     // of the sealed bytes
	Due      string `json:"due"`      // legal deadline, YYYY-MM-DD
}

// ContextualData is open in OSIA, too.
type ContextualData struct {
	Statements [][]byte `json:"enroldStatements,omitempty"` // StatementsKey
}

// Document and Part are DocumentData and DocumentPart.
type Document struct {
	Type  string `json:"documentType"`
	Other string `json:"documentTypeOther,omitempty"`
	Parts []Part `json:"parts"`
}

// Part refers to a buffer.
type Part struct {
	DataRef  string `json:"dataRef"`
	MimeType string `json:"mimeType"`
}

// Encryption declares what is encrypted.
type Encryption struct {
	Type  string `json:"type"`
	Scope string `json:"scope"`
}

// Integrity is a hash over part of the enrollment, and its signature.
type Integrity struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Scope     string `json:"scope"`
	Alg       string `json:"alg"`
	Encrypted bool   `json:"encrypted"`
	FollowRef bool   `json:"followRef"`
	Hash      string `json:"hash"`      // base64
	Signature string `json:"signature"` // compact JWS over the hash's bytes
}

// document describes a buffer, its encryption and integrity: the partial
// enrollment that completes one.
func document(device crypto.Signer, ref, mimeType string, buffer []byte) (Enrollment, error) {
	e := Enrollment{DocumentData: []Document{{
		Type: documentOther, Other: documentKind, Parts: []Part{{DataRef: ref, MimeType: mimeType}},
	}}}
	if mimeType == typeJWE {
		e.Encryption = &Encryption{Type: "JWE", Scope: scopeBuffer}
	}
	hash, err := integrityHash(e.DocumentData, buffer)
	if err != nil {
		return Enrollment{}, err
	}
	signature, err := signHash(device, hash)
	if err != nil {
		return Enrollment{}, err
	}
	e.Integrity = []Integrity{{
		ID: integrityID, Type: "JWS", Scope: scopeDocument, Alg: "SHA256", FollowRef: true, Encrypted: e.Encryption != nil,
		Hash: base64.StdEncoding.EncodeToString(hash), Signature: signature,
	}}
	return e, nil
}

// integrityHash is OSIA's: the canonical form (RFC 8785) of a JSON object with
// only the scope's members, then the data that they refer to.
func integrityHash(documents []Document, buffer []byte) ([]byte, error) {
	text, err := json.Marshal(Enrollment{DocumentData: documents})
	if err != nil {
		return nil, fmt.Errorf("hash document: %w", err)
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil {
		return nil, fmt.Errorf("hash document: %w", err)
	}
	h := sha256.New()
	h.Write(canonical)
	h.Write(buffer)
	return h.Sum(nil), nil
}

func signHash(device crypto.Signer, hash []byte) (string, error) {
	alg, err := algorithm(device.Public())
	if err != nil {
		return "", fmt.Errorf("sign document: %w", err)
	}
	kid, err := request.KeyID(device.Public())
	if err != nil {
		return "", fmt.Errorf("sign document: %w", err)
	}
	opaque := keyed{cryptosigner.Opaque(device), hex.EncodeToString(kid)}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: opaque}, nil)
	if err != nil {
		return "", fmt.Errorf("sign document: %w", err)
	}
	jws, err := signer.Sign(hash)
	if err != nil {
		return "", fmt.Errorf("sign document: %w", err)
	}
	return jws.CompactSerialize()
}

// keyed gives the signature its key's id in place of the key itself.
type keyed struct {
	jose.OpaqueSigner
	kid string
}

// Public returns a key of which only the id goes into the header.
func (k keyed) Public() *jose.JSONWebKey { return &jose.JSONWebKey{KeyID: k.kid} }

// checkIntegrity verifies what document made.
func checkIntegrity(device crypto.PublicKey, e Enrollment, buffer []byte) error {
	if len(e.DocumentData) != 1 || len(e.DocumentData[0].Parts) != 1 || len(e.Integrity) != 1 {
		return errors.New("check integrity: want one document, part and hash")
	}
	i := e.Integrity[0]
	if i.Type != "JWS" || i.Scope != scopeDocument || i.Alg != "SHA256" || !i.FollowRef || i.Encrypted != (e.Encryption != nil) {
		return errors.New("check integrity: not the wrapper of a sealed request")
	}
	hash, err := integrityHash(e.DocumentData, buffer)
	if err != nil {
		return err
	}
	if i.Hash != base64.StdEncoding.EncodeToString(hash) {
		return errors.New("check integrity: hash differs")
	}
	alg, err := algorithm(device)
	if err != nil {
		return fmt.Errorf("check integrity: %w", err)
	}
	jws, err := jose.ParseSignedCompact(i.Signature, []jose.SignatureAlgorithm{alg})
	if err != nil {
		return errors.New("check integrity: not a signature")
	}
	payload, err := jws.Verify(device)
	if err != nil || !bytes.Equal(payload, hash) {
		return errors.New("check integrity: signature does not verify")
	}
	return nil
}

func algorithm(pub crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	if _, ok := pub.(*ecdsa.PublicKey); ok {
		return jose.ES256, nil
	}
	return jose.PS256, nil
}

// wrap encrypts sealed bytes to a central's P-256 key: JWE, compact.
func wrap(to *ecdsa.PublicKey, sealed []byte) ([]byte, error) {
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: to}, nil)
	if err != nil {
		return nil, fmt.Errorf("wrap request: %w", err)
	}
	jwe, err := e.Encrypt(sealed)
	if err != nil {
		return nil, fmt.Errorf("wrap request: %w", err)
	}
	text, err := jwe.CompactSerialize()
	return []byte(text), err
}

// unwrap opens what wrap made.
func unwrap(key *ecdsa.PrivateKey, text []byte) ([]byte, error) {
	jwe, err := jose.ParseEncryptedCompact(string(text), []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, errors.New("unwrap request: not a JWE")
	}
	sealed, err := jwe.Decrypt(key)
	if err != nil {
		return nil, errors.New("unwrap request: JWE does not open")
	}
	return sealed, nil
}
