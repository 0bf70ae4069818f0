package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/mrz"
)

// offerRepairs prints how a zone that does not hold may have been misread. It
// changes nothing: the person compares the offers with the document.
func offerRepairs(w io.Writer, zone []eid.Private) error {
	lines := make([]string, len(zone))
	for i, l := range zone {
		lines[i] = l.Reveal()
	}
	for _, r := range mrz.Repairs(lines, time.Now()) {
		var changes []string
		for _, c := range r.Changes {
			changes = append(changes, fmt.Sprintf("line %d, column %d: %s instead of %s", c.Line, c.Column, c.To, c.From))
		}
		holds := "mends the check digit of " + strings.Join(r.Mends, ", ")
		if r.Complete {
			holds = "then every check digit holds"
		}
		if _, err := fmt.Fprintf(w, "misread? %s (%s)\n", strings.Join(changes, "; "), holds); err != nil {
			return fmt.Errorf("print repairs: %w", err)
		}
	}
	return nil
}
