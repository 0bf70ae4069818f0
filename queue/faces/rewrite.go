package faces

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/enrold/enrold/queue/store"
)

// rewrite makes the new file and goes on with it; on an error the old one stays.
func (s *Store) rewrite(from reader, keep func(Entry) (bool, error)) (torn bool, err error) {
	secret := make([]byte, secretSize)
	defer clear(secret)
	rand.Read(secret[:32]) // never fails (crypto/rand)
	copy(secret[32:], s.person)
	sealed, err := s.o.Key.Seal(secret)
	if err != nil {
		return false, fmt.Errorf("seal key: %w", err)
	}
	if len(sealed) > maxHeader {
		return false, errHeader
	}
	aead, err := newAEAD(secret[:32])
	if err != nil {
		return false, err
	}
	header := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(sealed)))
	header = append(header, sealed...)
	f, err := os.CreateTemp(s.dir, temporary) // mode 0600
	if err != nil {
		return false, err
	}
	fresh := &Store{header: header, aead: aead, size: int64(len(header))}
	err = func() error {
		if _, err := f.Write(header); err != nil {
			return err
		}
		for {
			e, ok, err := from.next()
			if err != nil { // what is left cannot be told from noise
				torn = true
				break
			}
			if !ok {
				break
			}
			kept, err := keep(e)
			if err == nil && kept {
				err = fresh.append(f, e)
			}
			if err != nil {
				return err
			}
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := os.Rename(f.Name(), filepath.Join(s.dir, name)); err != nil {
			return err
		}
		return store.SyncDir(s.dir)
	}()
	clear(s.buffer)
	if err != nil {
		return torn, errors.Join(err, f.Close(), removed(f.Name()))
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.file, s.header, s.aead, s.next, s.size = f, header, aead, fresh.next, fresh.size
	return torn, err
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// append writes one record: 32 bits of length, ciphertext.
func (s *Store) append(f *os.File, e Entry) error {
	if len(e.Model) > math.MaxUint8 || len(e.Template) > math.MaxUint16 || s.next >= maxEntries {
		return errRecord
	}
	plain := encode(e)
	defer clear(plain)
	if len(plain) > maxRecord-s.aead.Overhead() {
		return errRecord
	}
	record := binary.BigEndian.AppendUint32(nil, uint32(len(plain)+s.aead.Overhead()))
	record = s.aead.Seal(record, nonce(s.next), plain, s.header)
	if _, err := f.WriteAt(record, s.size); err != nil {
		return err
	}
	s.next++
	s.size += int64(len(record))
	return nil
}

func nonce(place uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), place)
}
