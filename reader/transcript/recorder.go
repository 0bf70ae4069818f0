package transcript

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/apdu"
)

// maxRecorded bounds the bytes that a recorder keeps: a card may talk for ever.
const maxRecorded = 4 << 20

// Recorder is a Transmitter that remembers what passed through it. It serves
// one goroutine.
type Recorder struct {
	card      apdu.Transmitter
	began     time.Time
	exchanges []Exchange
	kept      int
	random    bytes.Buffer
}

// NewRecorder returns a recorder before card.
func NewRecorder(card apdu.Transmitter) *Recorder { return &Recorder{card: card} }

// Transmit passes command on. What comes after the recorder's bound is not kept.
func (r *Recorder) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	start := time.Now()
	if r.began.IsZero() {
		r.began = start
	}
	answer, err := r.card.Transmit(ctx, command)
	if r.kept += len(command) + len(answer); r.kept <= maxRecorded {
		e := Exchange{
			N: len(r.exchanges) + 1, AtMS: ms(start.Sub(r.began)), TookMS: ms(time.Since(start)),
			Command: slices.Clone(command), CommandBytes: len(command), Answer: slices.Clone(answer), AnswerBytes: len(answer),
		}
		if err != nil {
			e.Failure = eid.CodeOf(err)
		}
		r.exchanges = append(r.exchanges, e)
	}
	return answer, err
}

func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// Random returns a source that remembers what is drawn from src: the reading
// draws its nonces and keys from it.
func (r *Recorder) Random(src io.Reader) io.Reader { return io.TeeReader(src, &r.random) }

// Write writes the transcript without anything of the person.
func (r *Recorder) Write(w io.Writer, h Header) error {
	h.Version, h.Keys, h.Access, h.Random = Version, false, nil, nil
	shown := make([]Exchange, len(r.exchanges))
	for i, e := range r.exchanges {
		shown[i] = e.redacted()
	}
	return write(w, h, shown)
}

// WriteWithKeys writes everything, so that the reading can be repeated. It
// returns ErrNotTestCard for a document that may be a real person's.
func (r *Recorder) WriteWithKeys(w io.Writer, h Header, key eid.AccessKey, d eid.ChipDocument) error {
	if !TestCard(d) {
		return ErrNotTestCard
	}
	h.Version, h.Keys, h.Access, h.Random = Version, true, &key, r.random.Bytes()
	return write(w, h, r.exchanges)
}
