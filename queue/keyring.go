package queue

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// errNoKey says that the keyring holds no such key: never put there, revoked,
// expired, or lost with the machine's memory.
var errNoKey = errors.New("key is gone")

const (
	// The user keyring belongs to the uid and outlives the process; a power cut
	// ends it. A "user" key's default rights ask for possession through the
	// session keyring, which a service may not have, so the uid gets them.
	keyRights  = 0x3f3f0000 // possessor and user: view, read, write, search, link, set attributes
	keySeconds = 24 * 3600  // a forgotten visit's key ends by itself
	maxKey     = 64
)

// keyring keeps small secrets in the kernel's memory.
type keyring struct{}

// put stores secret under name, replacing what was there.
func (keyring) put(name string, secret []byte) error {
	// Giving rights needs possession, which the link into a thread keyring gives.
	// The thread is not unlocked: it ends with this goroutine, and its keyring with it.
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_THREAD_KEYRING, 0, 0); err != nil {
				return fmt.Errorf("link user keyring: %w", err)
			}
			id, err := unix.AddKey("user", name, secret, unix.KEY_SPEC_USER_KEYRING)
			if err != nil {
				return fmt.Errorf("add key: %w", err)
			}
			if err := unix.KeyctlSetperm(id, keyRights); err != nil {
				return fmt.Errorf("set key rights: %w", err)
			}
			if _, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, keySeconds, 0, 0); err != nil {
				return fmt.Errorf("set key time-out: %w", err)
			}
			return nil
		}()
	}()
	return <-done
}

// get returns the secret stored under name, or errNoKey.
func (keyring) get(name string) ([]byte, error) {
	id, err := find(name)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, maxKey)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", noKey(err))
	}
	if n > len(buf) {
		return nil, fmt.Errorf("read key: %d bytes", n)
	}
	return buf[:n], nil
}

// revoke ends the key for everybody; a missing one is no error.
func (keyring) revoke(name string) error {
	id, err := find(name)
	if errors.Is(err, errNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0); err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0); err != nil {
		return fmt.Errorf("unlink key: %w", err)
	}
	return nil
}

func find(name string) (int, error) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		return 0, fmt.Errorf("search key: %w", noKey(err))
	}
	return id, nil
}

func noKey(err error) error {
	for _, e := range []error{unix.ENOKEY, unix.EKEYREVOKED, unix.EKEYEXPIRED} {
		if errors.Is(err, e) {
			return errNoKey
		}
	}
	return err
}
