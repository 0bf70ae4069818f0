// Package faces keeps the face templates of the desk's unsent requests in one
// sealed file, so that a person who comes twice under two identities is noticed
// after a restart, too. An entry is a number, a template and when it ends;
// whose it is, is a keyed hash. It holds no name and no personal number.
//
// The file is a header with its own random key, sealed by the desk's key, and
// one record an entry: AES-256-GCM, the record's place as nonce, the header as
// additional data. Records are only ever appended. Whatever leaves (a receipt, an
// entry's time is over) leaves by a new file under a new key that takes the
// place of the old one: the old key is then nowhere, and no nonce is used twice
// even after a torn write.
package faces

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/internal/eid"
)

// Key is a key that only this desk has; see queue.DraftKey.
type Key interface {
	Seal(secret []byte) ([]byte, error)
	Unseal(sealed []byte) ([]byte, error)
}

// Memory is room for one opened record, kept out of dumps and swap.
type Memory interface {
	Alloc(n int) ([]byte, error)
	Free([]byte) error
}

// Options of a store; all but Log and Now are required.
type Options struct {
	Key    Key
	Memory Memory
	Now    func() time.Time
	Log    *slog.Logger
}

// Entry is one face. Template is only valid during the call that gives it.
type Entry struct {
	Number   uint64   // of the caller's choice, unique in the file
	Person   [16]byte // see Store.Person
	Request  [16]byte // the UUID of its request; zero for an officer
	Expires  time.Time
	Model    string // what made the template, at most 255 bytes
	Template []float32
}

const (
	name       = "faces"
	temporary  = ".new-faces-*"
	magic      = "enrold faces 1\n\x00"
	maxHeader  = 8192
	maxRecord  = 1 << 17
	maxEntries = 1 << 24
	secretSize = 64 // key of the records, then key of Person
)

var (
	errHeader = errors.New("malformed header")
	errRecord = errors.New("malformed record")
)

// Store is the file, held by one process. It is safe for concurrent use.
type Store struct {
	dir string
	o   Options

	mu     sync.Mutex
	file   *os.File
	header []byte
	aead   cipher.AEAD
	person []byte // key of Person, kept over new files
	next   uint64 // place of the next record
	size   int64
	buffer []byte // for one opened record
	broken error  // after a failed write: what is on the disk is not known
}

// Opened says what Open found.
type Opened struct {
	Entries int
	Expired int
	Torn    bool // the last record was not whole: a crash while it was written
	Lost    bool // the key is gone, or the file is not ours: it begins empty
}

// Open reads the file in dir, gives each living entry to each, and begins a new
// file with those. A record that was altered, and all behind it, are dropped as a
// torn one is. A failure of the desk's key or of each ends Open and leaves the old file as it was.
func Open(dir string, o Options, each func(Entry) error) (*Store, Opened, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{dir: dir, o: o}
	found, err := s.open(each)
	if err != nil {
		return nil, found, errors.Join(fmt.Errorf("open faces: %w", err), s.Close())
	}
	if found.Torn || found.Lost {
		o.Log.Warn("faces of unsent requests are not all there", "torn", found.Torn, "lost", found.Lost, "entries", found.Entries)
	}
	return s, found, nil
}

func (s *Store) open(each func(Entry) error) (found Opened, err error) {
	if s.buffer, err = s.o.Memory.Alloc(maxRecord); err != nil {
		return found, err
	}
	unfinished, err := filepath.Glob(filepath.Join(s.dir, temporary))
	if err != nil {
		return found, err
	}
	for _, path := range unfinished { // of a crash
		if err := os.Remove(path); err != nil {
			return found, err
		}
	}
	old, unmap, err := s.mapped()
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, unmap()) }()
	var source reader
	if old != nil {
		source, s.person, err = s.unlock(old)
		if e, ok := errors.AsType[*eid.Error](err); ok && e.Code != eid.CodeTPMCleared {
			return found, err // of the hardware: the file may open once it works
		}
		if err != nil {
			found.Lost = true
			s.o.Log.Warn("faces file does not open", "error", err)
			source = reader{}
		}
	}
	if s.person == nil {
		s.person = make([]byte, 32)
		rand.Read(s.person)
	}
	now := s.o.Now()
	keep := func(e Entry) (bool, error) {
		if !e.Expires.IsZero() && !now.Before(e.Expires) {
			found.Expired++
			return false, nil
		}
		found.Entries++
		return true, each(e)
	}
	found.Torn, err = s.rewrite(source, keep)
	return found, err
}

// mapped is the file as it lies on the disk, nil without one.
func (s *Store) mapped() ([]byte, func() error, error) {
	none := func() error { return nil }
	f, err := os.Open(filepath.Join(s.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, none, nil
	}
	if err != nil {
		return nil, none, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, none, err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, none, fmt.Errorf("map file: %w", err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}

// unlock opens a header: magic, 32 bits of length, the sealed secret.
func (s *Store) unlock(file []byte) (r reader, person []byte, err error) {
	sealed, rest, err := splitHeader(file)
	if err != nil {
		return r, nil, err
	}
	secret, err := s.o.Key.Unseal(sealed)
	if err != nil {
		return r, nil, fmt.Errorf("unseal key: %w", err)
	}
	defer clear(secret)
	if len(secret) != secretSize {
		return r, nil, errHeader
	}
	aead, err := newAEAD(secret[:32])
	if err != nil {
		return r, nil, err
	}
	return reader{aead: aead, header: file[:len(file)-len(rest)], rest: rest, buffer: s.buffer}, append([]byte{}, secret[32:]...), nil
}

func splitHeader(file []byte) (sealed, rest []byte, err error) {
	if len(file) < len(magic)+4 || string(file[:len(magic)]) != magic {
		return nil, nil, errHeader
	}
	n := binary.BigEndian.Uint32(file[len(magic):])
	rest = file[len(magic)+4:]
	if n > maxHeader || int(n) > len(rest) {
		return nil, nil, errHeader
	}
	return rest[:n], rest[n:], nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Person is what stands for an identity, such as a personal number: HMAC-SHA-256 under a key that
// never leaves this file, cut to 16 bytes.
func (s *Store) Person(identity string) [16]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := hmac.New(sha256.New, s.person)
	h.Write([]byte(identity))
	return [16]byte(h.Sum(nil))
}

// Add appends an entry. It is durable when Add returns.
func (s *Store) Add(e Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return fmt.Errorf("add face: %w", s.broken)
	}
	if err := s.append(s.file, e); err != nil {
		s.broken = err
		return fmt.Errorf("add face: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		s.broken = err
		return fmt.Errorf("add face: %w", err)
	}
	return nil
}

// Keep begins a new file, under a new key, with the entries that keep chooses
// and whose time is not over. gone gets the numbers of the others.
func (s *Store) Keep(keep func(Entry) bool) (gone []uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, fmt.Errorf("keep faces: %w", s.broken)
	}
	old, unmap, err := s.mapped()
	if err != nil {
		return nil, fmt.Errorf("keep faces: %w", err)
	}
	defer func() { err = errors.Join(err, unmap()) }()
	now := s.o.Now()
	source := reader{aead: s.aead, header: s.header, rest: old[min(len(s.header), len(old)):], buffer: s.buffer}
	_, err = s.rewrite(source, func(e Entry) (bool, error) {
		if keep(e) && (e.Expires.IsZero() || now.Before(e.Expires)) {
			return true, nil
		}
		gone = append(gone, e.Number)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("keep faces: %w", err)
	}
	return gone, nil
}

// Close ends the use of the file, which stays.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buffer == nil {
		return nil
	}
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	clear(s.person)
	err = errors.Join(err, s.o.Memory.Free(s.buffer))
	s.buffer, s.broken = nil, os.ErrClosed
	return err
}
