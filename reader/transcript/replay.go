package transcript

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/internal/eid"
)

const (
	maxLine      = 1 << 20 // an answer of 64 KB, or the random numbers, in hexadecimal
	maxExchanges = 1 << 14
)

// Transcript is one that was read back.
type Transcript struct {
	Header    Header
	Exchanges []Exchange
}

// Parse reads a transcript, with keys or without.
func Parse(r io.Reader) (*Transcript, error) {
	in := bufio.NewScanner(io.LimitReader(r, 4*maxRecorded))
	in.Buffer(nil, maxLine)
	var t Transcript
	for line := 0; in.Scan(); line++ {
		var err error
		switch {
		case line == 0:
			if err = json.Unmarshal(in.Bytes(), &t.Header); err == nil && t.Header.Version != Version {
				err = fmt.Errorf("version %d is unknown", t.Header.Version)
			}
		case line > maxExchanges:
			err = errors.New("too many lines")
		default:
			var e Exchange
			err = json.Unmarshal(in.Bytes(), &e)
			t.Exchanges = append(t.Exchanges, e)
		}
		if err != nil {
			return nil, fmt.Errorf("read transcript, line %d: %w", line+1, err)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read transcript: %w", err)
	}
	if t.Header.Version == 0 {
		return nil, errors.New("read transcript: it is empty")
	}
	return &t, nil
}

// Player answers as the recorded card did, as long as it is asked the same.
type Player struct {
	rest   []Exchange
	random *bytes.Reader
}

// Play returns a player and the access key; the transcript must hold its keys.
func (t *Transcript) Play() (*Player, eid.AccessKey, error) {
	if !t.Header.Keys || t.Header.Access == nil {
		return nil, eid.AccessKey{}, errors.New("play transcript: it was written without keys")
	}
	return &Player{t.Exchanges, bytes.NewReader(t.Header.Random)}, *t.Header.Access, nil
}

// Random gives the terminal's random numbers as they were drawn.
func (p *Player) Random() io.Reader { return p.random }

// Transmit gives the recorded answer, or the recorded failure. A command that
// is not the recorded one is an error.
func (p *Player) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if len(p.rest) == 0 {
		return nil, eid.Fail(eid.CodeChipRead, "play transcript", errors.New("it has ended"))
	}
	e := p.rest[0]
	if !bytes.Equal(command, e.Command) {
		return nil, eid.Fail(eid.CodeChipRead, "play transcript", fmt.Errorf("command %d differs", e.N))
	}
	p.rest = p.rest[1:]
	if e.Failure != "" {
		return nil, eid.Fail(e.Failure, "play transcript", nil)
	}
	return e.Answer, nil
}

// Left is the number of exchanges that were not played.
func (p *Player) Left() int { return len(p.rest) }
