package zfm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Confirmation codes (R503 manual 1.2.2, chapter IV, table of the
// acknowledgement packet).
const (
	done         = 0x00
	badPacket    = 0x01
	noFinger     = 0x02
	cannotUpload = 0x0f
	badPassword  = 0x13
	noImage      = 0x15
	badRegister  = 0x1a
	badContent   = 0x1b
	unknown      = 0x19 // undefined error: also what modules answer to instructions they lack
)

func (d *Device) execute(line Line, c command) error {
	if !c.intact {
		return d.ack(line, badPacket)
	}
	switch c.instruction {
	case 0x01: // GenImg
		return d.ack(line, d.genImg())
	case 0x0a: // UpImage
		return d.upImage(line)
	case 0x0e: // SetSysPara
		return d.setPara(line, c.params)
	case 0x0f: // ReadSysPara
		return d.ack(line, done, d.sysPara()...)
	case 0x13: // VfyPwd; the factory's password is 0
		if len(c.params) != 4 || binary.BigEndian.Uint32(c.params) != 0 {
			return d.ack(line, badPassword)
		}
		return d.ack(line, done)
	case 0x35: // AuraLedConfig
		if d.model.RingLight && len(c.params) == 4 {
			return d.ack(line, done)
		}
	}
	return d.ack(line, unknown)
}

func (d *Device) genImg() byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.finger == nil {
		return noFinger
	}
	d.image = d.finger
	return done
}

// sysPara is the 16-byte parameter table of ReadSysPara.
func (d *Device) sysPara() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b []byte
	for _, v := range []uint16{0, d.model.System, d.model.Capacity, 3, address >> 16, address & 0xffff, d.size, uint16(d.baud / 9600)} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// setPara acknowledges at the old speed and changes afterwards.
func (d *Device) setPara(line Line, params []byte) error {
	if len(params) != 2 {
		return d.ack(line, badPacket)
	}
	value := params[1]
	switch params[0] {
	case 4:
		if value != 1 && value != 2 && value != 4 && value != 6 && value != 12 {
			return d.ack(line, badContent)
		}
		if err := d.ack(line, done); err != nil {
			return err
		}
		d.mu.Lock()
		d.baud = int(value) * 9600
		d.mu.Unlock()
		return nil
	case 6:
		if value > 3 {
			return d.ack(line, badContent)
		}
		d.mu.Lock()
		d.size = uint16(value)
		d.mu.Unlock()
		return d.ack(line, done)
	}
	return d.ack(line, badRegister)
}

// upImage sends the buffer, two pixels a byte, the first in the high nibble. It
// sends on when nobody listens any more, as a UART without flow control does.
func (d *Device) upImage(line Line) error {
	d.mu.Lock()
	image, size := d.image, 32<<d.size
	d.mu.Unlock()
	if image == nil {
		return d.ack(line, noImage)
	}
	if err := d.ack(line, done); err != nil {
		return err
	}
	packed := make([]byte, len(image)/2)
	for i := range packed {
		packed[i] = image[2*i]&0xf0 | image[2*i+1]>>4
	}
	began, sent := time.Now(), 0
	for len(packed) > 0 {
		kind := byte(2)
		if len(packed) <= size {
			kind = 8
		}
		n := min(size, len(packed))
		wire := frame(kind, packed[:n])
		if err := d.transmit(line, wire); err != nil {
			return err
		}
		packed, sent = packed[n:], sent+len(wire)
		d.keepPace(began, sent)
	}
	return nil
}

// keepPace waits until sent bytes of ten bits each could have left the UART.
func (d *Device) keepPace(began time.Time, sent int) {
	if d.paced {
		time.Sleep(time.Until(began.Add(time.Duration(sent) * 10 * time.Second / time.Duration(d.Baud()))))
	}
}

func (d *Device) ack(line Line, code byte, more ...byte) error {
	return d.transmit(line, frame(7, append([]byte{code}, more...)))
}

// transmit sends wire; at a speed the other side does not listen at, it is lost.
func (d *Device) transmit(line Line, wire []byte) error {
	theirs, err := line.Baud()
	if err != nil {
		return fmt.Errorf("read line speed: %w", err)
	}
	if theirs != d.Baud() {
		return nil
	}
	if _, err := line.Write(wire); err != nil {
		return fmt.Errorf("write line: %w", err)
	}
	return nil
}

func frame(kind byte, content []byte) []byte {
	b := []byte{0xef, 0x01, 0xff, 0xff, 0xff, 0xff, kind, 0, 0}
	binary.BigEndian.PutUint16(b[7:], uint16(len(content)+2))
	b = append(b, content...)
	var sum uint16
	for _, v := range b[6:] {
		sum += uint16(v)
	}
	return binary.BigEndian.AppendUint16(b, sum)
}
