//go:build !amd64

package simd

// detect: only amd64 has kernels. The seam for NEON: a Level for it here, and a
// kernel beside the others in each package that has kernels.
func detect() Level { return Generic }

func detectVNNI() bool { return false }
