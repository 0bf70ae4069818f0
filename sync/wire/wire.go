// Package wire is what a desk and a central say to each other over HTTPS with
// mutual TLS:
//
//	POST /v1/announcements         what waits and the audit log's head ([Sync]) → what is known of it
//	PUT /v1/requests/{id}          sealed bytes, Content-Digest (RFC 9530) → signed receipt
//	…   /v1/uploads/{id}           the same bytes in pieces that survive a cut (tus 1.0.0)
//	GET /v1/requests/{id}/result   ?known=STATE&wait_ms=N → newest signed result when its state
//	                               is another one than the known, or 202
//
// The desk chooses the id; the same id with the same bytes gives the same
// receipt again, with other bytes 409. Receipts and results are COSE_Sign1
// statements by the central's receipt key, so that they prove themselves long
// after the connection. Refusals are [Problem]s in JSON.
package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/enrold/enrold/queue/request"
)

// Patterns of the central's HTTP routes (net/http ServeMux).
const (
	PatternAnnounce = "POST /v1/announcements"
	PatternRequest  = "PUT /v1/requests/{id}"
	PatternResult   = "GET /v1/requests/{id}/result"
	// UploadsPath is the root of the resumable uploads.
	UploadsPath = "/v1/uploads/"
	// AnnouncePath is where a desk announces.
	AnnouncePath = "/v1/announcements"
)

// Media types and bounds of the messages.
const (
	TypeSealed    = "application/vnd.enrold.sealed-request"
	TypeStatement = "application/cose"
	TypeProblem   = "application/problem+json"
	TypeCBOR      = "application/cbor"

	MaxRequest   = request.MaxSealed
	MaxStatement = 4 << 10
	MaxWait      = 30 * time.Second

	maxProblem = 4 << 10
	maxReason  = 64
)

// RequestPath is the path of one request; id must have passed request.CheckID.
func RequestPath(id string) string { return "/v1/requests/" + id }

// ResultPath asks for the first result and waits for it at most wait.
func ResultPath(id string, wait time.Duration) string { return ResultAfterPath(id, "", wait) }

// ResultAfterPath asks for the newest result when its state is another one than
// known, and waits for that at most wait; known is "" for a desk that has none.
func ResultAfterPath(id string, known State, wait time.Duration) string {
	return fmt.Sprintf("/v1/requests/%s/result?known=%s&wait_ms=%d", id, known, wait.Milliseconds())
}

// DigestHeader names the header of RFC 9530 §2 that carries the body's hash.
const DigestHeader = "Content-Digest"

// WholeDigestHeader names the header of RFC 9530 §3: a chunk carries in it the
// hash of the whole request that it belongs to.
const WholeDigestHeader = "Repr-Digest"

// Digest returns the header's value for body.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// CheckDigest says whether value names body by SHA-256.
func CheckDigest(value string, body []byte) error {
	for field := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(field) == Digest(body) {
			return nil
		}
	}
	return errors.New("check digest: sha-256 is missing or different")
}

// Reason is a stable code for why a central refused bytes or rejected a
// request. It holds no personal data.
type Reason string

const (
	ReasonMalformed    Reason = "malformed"         // not a sealed request of this id and desk
	ReasonDigest       Reason = "digest_mismatch"   // body differs from its digest
	ReasonTooLarge     Reason = "too_large"         // over MaxRequest
	ReasonOtherBody    Reason = "body_conflict"     // the id is known with other bytes
	ReasonOtherSeq     Reason = "sequence_conflict" // the desk's number is known with another id
	ReasonChain        Reason = "chain_broken"      // the previous hash is not that of the number before
	ReasonOtherKey     Reason = "sealed_to_other_key"
	ReasonNotAuthentic Reason = "signature_invalid"      // seal or device signature do not verify
	ReasonException    Reason = "exception_not_approved" // a finger left out without a registered supervisor's signature
	ReasonOrigin       Reason = "origin_refused"         // software key or emulated sample at a production central
	ReasonUnknownDesk  Reason = "unknown_desk"           // certificate not registered, or revoked
	ReasonUnknown      Reason = "unknown_request"
	ReasonUnavailable  Reason = "unavailable"      // try again later
	ReasonOffset       Reason = "offset_mismatch"  // ask for the offset and go on there
	ReasonLocked       Reason = "locked"           // another connection still writes this upload
	ReasonLog          Reason = "log_inconsistent" // the desk's audit log contradicts the known one
)

// Problem is the body of a refusal (RFC 9457, its "type" left out).
type Problem struct {
	Status int    `json:"status"`
	Code   Reason `json:"code"`
}

func (p Problem) Error() string { return fmt.Sprintf("central answers %d %s", p.Status, p.Code) }

// WriteProblem answers with a refusal.
func WriteProblem(w http.ResponseWriter, status int, code Reason) {
	w.Header().Set("Content-Type", TypeProblem)
	w.WriteHeader(status)
	// A failed write is the client's to notice: there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(Problem{Status: status, Code: code})
}

// ReadProblem reads a refusal. An answer that is not a [Problem] (a proxy's
// page) gives one with an empty code.
func ReadProblem(status int, body io.Reader) Problem {
	data, err := io.ReadAll(io.LimitReader(body, maxProblem))
	if err != nil {
		return Problem{Status: status}
	}
	return parseProblem(status, data)
}

func parseProblem(status int, data []byte) Problem {
	var p Problem
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&p); err != nil || p.Status != status || !validReason(string(p.Code)) {
		return Problem{Status: status}
	}
	return p
}

// validReason admits lower case words only: a reason is shown and stored, and
// must not carry text of the central's choosing.
func validReason(s string) bool {
	if len(s) > maxReason {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return true
}
