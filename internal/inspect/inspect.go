// Package inspect says of one request, sealed or opened, what the keys at hand
// can prove and what they cannot: for an auditor, a court or whoever writes
// another central. Its words name no person.
package inspect

import (
	"bytes"
	"crypto"
	"crypto/hpke"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/enrold/enrold/queue/request"
)

// State of one check.
type State string

const (
	OK         State = "ok"
	Failed     State = "failed"
	NotChecked State = "not_checked" // a key or an earlier check is missing
)

// Check is one thing that was looked at, in words.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Words string `json:"words"`
}

// Report is all that was found.
type Report struct {
	Form     string  `json:"form"`   // sealed, signed, body
	SHA256   string  `json:"sha256"` // of the file: of sealed bytes, the name on receipts
	Desk     string  `json:"desk_id,omitempty"`
	Request  string  `json:"request_id,omitempty"`
	Seq      int64   `json:"seq,omitempty"`
	Previous string  `json:"previous,omitempty"`
	Verdict  State   `json:"verdict"` // ok only where every check was made
	Checks   []Check `json:"checks"`
}

// Keys are what the caller has; all are optional.
type Keys struct {
	Central  []hpke.PrivateKey
	Devices  []crypto.PublicKey
	Officers []crypto.PublicKey // and supervisors
	Roots    *x509.CertPool     // of officers' certificates
	Previous []byte             // sealed bytes of the desk's number before
}

// First bytes of the forms.
var (
	sealedPrefix = []byte("ENRS")
	signedPrefix = []byte{0xd8, 0x62} // CBOR tag 98, COSE_Sign (RFC 9052 §2)
)

// File inspects the bytes of one file.
func File(data []byte, keys Keys) Report {
	r := &Report{SHA256: hex.EncodeToString(request.Hash(data))}
	switch {
	case bytes.HasPrefix(data, sealedPrefix):
		r.Form = "sealed"
		r.sealed(data, keys)
	case bytes.HasPrefix(data, signedPrefix):
		r.Form = "signed"
		r.skip("seal", "the file is an opened message: whether and to whom it was sealed cannot be seen")
		r.signed(data, keys, nil)
	default:
		r.Form = "body"
		r.skip("seal", "the file is a bare body: whether it was sealed cannot be seen")
		r.skip("signatures", "the file is a bare body: nobody's signature is in it")
		body, err := request.Decode(data)
		r.body(body, err, nil, keys)
	}
	r.Verdict = OK
	for _, c := range r.Checks {
		if c.State == Failed {
			r.Verdict = Failed
		} else if c.State == NotChecked && r.Verdict == OK {
			r.Verdict = NotChecked
		}
	}
	return *r
}

func (r *Report) add(name string, state State, format string, args ...any) {
	r.Checks = append(r.Checks, Check{Name: name, State: state, Words: fmt.Sprintf(format, args...)})
}

func (r *Report) skip(name, words string) { r.add(name, NotChecked, "%s", words) }

// judge adds a check that failed with err, or passed with words.
func (r *Report) judge(name string, err error, format string, args ...any) bool {
	if err != nil {
		r.add(name, Failed, "%v", err)
		return false
	}
	r.add(name, OK, format, args...)
	return true
}

func (r *Report) sealed(data []byte, keys Keys) {
	id, err := request.ParseIdent(data)
	if !r.judge("form", err, "sealed bytes of version 2, %d of them; the header is well-formed", len(data)) {
		return
	}
	r.Desk, r.Request, r.Seq = id.Desk, id.Request, id.Seq
	to, err := request.SealedTo(data)
	if err != nil {
		r.add("seal", Failed, "%v", err)
		return
	}
	for _, key := range keys.Central {
		mine := request.SealKeyID(key.PublicKey())
		for _, id := range to {
			if !bytes.Equal(id, mine) {
				continue
			}
			_, signed, err := request.OpenBytes(key, data)
			if r.judge("seal", err, "opens with central key %x: not a bit of header or content was altered since it was sealed", mine) {
				r.signed(signed, keys, &id)
			}
			return
		}
	}
	r.skip("seal", fmt.Sprintf("sealed to %d central key(s), %s; none of their private keys was given", len(to), list(to)))
	r.skip("signatures", "they are inside the seal")
	r.skip("body", "it is inside the seal")
}

func list(ids [][]byte) string {
	var out []byte
	for i, id := range ids {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = hex.AppendEncode(out, id)
	}
	return string(out)
}

// signed inspects a message; opened is the central key that it came out under,
// nil where it came bare.
func (r *Report) signed(data []byte, keys Keys, opened *[]byte) {
	m, err := request.ParseMessage(data)
	if !r.judge("message", err, "COSE_Sign message of %d signature(s) over the same %d bytes", len(m.Claims), len(m.Payload)) {
		return
	}
	for i, c := range m.Claims {
		known := keys.Devices
		if c.Role == request.RoleOfficer {
			known = keys.Officers
		}
		r.claim(m, i, known)
	}
	if len(m.CMS) > 0 {
		r.cms(m, keys.Roots)
	}
	body, err := m.Body()
	if err == nil && opened != nil && (body.DeskID != r.Desk || body.Request.ID != r.Request || body.Seq != r.Seq) {
		err = fmt.Errorf("header and signed body name different requests")
	}
	r.body(body, err, m.Claims, keys)
}

func (r *Report) claim(m request.Message, i int, known []crypto.PublicKey) {
	c := m.Claims[i]
	name := string(c.Role) + " signature"
	for _, pub := range known {
		if id, err := request.KeyID(pub); err != nil || !bytes.Equal(id, c.KeyID) {
			continue
		}
		r.judge(name, m.VerifyClaim(i, pub), "%s by key %x, which lives in: %s", c.Algorithm, c.KeyID[:8], c.Origin)
		return
	}
	r.skip(name, fmt.Sprintf("says %s by key %x, origin %s; that public key was not given", c.Algorithm, c.KeyID, c.Origin))
}

func (r *Report) cms(m request.Message, roots *x509.CertPool) {
	c, err := request.VerifyCMS(m.CMS, m.Payload, roots)
	if err != nil {
		r.add("officer CMS", Failed, "%v", err)
		return
	}
	id, err := request.KeyID(c.PublicKey)
	if err != nil {
		r.add("officer CMS", Failed, "%v", err)
		return
	}
	for _, claim := range m.Claims {
		if claim.Role == request.RoleOfficer && bytes.Equal(claim.KeyID, id) {
			if roots == nil {
				r.skip("officer CMS", "the CMS signature fits the body and is by the officer's key; no root was given to check its certificate")
				return
			}
			r.add("officer CMS", OK, "the CMS signature over the same bytes is by the officer's key, with a certificate under a given root")
			return
		}
	}
	r.add("officer CMS", Failed, "the CMS signature is by another key than the officer's")
}
