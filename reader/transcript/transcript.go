// Package transcript records what a card and its reader said to each other and
// plays it back.
//
// A transcript is JSON lines: a header, then one line for each pair of command
// and answer. By default it tells lengths, headers, status words and times and
// nothing that was said: the challenges of basic access control let anybody try
// out the few possible keys and then read the answers, so even what is encrypted
// is personal data. With keys, which only test cards may have, it holds all
// bytes, the access key and the terminal's random numbers, and a reading can be
// repeated from it without card and reader.
package transcript

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Version of the format.
const Version = 1

// Header is the first line.
type Header struct {
	Version   int            `json:"enrold_transcript"`
	Reader    string         `json:"reader"`
	MaxLe     int            `json:"max_le"`
	Ladder    []int          `json:"ladder,omitempty"`
	SelectMF  string         `json:"select_mf,omitempty"`
	AvoidPACE bool           `json:"avoid_pace,omitempty"` // BAC came first
	All       bool           `json:"all,omitempty"`        // every data group was read
	Now       time.Time      `json:"now"`                  // of the reading
	Keys      bool           `json:"keys"`
	Access    *eid.AccessKey `json:"access,omitempty"` // with keys
	Random    Hex            `json:"random,omitempty"` // with keys: what the terminal drew, in order
}

// Exchange is one line: a command and its answer. Without keys both are cut to
// what says nothing of the person, and the numbers of bytes are of the whole.
type Exchange struct {
	N            int      `json:"n"`
	AtMS         float64  `json:"at_ms"` // since the first command
	TookMS       float64  `json:"took_ms"`
	Command      Hex      `json:"command"`
	CommandBytes int      `json:"command_bytes"`
	Answer       Hex      `json:"answer,omitempty"`
	AnswerBytes  int      `json:"answer_bytes"`
	Failure      eid.Code `json:"failure,omitempty"` // of the transport
}

// Hex is bytes that JSON shows in hexadecimal.
type Hex []byte

// MarshalText writes upper-case hexadecimal.
func (h Hex) MarshalText() ([]byte, error) {
	return bytes.ToUpper([]byte(hex.EncodeToString(h))), nil
}

// UnmarshalText reads hexadecimal.
func (h *Hex) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	*h = raw
	return err
}

// ErrNotTestCard refuses keys for a card of a real person.
var ErrNotTestCard = errors.New("transcript with keys is for test cards only")

// TestCard says whether a document was made for tests: its signer is this
// project's, or its issuer is Utopia, the state that ICAO Doc 9303-3 §5 keeps
// for examples.
func TestCard(d eid.ChipDocument) bool {
	return d.Holder.IssuingState == "UTO" || strings.Contains(d.Signer, "O=enrold test")
}

// free says that command and answer say nothing of a person: selections and the
// choice of a protocol, and the files that lie open before access (only
// EF.CardAccess and EF.ATR/INFO do), all in the clear.
func (e Exchange) free() bool {
	if len(e.Command) < 4 || e.Command[0]&0x0C != 0 {
		return false
	}
	switch e.Command[1] {
	case 0xA4, 0x22:
		return true
	}
	return false
}

// redacted returns what of e may be shown.
func (e Exchange) redacted() Exchange {
	if e.free() && len(e.Answer) <= 2 {
		return e
	}
	e.Command = e.Command[:min(len(e.Command), 4)]
	if len(e.Answer) >= 2 {
		e.Answer = e.Answer[len(e.Answer)-2:]
	}
	return e
}

func write(w io.Writer, h Header, exchanges []Exchange) error {
	out := json.NewEncoder(w)
	if err := out.Encode(h); err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	for _, e := range exchanges {
		if err := out.Encode(e); err != nil {
			return fmt.Errorf("write transcript: %w", err)
		}
	}
	return nil
}
