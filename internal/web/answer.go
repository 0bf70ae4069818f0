package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
)

// What a client may send: an action is a handful of fields, a consent may also
// hold a drawn signature in base64, of which station bounds the image.
const (
	maxBody      = 64 << 10
	maxSignature = 96 << 10
)

// decode reads one JSON object into v: bounded, no unknown fields, nothing after it.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	return decodeUpTo(w, r, v, maxBody)
}

func decodeUpTo(w http.ResponseWriter, r *http.Request, v any, limit int64) error {
	const op = "read request"
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &badRequest{http.StatusUnsupportedMediaType, eid.Fail(eid.CodeInput, op, errors.New("content type is not application/json"))}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	// The cause is dropped: the decoder's text may quote what was typed.
	if err := dec.Decode(v); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &badRequest{http.StatusRequestEntityTooLarge, eid.Fail(eid.CodeInput, op, errors.New("body too large"))}
		}
		return &badRequest{http.StatusBadRequest, eid.Fail(eid.CodeInput, op, errors.New("not the expected JSON"))}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &badRequest{http.StatusBadRequest, eid.Fail(eid.CodeInput, op, errors.New("data after the object"))}
	}
	return nil
}

// badRequest is a fault of the request itself, with its HTTP status.
type badRequest struct {
	status int
	err    error
}

func (b *badRequest) Error() string { return b.err.Error() }
func (b *badRequest) Unwrap() error { return b.err }

// done is the answer of an action that went well; visit is null before the first.
type done struct {
	Visit *station.View `json:"visit"`
}

// failed is the answer of one that did not. No visit means that it was not asked for.
type failed struct {
	Error eid.Failure   `json:"error"`
	Visit *station.View `json:"visit,omitempty"`
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is no error of ours
}

// answerError explains err by its code, in both languages, with the visit as it
// now stands (nil to leave it out).
func answerError(w http.ResponseWriter, err error, visit *station.View) {
	f := eid.Explain(eid.CodeOf(err))
	status := statusOf(f.Code)
	if b, ok := errors.AsType[*badRequest](err); ok {
		status = b.status
	}
	answerJSON(w, status, failed{Error: f, Visit: visit})
}

// statusOf maps a failure to HTTP: what was typed, what the state forbids, what
// a check found, what a device or the disk could not do.
func statusOf(code eid.Code) int {
	switch code {
	case eid.CodeState, eid.CodeDeviceBusy, eid.CodePINNeeded:
		return http.StatusConflict
	case eid.CodeNoReader, eid.CodeNoCamera, eid.CodeCameraStalled, eid.CodeNoScanner, eid.CodeScanner,
		eid.CodeDeviceRestarted, eid.CodeModels, eid.CodeTokenAbsent, eid.CodeToken, eid.CodeTPMAbsent, eid.CodeTPMLockout, eid.CodeTPMCleared, eid.CodeTPM:
		return http.StatusServiceUnavailable
	case eid.CodeDiskFull:
		return http.StatusInsufficientStorage
	case eid.CodeInternal, eid.CodeQueue, eid.CodeSeal:
		return http.StatusInternalServerError
	case eid.CodeWrongDesk:
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}
