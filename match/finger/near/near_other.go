//go:build !amd64

package near

func vectors() Kernels { return Kernels{related, together, pull} }
