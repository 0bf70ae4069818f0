// Package outfile writes what a command was asked to keep.
package outfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// Write makes the file, or what it holds, anew.
func Write(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
