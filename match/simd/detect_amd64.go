package simd

// cpuid and xgetbv run the instructions of those names (detect_amd64.s).
func cpuid(leaf, sub uint32) (a, b, c, d uint32)
func xgetbv() (low, high uint32)

// detectVNNI: leaf 7, ECX, bit 11 (Intel's manual, volume 2A, CPUID). It counts
// only beside AVX512.
func detectVNNI() bool {
	if highest, _, _, _ := cpuid(0, 0); highest < 7 {
		return false
	}
	_, _, more, _ := cpuid(7, 0)
	return more&(1<<11) != 0 && detect() >= AVX512
}

// detect follows Intel's Software Developer's Manual, volume 1, §14.3 and
// §15.2: the processor has the instructions, and the system saves the registers.
func detect() Level {
	const (
		osxsave = 1 << 27 // leaf 1, ECX
		avx     = 1 << 28
		fma     = 1 << 12

		avx2 = 1 << 5 // leaf 7, EBX
		f    = 1 << 16
		dq   = 1 << 17
		bw   = 1 << 30
		vl   = 1 << 31

		vpopcntdq = 1 << 14 // leaf 7, ECX

		stateAVX    = 1<<1 | 1<<2 // XCR0
		stateAVX512 = stateAVX | 1<<5 | 1<<6 | 1<<7
	)
	highest, _, _, _ := cpuid(0, 0)
	if highest < 7 {
		return Generic
	}
	_, _, one, _ := cpuid(1, 0)
	if one&osxsave == 0 || one&avx == 0 || one&fma == 0 {
		return Generic
	}
	saved, _ := xgetbv()
	_, seven, more, _ := cpuid(7, 0)
	switch {
	case saved&stateAVX != stateAVX || seven&avx2 == 0:
		return Generic
	case saved&stateAVX512 != stateAVX512 || seven&f == 0 || seven&dq == 0 || seven&bw == 0 || seven&vl == 0:
		return AVX2
	case more&vpopcntdq == 0:
		return AVX512
	}
	return AVX512P
}
