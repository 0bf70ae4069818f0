package osia

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Central is what the server brings requests to.
type Central interface {
	// Caller returns the registered desk behind a connection and its device
	// keys; a refusal is a wire.Problem.
	Caller(r *http.Request) (desk string, keys []crypto.PublicKey, err error)
	// Accept takes sealed bytes as over the central's own wire.
	Accept(ctx context.Context, desk, id string, sealed []byte) (receipt []byte, fresh bool, err error)
	// Statements returns what the central signed about a request, the receipt
	// first; nothing when it does not know the request.
	Statements(ctx context.Context, desk, id string) ([][]byte, error)
}

// Server is the reference central's OSIA interface: creation, buffers, partial
// update, finalize and reading of sealed requests. What is not needed for those
// answers 403, as OSIA has it for operations that are not allowed.
type Server struct {
	central Central
	receipt *ecdsa.PublicKey
	unwrap  *ecdsa.PrivateKey
	drafts  drafts
	log     *slog.Logger
}

const (
	bufferID    = "sealed" // an enrollment has one
	maxDocument = 64 << 10
	maxBuffer   = wire.MaxRequest*4/3 + 4<<10 // a JWE is base64
)

// ServerOptions of the interface; UnwrapKey and Log may be nil.
type ServerOptions struct {
	Central    Central
	Dir        string            // keeps unfinished enrollments
	ReceiptKey *ecdsa.PublicKey  // signs the central's statements
	UnwrapKey  *ecdsa.PrivateKey // opens JWE
	Log        *slog.Logger
}

// NewServer opens the folder and forgets what was begun there long ago.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Central == nil || o.ReceiptKey == nil {
		return nil, errors.New("OSIA server needs a central and its receipt key")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d, err := openDrafts(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Server{central: o.Central, receipt: o.ReceiptKey, unwrap: o.UnwrapKey, drafts: d, log: o.Log}, nil
}

// Handler serves the interface. Its server must ask for client certificates.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enrollments/{id}", s.handle(s.create))
	mux.HandleFunc("GET /v1/enrollments/{id}", s.handle(s.read))
	mux.HandleFunc("PATCH /v1/enrollments/{id}", s.handle(s.patch))
	mux.HandleFunc("PUT /v1/enrollments/{id}/finalize", s.handle(s.finalize))
	mux.HandleFunc("POST /v1/enrollments/{id}/buffer", s.handle(s.buffer))
	mux.HandleFunc("/v1/enrollments", forbidden)
	mux.HandleFunc("/v1/enrollments/", forbidden)
	return mux
}

func forbidden(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }

// visit is one call of a registered desk about one enrollment.
type visit struct {
	*http.Request
	w    http.ResponseWriter
	desk string
	keys []crypto.PublicKey
	id   string
}

// errAnswered says that a handler has answered already.
var errAnswered = errors.New("answered")

func (s *Server) handle(f func(visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		desk, keys, err := s.central.Caller(r)
		v := visit{Request: r, w: w, desk: desk, keys: keys, id: r.PathValue("id")}
		if err == nil && (request.CheckID(v.id) != nil || r.URL.Query().Get("transactionId") == "") {
			err = wire.Problem{Status: http.StatusBadRequest, Code: wire.ReasonMalformed}
		}
		if err == nil {
			err = f(v)
		}
		switch p, refused := errors.AsType[wire.Problem](err); {
		case err == nil:
			w.WriteHeader(http.StatusNoContent)
		case errors.Is(err, errAnswered):
		case refused:
			status := osiaStatus(p.Status)
			reply(w, status, apiError{Code: int32(status), Message: string(p.Code)})
		default:
			s.log.Error("OSIA request not served", "error", err)
			reply(w, http.StatusInternalServerError, apiError{Code: 500, Message: string(wire.ReasonUnavailable)})
		}
	}
}

// osiaStatus is the nearest of those that OSIA names. 409 is for creation, which
// alone answers so.
func osiaStatus(status int) int {
	switch {
	case status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusConflict:
		return status
	case status < 500:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A failed write is the client's to notice: it asks again.
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(status int, reason wire.Reason) error { return wire.Problem{Status: status, Code: reason} }

func (s *Server) create(v visit) error {
	e, err := readDocument(v)
	if err != nil {
		return err
	}
	d := e.RequestData
	if d == nil || d.DeskID != v.desk || d.Sequence < 1 || d.Size < 1 || d.Size > wire.MaxRequest {
		return refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	if hash, err := base64.StdEncoding.DecodeString(d.BodyHash); err != nil || len(hash) != request.HashSize {
		return refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	known, err := s.central.Statements(v.Context(), v.desk, v.id)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		return refuse(http.StatusConflict, wire.ReasonOtherBody)
	}
	return s.drafts.create(v.id, *d)
}

func (s *Server) read(v visit) error {
	statements, err := s.central.Statements(v.Context(), v.desk, v.id)
	if err != nil {
		return err
	}
	e := Enrollment{EnrollmentID: v.id, Status: inProgress, EnrollmentType: enrollmentType}
	if len(statements) > 0 {
		e.Status, e.ContextualData = finalized, &ContextualData{Statements: statements}
		if e.RequestData, err = s.described(statements[0]); err != nil {
			return err
		}
	} else {
		d, err := s.drafts.get(v.id, v.desk)
		if err != nil {
			return err
		}
		e.RequestData = &d
	}
	reply(v.w, http.StatusOK, e)
	return errAnswered
}

// described gives back, from the receipt, what a client needs to know its own
// request again.
func (s *Server) described(receipt []byte) (*RequestData, error) {
	r, err := wire.VerifyStatement(s.receipt, receipt)
	if err != nil {
		return nil, err
	}
	return &RequestData{DeskID: r.DeskID, Sequence: r.Seq, BodyHash: base64.StdEncoding.EncodeToString(r.BodyHash)}, nil
}

func (s *Server) buffer(v visit) error {
	data, err := io.ReadAll(http.MaxBytesReader(v.w, v.Body, maxBuffer))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return refuse(http.StatusBadRequest, wire.ReasonTooLarge)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, wire.ReasonUnavailable) // cut off: the client tries again
	}
	if v.Header.Get("Digest") != digest(data) {
		return refuse(http.StatusBadRequest, wire.ReasonDigest)
	}
	if err := s.drafts.setBuffer(v.id, v.desk, data); err != nil {
		return err
	}
	reply(v.w, http.StatusCreated, map[string]string{"bufferId": bufferID})
	return errAnswered
}

// patch takes the document that refers to the buffer and checks its integrity.
func (s *Server) patch(v visit) error {
	e, err := readDocument(v)
	if err != nil {
		return err
	}
	_, data, err := s.drafts.buffered(v.id, v.desk)
	if err != nil {
		return err
	}
	for _, key := range v.keys {
		if err = checkIntegrity(key, e, data); err == nil {
			break
		}
	}
	if err != nil || len(v.keys) == 0 {
		return refuse(http.StatusBadRequest, wire.ReasonNotAuthentic)
	}
	return s.drafts.checked(v.id, e.Encryption != nil)
}

// finalize brings the buffer in. A second one after a lost answer is no error.
func (s *Server) finalize(v visit) error {
	known, err := s.central.Statements(v.Context(), v.desk, v.id)
	if err != nil || len(known) > 0 {
		return err
	}
	d, data, err := s.drafts.buffered(v.id, v.desk)
	if err != nil {
		return err
	}
	switch {
	case !d.Checked:
		return refuse(http.StatusBadRequest, wire.ReasonNotAuthentic)
	case d.Encrypted && s.unwrap == nil:
		return refuse(http.StatusBadRequest, wire.ReasonOtherKey)
	case d.Encrypted:
		if data, err = unwrap(s.unwrap, data); err != nil {
			return refuse(http.StatusBadRequest, wire.ReasonOtherKey)
		}
	}
	if base64.StdEncoding.EncodeToString(request.Hash(data)) != d.BodyHash {
		return refuse(http.StatusBadRequest, wire.ReasonDigest)
	}
	_, _, err = s.central.Accept(v.Context(), v.desk, v.id, data)
	if p, refused := errors.AsType[wire.Problem](err); refused && p.Status == http.StatusConflict {
		return refuse(http.StatusBadRequest, p.Code)
	}
	if err != nil {
		return err
	}
	return s.drafts.drop(v.id)
}

func readDocument(v visit) (Enrollment, error) {
	var e Enrollment
	data, err := io.ReadAll(http.MaxBytesReader(v.w, v.Body, maxDocument))
	if err != nil || json.Unmarshal(data, &e) != nil || e.EnrollmentID != "" || e.Status != "" {
		return Enrollment{}, refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	return e, nil
}
