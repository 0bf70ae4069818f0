// Package locked gives memory for secrets: outside of the Go heap, so that
// nothing copies it, and in no core dump, no child and, where the system allows
// it, no swap.
package locked

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// Memory hands out mappings of its own. It is safe for concurrent use. It
// satisfies match/gallery's Memory.
type Memory struct {
	swappable bool

	mu      sync.Mutex
	raw     map[*byte][]byte // a mapping by the first byte that was handed out
	refused error
}

// New returns memory that is locked into RAM (mlock(2)) as far as RLIMIT_MEMLOCK
// allows; see Refused.
func New() *Memory { return &Memory{raw: map[*byte][]byte{}} }

// NewSwappable returns memory that is not locked, for what is no secret.
func NewSwappable() *Memory { return &Memory{swappable: true, raw: map[*byte][]byte{}} }

// Refused is why the system did not lock some of the memory, nil if it did.
func (m *Memory) Refused() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused
}

// Alloc returns n zeroed bytes, aligned to 64; from 2 MiB on to huge pages.
func (m *Memory) Alloc(n int) ([]byte, error) {
	if n < 1 {
		return nil, fmt.Errorf("map memory: %d bytes", n)
	}
	room := n
	if n >= hugePage {
		room += hugePage
	}
	raw, err := unix.Mmap(-1, 0, room, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("map memory: %w", err)
	}
	data := raw[:n:n]
	if room > n {
		skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (hugePage - 1)
		data = raw[skip:][:n:n]
		_ = unix.Madvise(raw, unix.MADV_HUGEPAGE) // speed only
	}
	if err := errors.Join(unix.Madvise(raw, unix.MADV_DONTDUMP), unix.Madvise(raw, unix.MADV_DONTFORK)); err != nil {
		return nil, errors.Join(fmt.Errorf("keep memory out of dumps: %w", err), unix.Munmap(raw))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.swappable {
		if err := unix.Mlock(data); err != nil {
			m.refused = fmt.Errorf("lock memory: %w", err)
		}
	}
	m.raw[&data[0]] = raw
	return data, nil
}

// Free wipes what Alloc returned and gives it back.
func (m *Memory) Free(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	clear(data)
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, known := m.raw[&data[0]]
	if !known {
		return errors.New("free memory: not from here")
	}
	delete(m.raw, &data[0])
	if err := unix.Munmap(raw); err != nil {
		return fmt.Errorf("free memory: %w", err)
	}
	return nil
}
