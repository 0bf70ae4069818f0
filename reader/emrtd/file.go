package emrtd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/lds"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// MaxFile is the largest file that is read; a real DG2 has 10 to 40 KB.
const MaxFile = 256 << 10

// FileID is the identifier of an elementary file (Doc 9303-10 §3.11). Its low
// five bits are the short identifier.
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

// tag is how a file of the application begins.
func (id FileID) tag() byte {
	switch id {
	case COM:
		return 0x60
	case SOD:
		return 0x77
	}
	return lds.GroupTag(int(id) - 0x0100)
}

// shortIDs is what is known of a chip's short file identifiers.
type shortIDs int

const (
	shortUntried shortIDs = iota
	shortWork
	shortRefused // select files instead
)

// Read reads a whole file once: its header first, then exactly the rest, in
// pieces as large as chip and reader take. What is read is also written to sinks,
// in order (a hash.Hash never fails). progress, which may be nil, is told the
// bytes read and the file's size. A file that the chip refuses is an
// *apdu.StatusError; the chip stays usable.
func (c *Chip) Read(ctx context.Context, id FileID, progress func(done, size int), sinks ...io.Writer) ([]byte, error) {
	start := c.card.APDUs()
	file, err := c.readFile(ctx, id, progress, sinks)
	c.account(id, len(file), start)
	return file, err
}

func (c *Chip) readFile(ctx context.Context, id FileID, progress func(done, size int), sinks []io.Writer) ([]byte, error) {
	file, err := c.head(ctx, id)
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
	file = append(make([]byte, 0, size), file[:min(len(file), size)]...)
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

// head reads the beginning of a file, which is the current one afterwards. One
// command does it where the chip knows short file identifiers, as Doc 9303-10
// §3.6 demands; the first file tells. What does not begin as the file must was
// not the file: then it is selected by its identifier.
func (c *Chip) head(ctx context.Context, id FileID) ([]byte, error) {
	begins := id.tag()
	if !c.inside {
		begins = 0x30 // EF.CardSecurity is SignedData
	}
	for n := c.headSize(id); c.short != shortRefused; n = headerBytes {
		data, sw, err := refusal(c.readBinary(ctx, 0x80|byte(id)&0x1F, 0, n))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read file %04X: %w", id, err)
		case len(data) > 0 && data[0] == begins:
			c.short = shortWork
			return data[:min(len(data), n)], nil
		case c.short == shortUntried:
			c.short = shortRefused
			continue
		case sw == apdu.SecurityStatus:
			return nil, &apdu.StatusError{Op: fmt.Sprintf("read file %04X", id), SW: sw}
		case n > headerBytes && wrongSize(sw): // the file is shorter, or the response too long
			continue
		}
		return c.selected(ctx, id)
	}
	return c.selected(ctx, id)
}

// ErrEmptyFile means that a file is there and holds nothing.
var ErrEmptyFile = errors.New("file is empty")

// selected selects a file and reads its beginning.
func (c *Chip) selected(ctx context.Context, id FileID) ([]byte, error) {
	for n := c.headSize(id); ; n = headerBytes {
		if err := c.selectFile(ctx, id); err != nil {
			return nil, err
		}
		data, sw, err := refusal(c.readBinary(ctx, 0, 0, n))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read file %04X: %w", id, err)
		case len(data) > 0:
			return data[:min(len(data), n)], nil
		case n > headerBytes && (wrongSize(sw) || sw == apdu.OK): // the file is shorter
		case sw == apdu.OK:
			return nil, fmt.Errorf("read file %04X: %w", id, ErrEmptyFile)
		default:
			return nil, &apdu.StatusError{Op: fmt.Sprintf("read file %04X", id), SW: sw}
		}
	}
}

// headerBytes hold tag and length of every file of Doc 9303-10.
const headerBytes = 6

// headSize is how much of a file is asked for before its length is known. EF.SOD
// and DG2 are never shorter than a short response, which costs nothing to fill.
func (c *Chip) headSize(id FileID) int {
	if id == SOD || id == DG(2) {
		return min(c.maxLe, c.session.PlainLimit(apdu.MaxShort))
	}
	return headerBytes
}

func (c *Chip) selectFile(ctx context.Context, id FileID) error {
	// No Le: some cards refuse one here. Others know only the selection with an answer.
	cmd := apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{byte(id >> 8), byte(id)}}
	r, err := c.Send(ctx, cmd)
	_, sw, err := refusal(r.Data, r.SW, err)
	if err == nil && wrongSelection(sw) {
		cmd.P2, cmd.Le = 0x00, apdu.MaxShort
		r, err = c.Send(ctx, cmd)
		_, sw, err = refusal(r.Data, r.SW, err)
	}
	if err != nil {
		return fmt.Errorf("select file %04X: %w", id, err)
	}
	if !selectedBy(sw) {
		return &apdu.StatusError{Op: fmt.Sprintf("select file %04X", id), SW: sw}
	}
	return nil
}

// readAt reads 1 to want bytes of the current file. When the chip or the reader
// refuses the size, the next smaller one is tried, for the rest of the reading;
// an unprotected refusal ends the session, so the file is opened again, and
// since it may be nobody's, the same piece is asked for once more.
func (c *Chip) readAt(ctx context.Context, id FileID, offset, want int) ([]byte, error) {
	for again := true; ; {
		n := min(want, c.maxLe)
		data, sw, err := refusal(c.read(ctx, offset, n))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read file %04X: %w", id, err)
		case len(data) > 0 && (sw == apdu.OK || sw == apdu.EndOfFile):
			return data[:min(len(data), n)], nil
		case sw == apdu.OK:
			return nil, fmt.Errorf("read file %04X: chip sends nothing at offset %d", id, offset)
		case wrongSize(sw) && c.stepDown(n):
		case again && c.session.Ended():
			again = false
		default:
			return nil, &apdu.StatusError{Op: fmt.Sprintf("read file %04X", id), SW: sw}
		}
		if c.session.Ended() {
			if err := c.selectFile(ctx, id); err != nil {
				return nil, err
			}
		}
	}
}

// refusal makes a status word that came outside secure messaging an answer like
// others. It has ended the session.
func refusal(data []byte, sw apdu.Status, err error) ([]byte, apdu.Status, error) {
	if u, ok := errors.AsType[*sm.UnprotectedError](err); ok {
		return nil, u.SW, nil
	}
	return data, sw, err
}

// wrongSize tells the answers by which cards refuse an Le that is too large.
func wrongSize(sw apdu.Status) bool {
	_, exact := sw.ExactLe()
	return exact || sw == apdu.WrongLength || sw == apdu.WrongParameters || sw == apdu.EndOfFile
}

// maxShortOffset is the last offset that fits P1-P2 (ISO/IEC 7816-4 §11.3.3).
const maxShortOffset = 0x7FFF

// wrapped is what the answer to READ BINARY with odd instruction holds beside n
// bytes: tag 53 and its length.
func wrapped(n int) int {
	switch {
	case n < 0x80:
		return 2
	case n <= 0xFF:
		return 3
	}
	return 4
}

func (c *Chip) read(ctx context.Context, offset, n int) ([]byte, apdu.Status, error) {
	if offset <= maxShortOffset {
		return c.readBinary(ctx, byte(offset>>8), byte(offset), n)
	}
	// Further on the offset is a data object of the command, and the answer is
	// wrapped in tag 53, which Le must cover (Doc 9303-10 §3.6.3.2).
	at := []byte{byte(offset >> 16), byte(offset >> 8), byte(offset)}
	if at[0] == 0 {
		at = at[1:]
	}
	le := min(n+wrapped(n), c.maxLe)
	r, err := c.Send(ctx, apdu.Command{INS: 0xB1, Data: tlv.Append(nil, 0x54, at), Le: le, Extended: c.long(le)})
	if err != nil || len(r.Data) == 0 {
		return nil, r.SW, err
	}
	o, _, err := tlv.Next(r.Data)
	if err != nil || o.Tag != 0x53 && o.Tag != 0x73 {
		return nil, r.SW, errors.New("read binary: answer is not wrapped in tag 53")
	}
	return o.Value, r.SW, nil
}

func (c *Chip) readBinary(ctx context.Context, p1, p2 byte, n int) ([]byte, apdu.Status, error) {
	r, err := c.Send(ctx, apdu.Command{INS: 0xB0, P1: p1, P2: p2, Le: n, Extended: c.long(n)})
	return r.Data, r.SW, err
}

// long says whether a plain response of n bytes needs extended lengths.
func (c *Chip) long(n int) bool { return n > c.session.PlainLimit(apdu.MaxShort) }
