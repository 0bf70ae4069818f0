package pcsc

import (
	"encoding/binary"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
)

const maxShort = 256

// maxLe combines what driver, protocol and card say of extended lengths.
func maxLe(card *scard.Card, atr []byte, driver int) int {
	if card.ActiveProtocol() == scard.ProtocolT0 {
		return maxShort // T=0 carries extended lengths only in ENVELOPE
	}
	if extended, known := extendedByATR(atr); known && !extended {
		return maxShort
	}
	return driver
}

const (
	getFeatureRequest    = 3400 // CM_IOCTL_GET_FEATURE_REQUEST, PC/SC part 10 §2.2
	featureTLVProperties = 0x12 // FEATURE_GET_TLV_PROPERTIES, §2.5.7
	// Properties, §2.6.14.
	propertyMaxAPDUData = 0x0A // dwMaxAPDUDataSize: 256 is short only
	propertyVendor      = 0x0B // wIdVendor
	propertyProduct     = 0x0C // wIdProduct
)

// driver is what a reader's driver tells of itself.
type driver struct {
	device      profile.Device // USB ids, without a name
	maxAPDUData int            // 0 when it does not tell
}

func driverOf(card *scard.Card) driver {
	features, err := card.Control(scard.CtlCode(getFeatureRequest), nil)
	if err != nil {
		return driver{}
	}
	value, ok := property(features, featureTLVProperties)
	if !ok || len(value) != 4 {
		return driver{}
	}
	properties, err := card.Control(binary.BigEndian.Uint32(value), nil)
	if err != nil {
		return driver{}
	}
	return driver{
		device:      profile.Device{VID: uint16(number(properties, propertyVendor)), PID: uint16(number(properties, propertyProduct))},
		maxAPDUData: int(min(number(properties, propertyMaxAPDUData), 1<<16)),
	}
}

// number reads a little-endian property of at most four bytes; 0 if it is absent.
func number(properties []byte, tag byte) uint32 {
	value, _ := property(properties, tag)
	if len(value) > 4 {
		return 0
	}
	var n uint32
	for i, v := range value {
		n |= uint32(v) << (8 * i)
	}
	return n
}

// property finds a value in a list of tag, length, value with one byte for tag
// and length each.
func property(b []byte, tag byte) ([]byte, bool) {
	for len(b) >= 2 {
		n := int(b[1])
		if len(b) < 2+n {
			return nil, false
		}
		if b[0] == tag {
			return b[2 : 2+n], true
		}
		b = b[2+n:]
	}
	return nil, false
}

// extendedByATR reads the card capabilities among the historical bytes (ISO/IEC
// 7816-3 §8.2, 7816-4 §12.1.1.9). known is false when the card does not tell.
func extendedByATR(atr []byte) (extended, known bool) {
	h := historical(atr)
	if len(h) == 0 || h[0] != 0x80 && h[0] != 0x00 {
		return false, false
	}
	for h = h[1:]; len(h) > 0; {
		tag, n := h[0]>>4, int(h[0]&0x0F)
		if len(h) < 1+n {
			return false, false
		}
		if tag == 7 && n >= 3 {
			return h[3]&0x40 != 0, true
		}
		h = h[1+n:]
	}
	return false, false
}

// historical returns the historical bytes of an ATR: their number stands in T0,
// before them the interface bytes that T0 and each TDi announce.
func historical(atr []byte) []byte {
	if len(atr) < 2 {
		return nil
	}
	n, y, i := int(atr[1]&0x0F), atr[1]>>4, 2
	for {
		td := -1
		for bit := range 4 {
			if y>>bit&1 == 0 {
				continue
			}
			if bit == 3 {
				td = i
			}
			i++
		}
		if td < 0 || td >= len(atr) {
			break
		}
		y = atr[td] >> 4
	}
	if i+n > len(atr) {
		return nil
	}
	return atr[i : i+n]
}
