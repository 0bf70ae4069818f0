package emrtd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// MaxFile is the largest file that is read; a real DG2 has 10 to 40 KB.
const MaxFile = 256 << 10

// FileID is the identifier of an elementary file (Doc 9303-10 §3.11).
type FileID uint16

const (
	COM FileID = 0x011E
	SOD FileID = 0x011D
	// CardSecurity lies in the master file, with the same identifier as SOD in the
	// application.
	CardSecurity FileID = 0x011D
)

// DG returns the identifier of data group n, 1 to 16.
func DG(n int) FileID { return FileID(0x0100 + n) }

// ladder is the response sizes to try, largest first: what cards and readers in
// the field are known to take.
var ladder = []int{sm.MaxPlain, 4096, 1000, 256, 231, 224, 160, 112}

// Read reads a whole file: its header first, then exactly the rest. What is
// read is also written to sinks, in order (a hash.Hash never fails). progress,
// which may be nil, is told the bytes read and the file's size. A file that the
// chip refuses is an *apdu.StatusError; the chip stays usable.
func (c *Chip) Read(ctx context.Context, id FileID, progress func(done, size int), sinks ...io.Writer) ([]byte, error) {
	if err := c.selectFile(ctx, id); err != nil {
		return nil, err
	}
	const headerBytes = 6 // tag and length of every file of Doc 9303-10 fit
	file, err := c.readAt(ctx, id, 0, headerBytes)
	if err != nil {
		return nil, err
	}
	_, length, size, err := tlv.Header(file)
	if err != nil {
		return nil, fmt.Errorf("header of file %04X: %w", id, err)
	}
	size += length
	if size > MaxFile {
		return nil, fmt.Errorf("file %04X claims %d bytes, more than %d", id, size, MaxFile)
	}
	file = file[:min(len(file), size)]
	for done := 0; ; {
		for _, w := range sinks {
			if _, err := w.Write(file[done:]); err != nil {
				return nil, fmt.Errorf("hash file %04X: %w", id, err)
			}
		}
		if done = len(file); progress != nil {
			progress(done, size)
		}
		if done == size {
			return file, nil
		}
		part, err := c.readAt(ctx, id, done, size-done)
		if err != nil {
			return nil, err
		}
		file = append(file, part...)
	}
}

func (c *Chip) selectFile(ctx context.Context, id FileID) error {
	// No Le: some cards refuse one here.
	r, err := c.Send(ctx, apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{byte(id >> 8), byte(id)}})
	if err != nil {
		return fmt.Errorf("select file %04X: %w", id, err)
	}
	if r.SW != apdu.OK {
		return &apdu.StatusError{Op: fmt.Sprintf("select file %04X", id), SW: r.SW}
	}
	return nil
}

// readAt reads 1 to want bytes of the selected file. When the chip or the
// reader refuses the size, the next smaller one is tried, for the rest of the
// reading; an unprotected refusal ends the session, so the file is opened again.
func (c *Chip) readAt(ctx context.Context, id FileID, offset, want int) ([]byte, error) {
	for {
		n := min(want, c.maxLe)
		data, sw, err := c.readBinary(ctx, offset, n)
		if err != nil {
			u, ok := errors.AsType[*sm.UnprotectedError](err)
			if !ok {
				return nil, fmt.Errorf("read file %04X: %w", id, err)
			}
			sw = u.SW
			if !wrongSize(sw) || !c.stepDown(n) {
				return nil, &apdu.StatusError{Op: fmt.Sprintf("read file %04X", id), SW: sw}
			}
			if err := c.selectFile(ctx, id); err != nil {
				return nil, err
			}
			continue
		}
		if len(data) > 0 && (sw == apdu.OK || sw == apdu.EndOfFile) {
			return data[:min(len(data), n)], nil
		}
		if sw == apdu.OK {
			return nil, fmt.Errorf("read file %04X: chip sends nothing at offset %d", id, offset)
		}
		if !wrongSize(sw) || !c.stepDown(n) {
			return nil, &apdu.StatusError{Op: fmt.Sprintf("read file %04X", id), SW: sw}
		}
	}
}

// wrongSize tells the answers by which cards refuse an Le that is too large.
func wrongSize(sw apdu.Status) bool {
	_, exact := sw.ExactLe()
	return exact || sw == apdu.WrongLength || sw == apdu.WrongParameters || sw == apdu.EndOfFile
}

// stepDown takes the next rung below n.
func (c *Chip) stepDown(n int) bool {
	for _, rung := range ladder {
		if rung < n {
			c.maxLe = rung
			return true
		}
	}
	return false
}

// maxShortOffset is the last offset that fits P1-P2 (ISO/IEC 7816-4 §11.3.3).
const maxShortOffset = 0x7FFF

func (c *Chip) readBinary(ctx context.Context, offset, n int) ([]byte, apdu.Status, error) {
	if offset <= maxShortOffset {
		r, err := c.Send(ctx, apdu.Command{INS: 0xB0, P1: byte(offset >> 8), P2: byte(offset), Le: n})
		return r.Data, r.SW, err
	}
	// Further on the offset is a data object of the command, and the answer is
	// wrapped in tag 53, which Le must cover (Doc 9303-10 §3.6.3.2).
	at := []byte{byte(offset >> 16), byte(offset >> 8), byte(offset)}
	if at[0] == 0 {
		at = at[1:]
	}
	le := min(len(tlv.Append(nil, 0x53, make([]byte, n))), c.maxLe)
	r, err := c.Send(ctx, apdu.Command{INS: 0xB1, Data: tlv.Append(nil, 0x54, at), Le: le})
	if err != nil || len(r.Data) == 0 {
		return nil, r.SW, err
	}
	o, _, err := tlv.Next(r.Data)
	if err != nil || o.Tag != 0x53 && o.Tag != 0x73 {
		return nil, r.SW, errors.New("read binary: answer is not wrapped in tag 53")
	}
	return o.Value, r.SW, nil
}
