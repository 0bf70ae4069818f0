package gallery

func kernels(k Kernel) kernel {
	switch k {
	case AVX2:
		return kernel{floatsAVX2, bytesAVX2, readAVX2}
	case AVX512:
		return kernel{floatsAVX512, bytesAVX512, readAVX512}
	case AVX512VNNI:
		return kernel{floatsAVX512, bytesVNNI, readAVX512}
	}
	return portable
}
