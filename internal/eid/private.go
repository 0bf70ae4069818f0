// Package eid holds the words of the domain: persons, documents, samples,
// decisions and failures. It imports only the standard library, and everything
// else may import it.
package eid

import (
	"fmt"
	"log/slog"
)

// Private is text about a person. Printing or logging it yields "[private]";
// only Reveal, JSON and CBOR give the text, so a log line cannot leak it by
// accident.
type Private string

// Reveal returns the text for a screen, a sealed request or a comparison.
func (p Private) Reveal() string { return string(p) }

func (p Private) String() string { return p.redacted() }

// GoString keeps %#v quiet.
func (p Private) GoString() string { return p.redacted() }

// Format keeps every fmt verb quiet.
func (p Private) Format(s fmt.State, _ rune) { fmt.Fprint(s, p.redacted()) }

// LogValue keeps slog quiet.
func (p Private) LogValue() slog.Value { return slog.StringValue(p.redacted()) }

func (p Private) redacted() string {
	if p == "" {
		return ""
	}
	return "[private]"
}

// Blob is image or template data about a person; it prints its length only.
type Blob []byte

func (b Blob) String() string { return fmt.Sprintf("[%d private bytes]", len(b)) }

// Format keeps every fmt verb quiet.
func (b Blob) Format(s fmt.State, _ rune) { fmt.Fprint(s, b.String()) }

// LogValue keeps slog quiet.
func (b Blob) LogValue() slog.Value { return slog.StringValue(b.String()) }
