package faces

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/enrold/enrold/match/gallery"
)

//go:embed bench_faiss.py
var faissScript string

var errNoFaiss = errors.New("FAISS is not installed")

// debianPython is the interpreter that Debian's python3-faiss is for; another
// python3 may come first in PATH.
const debianPython = "/usr/bin/python3"

// faiss is FAISS's flat index, on one thread of a process of its own.
type faiss struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startFaiss gives FAISS the templates that every gallery of this run gets.
func startFaiss(ctx context.Context, n, dim, top int) (*faiss, error) {
	python := debianPython
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	cmd := exec.CommandContext(ctx, python, "-c", faissScript, strconv.Itoa(n), strconv.Itoa(dim), strconv.Itoa(top))
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start FAISS: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start FAISS: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoFaiss, err)
	}
	f := &faiss{cmd, in, bufio.NewReader(out)}
	version, err := f.out.ReadString('\n')
	if err != nil || version == "missing\n" {
		f.stop()
		return nil, errNoFaiss
	}
	fmt.Fprintf(os.Stderr, "bench: FAISS %s", version)
	w := bufio.NewWriterSize(in, 1<<20)
	source := newTemplates(dim)
	for range n {
		if err := binary.Write(w, binary.LittleEndian, source.next()); err != nil {
			f.stop()
			return nil, fmt.Errorf("give FAISS its templates: %w", err)
		}
	}
	return f, w.Flush()
}

func (f *faiss) stop() {
	_ = f.in.Close()
	_ = f.cmd.Wait()
}

// search returns seconds of the processor and the numbers found.
func (f *faiss) search(probe []float32) (seconds float64, numbers []uint64, err error) {
	if err := binary.Write(f.in, binary.LittleEndian, probe); err != nil {
		return 0, nil, fmt.Errorf("ask FAISS: %w", err)
	}
	line, err := f.out.ReadString('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("read FAISS's answer: %w", err)
	}
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0, nil, errors.New("read FAISS's answer: empty")
	}
	if seconds, err = strconv.ParseFloat(fields[0], 64); err != nil {
		return 0, nil, fmt.Errorf("read FAISS's answer: %w", err)
	}
	for _, s := range fields[1:] {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, nil, fmt.Errorf("read FAISS's answer: %w", err)
		}
		numbers = append(numbers, n)
	}
	return seconds, numbers, nil
}

// sameNumbers allows neighbours to change places: FAISS sums in another order.
func sameNumbers(found []gallery.Candidate, numbers []uint64) bool {
	known := map[uint64]bool{}
	for _, n := range numbers {
		known[n] = true
	}
	differ := 0
	for _, c := range found {
		if !known[c.Number] {
			differ++
		}
	}
	return len(found) == len(numbers) && differ <= 1 // the last may be one of two that are alike
}
