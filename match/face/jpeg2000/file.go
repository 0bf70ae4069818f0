package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var (
	signature = []byte("\x00\x00\x00\x0cjP  \r\n\x87\n") // ISO/IEC 15444-1 annex I.5.1
	start     = []byte{0xff, 0x4f, 0xff, 0x51}           // SOC and SIZ, annexes A.4.1 and A.5.1
)

// Is reports whether data begins as a JP2 file or a bare codestream.
func Is(data []byte) bool { return bytes.HasPrefix(data, signature) || bytes.HasPrefix(data, start) }

// file is what matters of a JP2 file.
type file struct {
	stream []byte // the codestream, which aliases the file
	ycc    bool   // the colour box says sYCC
}

const (
	enumerated = 1 // method of a colour specification box, annex I.5.3.3
	sYCC       = 18
)

var errBoxes = errors.New("malformed JP2 file")

// parse finds the first contiguous codestream box (annex I.5.4) and the colour
// box before it.
func parse(data []byte) (file, error) {
	if bytes.HasPrefix(data, start) {
		return file{stream: data}, nil
	}
	if !bytes.HasPrefix(data, signature) {
		return file{}, errors.New("neither JP2 file nor codestream")
	}
	var f file
	err := eachBox(data, func(kind string, content []byte) error {
		switch kind {
		case "jp2h":
			return eachBox(content, f.header)
		case "jp2c":
			f.stream = content
			return errDone
		}
		return nil
	})
	if err == nil {
		err = errors.New("no codestream")
	}
	if !errors.Is(err, errDone) {
		return file{}, err
	}
	return f, nil
}

var errDone = errors.New("found")

func (f *file) header(kind string, content []byte) error {
	switch kind {
	case "pclr":
		return errors.New("an image with a palette is no portrait")
	case "colr":
		if len(content) >= 7 && content[0] == enumerated {
			f.ycc = binary.BigEndian.Uint32(content[3:]) == sYCC
		}
	}
	return nil
}

// eachBox walks boxes (annex I.4): length, type, where the length is 1 a longer
// one, content. The last may have the length 0, which is to the end.
func eachBox(data []byte, do func(kind string, content []byte) error) error {
	for len(data) > 0 {
		if len(data) < 8 {
			return errBoxes
		}
		size, kind, head := uint64(binary.BigEndian.Uint32(data)), string(data[4:8]), uint64(8)
		switch size {
		case 0:
			size = uint64(len(data))
		case 1:
			if len(data) < 16 {
				return errBoxes
			}
			size, head = binary.BigEndian.Uint64(data[8:]), 16
		}
		if size < head || size > uint64(len(data)) {
			return errBoxes
		}
		if err := do(kind, data[head:size:size]); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}
