package upload

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // tus's checksum extension demands it of servers; it guards against nothing but line errors
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// silence is how long a body may stand still before what came of it is kept
// and the connection given up.
const silence = time.Minute

// keepWithin bounds the storing of what a dead connection left.
const keepWithin = 10 * time.Second

// patch takes one chunk (tus: PATCH). It is stored as a whole once its digest
// fits. Of a chunk that is cut off, what came is stored without: TLS has
// authenticated each record of it, and the whole is compared with its own digest
// in the end.
func (h *handler) patch(w http.ResponseWriter, r *http.Request, desk, id string) {
	at, err := strconv.ParseInt(r.Header.Get(wire.HeaderTusOffset), 10, 64)
	if err != nil || at < 0 {
		wire.WriteProblem(w, http.StatusBadRequest, wire.ReasonMalformed)
		return
	}
	if r.Header.Get("Content-Type") != wire.TypeTus {
		wire.WriteProblem(w, http.StatusUnsupportedMediaType, wire.ReasonMalformed)
		return
	}
	fits, err := checksum(r.Header.Get(wire.HeaderTusChecksum))
	if err != nil {
		wire.WriteProblem(w, http.StatusBadRequest, wire.ReasonMalformed)
		return
	}
	body := &stream{control: http.NewResponseController(w), body: r.Body}
	release, err := h.locks.take(r.Context(), desk, id, body.stop)
	if err != nil {
		h.refuse(w, err)
		return
	}
	defer release()
	offset, size, err := h.o.Parts.Offset(r.Context(), desk, id)
	if err == nil && offset != at {
		err = ErrOffset
	}
	if err != nil {
		h.refuse(w, err)
		return
	}
	chunk, cut := body.read(min(size-at, wire.MaxChunk))
	if errors.Is(cut, errTooLong) {
		wire.WriteProblem(w, http.StatusRequestEntityTooLarge, wire.ReasonTooLarge)
		return
	}
	if cut == nil && !fits(chunk) {
		wire.WriteProblem(w, wire.StatusChecksum, wire.ReasonDigest)
		return
	}
	// The connection may be gone and its context with it: what came is kept.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), keepWithin)
	defer cancel()
	if len(chunk) > 0 {
		if offset, err = h.o.Parts.Append(ctx, desk, id, at, chunk); err != nil {
			h.refuse(w, err)
			return
		}
	}
	w.Header().Set(wire.HeaderTusOffset, strconv.FormatInt(offset, 10))
	if offset == size {
		receipt, err := h.finish(ctx, desk, id, r.Header.Get(wire.WholeDigestHeader))
		if err != nil {
			h.refuse(w, err)
			return
		}
		w.Header().Set(wire.HeaderReceipt, base64.StdEncoding.EncodeToString(receipt))
	} else if cut != nil {
		wire.WriteProblem(w, http.StatusRequestTimeout, wire.ReasonUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// finish gives a complete upload to the intake. When that cannot take it now,
// the upload stays complete, and an empty PATCH at its end tries again. Bytes
// that are not those of digest were damaged on the way or on our disk: the desk
// begins anew, since to refuse them would put a good request aside.
func (h *handler) finish(ctx context.Context, desk, id, digest string) ([]byte, error) {
	sealed, err := h.o.Parts.Bytes(ctx, desk, id)
	if err != nil {
		return nil, err
	}
	if digest != "" && wire.CheckDigest(digest, sealed) != nil {
		h.o.Log.Error("finished upload is damaged", "desk", desk)
		return nil, errors.Join(wire.Problem{Status: wire.StatusChecksum, Code: wire.ReasonDigest}, h.o.Parts.Drop(ctx, desk, id))
	}
	receipt, err := h.o.Door.Accept(ctx, desk, id, sealed)
	if p, refused := errors.AsType[wire.Problem](err); err != nil && (!refused || p.Status >= 500) {
		return nil, err
	}
	if drop := h.o.Parts.Drop(ctx, desk, id); drop != nil {
		h.o.Log.Error("finished upload not dropped", "error", drop) // the sweep takes it
	}
	return receipt, err
}

// checksum returns the comparison that an Upload-Checksum asks for.
func checksum(value string) (func([]byte) bool, error) {
	if value == "" {
		return func([]byte) bool { return true }, nil
	}
	name, encoded, _ := strings.Cut(value, " ")
	want, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("upload checksum is not base64")
	}
	switch {
	case name == "sha256" && len(want) == sha256.Size:
		return func(b []byte) bool { return bytes.Equal(request.Hash(b), want) }, nil
	case name == "sha1" && len(want) == sha1.Size:
		return func(b []byte) bool { s := sha1.Sum(b); return bytes.Equal(s[:], want) }, nil //nolint:gosec // as above
	}
	return nil, errors.New("upload checksum's algorithm is not supported")
}

var errTooLong = errors.New("chunk is too long")

// stream reads a body until its end, until it stands still, or until stop.
type stream struct {
	control *http.ResponseController
	body    io.Reader

	mu      sync.Mutex
	stopped bool
}

// stop ends a read under way; it may be called at any time.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	_ = s.control.SetReadDeadline(time.Now()) // where it is not supported the read ends by itself
}

// extend gives the next read its time.
func (s *stream) extend() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		_ = s.control.SetReadDeadline(time.Now().Add(silence))
	}
	return !s.stopped
}

// read returns what came, at most limit bytes; err says that there was more to
// come, or too much.
func (s *stream) read(limit int64) ([]byte, error) {
	var got bytes.Buffer
	piece := make([]byte, 16<<10)
	for s.extend() {
		n, err := s.body.Read(piece)
		if int64(got.Len()+n) > limit {
			return nil, errTooLong
		}
		got.Write(piece[:n])
		if errors.Is(err, io.EOF) {
			return got.Bytes(), nil
		}
		if err != nil {
			return got.Bytes(), err
		}
	}
	return got.Bytes(), errLocked
}
