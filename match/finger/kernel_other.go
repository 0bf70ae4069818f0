//go:build !amd64

package finger

import "github.com/enrold/enrold/match/simd"

func kernels(simd.Level) *kernel { return &portable }
