package queue

import (
	"crypto/rand"
	"fmt"
	"sync"
)

// MemoryKey is a DraftKey for a desk without a TPM: a secret lies in the kernel's
// keyring for a day and is gone with the machine's power. The newest and the one
// before it can be unsealed, so that a file can change its key without a moment
// in which a crash loses it.
type MemoryKey struct {
	name string

	mu   sync.Mutex
	last [2]string // handles, the newest first
}

// NewMemoryKey uses keys whose names begin so.
func NewMemoryKey(name string) *MemoryKey { return &MemoryKey{name: name} }

// Seal keeps secret, at most 64 bytes, and returns its handle.
func (m *MemoryKey) Seal(secret []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(secret) > maxKey {
		return nil, fmt.Errorf("seal in keyring: %d bytes, at most %d", len(secret), maxKey)
	}
	handle := rand.Text()
	if err := (keyring{}).put(m.name+":"+handle, secret); err != nil {
		return nil, fmt.Errorf("seal in keyring: %w", err)
	}
	old := m.last[1]
	m.last = [2]string{handle, m.last[0]}
	if old != "" {
		if err := (keyring{}).revoke(m.name + ":" + old); err != nil {
			return nil, fmt.Errorf("end the key before the last: %w", err)
		}
	}
	return []byte(handle), nil
}

// Unseal returns the secret of a handle.
func (m *MemoryKey) Unseal(handle []byte) ([]byte, error) {
	secret, err := keyring{}.get(m.name + ":" + string(handle))
	if err != nil {
		return nil, fmt.Errorf("unseal from keyring: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last[0] == "" {
		m.last[0] = string(handle)
	}
	return secret, nil
}
