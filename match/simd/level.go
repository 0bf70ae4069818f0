// Package simd chooses which of a kernel's variants this processor runs. All
// variants of a kernel give bit-identical results; they differ in speed only.
//
// Assembly is written by internal/simdgen (run `go generate ./match/...`); what
// it makes is committed, so that a build needs the Go toolchain and no flag.
package simd

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Level is a set of instructions that kernels are written for, lowest first.
type Level uint8

const (
	Generic Level = iota // portable Go
	AVX2                 // 256 bits, population count by byte shuffles
	AVX512               // 512 bits: F, BW, DQ and VL; population count by byte shuffles
	AVX512P              // AVX512 with VPOPCNTDQ
)

func (l Level) String() string {
	switch l {
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case AVX512P:
		return "avx512+vpopcntdq"
	}
	return "generic"
}

// Variable is the name of the environment variable that forces a level:
// generic, avx2 or avx512.
const Variable = "ENROLD_SIMD"

// ErrLevel means that the level asked for is unknown or not this processor's.
var ErrLevel = errors.New("no such SIMD level")

// VNNI tells whether the processor has AVX512 with AVX512_VNNI, which sums
// products of bytes. It is no Level: processors have it with and without
// VPOPCNTDQ.
func VNNI() bool { return detectVNNI() }

// Supported lists what this processor and its operating system can run.
func Supported() []Level {
	all := []Level{Generic}
	best := detect()
	for l := AVX2; l <= best; l++ {
		all = append(all, l)
	}
	return all
}

// Choose returns the level of that name, or the best one for "". "avx512"
// means the better of its two variants. The error wraps ErrLevel.
func Choose(name string) (Level, error) {
	best := detect()
	switch name {
	case "":
		return best, nil
	case Generic.String():
		return Generic, nil
	case AVX2.String():
		if best >= AVX2 {
			return AVX2, nil
		}
	case AVX512.String():
		if best >= AVX512 {
			return best, nil
		}
	default:
		return Generic, fmt.Errorf("%w: %s=%q, want generic, avx2 or avx512", ErrLevel, Variable, name)
	}
	return Generic, fmt.Errorf("%w: this processor lacks %s", ErrLevel, name)
}

// Current is the level of this process: the one that the environment names, or
// the best. A name that cannot be had gives the error and Generic, so that
// results are right even where a caller has no way to report it; programs
// check it when they start.
var Current = sync.OnceValues(func() (Level, error) { return Choose(os.Getenv(Variable)) })
