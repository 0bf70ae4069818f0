package simd

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	best := Supported()[len(Supported())-1]
	for _, c := range []struct {
		name string
		want Level
		err  bool
	}{
		{"", best, false},
		{"generic", Generic, false},
		{"avx2", AVX2, best < AVX2},
		{"avx512", max(best, AVX512), best < AVX512},
		{"AVX2", Generic, true},
		{"neon", Generic, true},
	} {
		got, err := Choose(c.name)
		switch {
		case c.err && !errors.Is(err, ErrLevel):
			t.Errorf("Choose(%q) = %v, %v; want ErrLevel", c.name, got, err)
		case !c.err && (err != nil || got != c.want):
			t.Errorf("Choose(%q) = %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// TestDetect compares with what Linux says of the processor.
func TestDetect(t *testing.T) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skip("no Linux on amd64: nobody to ask about the processor")
	}
	_, line, _ := strings.Cut(string(data), "flags")
	line, _, _ = strings.Cut(line, "\n")
	flags := strings.Fields(line)
	has := func(all ...string) bool {
		return !slices.ContainsFunc(all, func(f string) bool { return !slices.Contains(flags, f) })
	}
	want := Generic
	if has("avx2", "fma") {
		want = AVX2
		if has("avx512f", "avx512dq", "avx512bw", "avx512vl") {
			want = AVX512
			if has("avx512_vpopcntdq") {
				want = AVX512P
			}
		}
	}
	if got := detect(); got != want {
		t.Errorf("detect() = %v, Linux has %v", got, want)
	}
	if got, want := VNNI(), want >= AVX512 && has("avx512_vnni"); got != want {
		t.Errorf("VNNI() = %v, Linux has %v", got, want)
	}
}
