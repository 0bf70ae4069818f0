package cylinder

import "github.com/enrold/enrold/match/simd"

func kernels(level simd.Level) kernel {
	switch level {
	case simd.AVX2:
		return kernel{belowAVX2, nearestAVX2, ratiosAVX2}
	case simd.AVX512:
		return kernel{belowAVX2, nearestAVX512, ratiosAVX512}
	case simd.AVX512P:
		return kernel{belowAVX2, nearestAVX512P, ratiosAVX512P}
	}
	return portable
}
