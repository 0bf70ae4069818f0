package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes rows as a table for people.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "BUS\tWHERE\tID\tNAME\tPROFILE\tSTATUS\tNOTE")
	for _, r := range rows {
		note := strings.Join(present(string(r.Failure), r.State, r.Reason), "; ")
		if r.On != "" {
			note = strings.Join(present(note, "on USB "+r.On), "; ")
		}
		cells := []string{r.Bus, r.Where, r.ID, r.Name, r.Profile, string(r.Status), note}
		for i, c := range cells {
			cells[i] = cmp.Or(clean(c), "-")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print devices: %w", err)
	}
	return nil
}

// PrintJSON writes rows as one JSON array.
func PrintJSON(w io.Writer, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	if err := json.NewEncoder(w).Encode(rows); err != nil {
		return fmt.Errorf("print devices: %w", err)
	}
	return nil
}

func present(parts ...string) (out []string) {
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// clean keeps what a device calls itself from steering the terminal or the table.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return ' '
		}
		return r
	}, s)
}
