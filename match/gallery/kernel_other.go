//go:build !amd64

package gallery

func kernels(Kernel) kernel { return portable }
