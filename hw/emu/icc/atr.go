package icc

import "github.com/enrold/enrold/hw/emu/lds/ber"

// efATR is EF.ATR/INFO (Doc 9303-10 §3.11.1), short identifier 1.
const efATR uint16 = 0x2F01

// ATR is that of a contactless card as PC/SC part 3 §3.1.3.2.3 maps it: T=0 and
// T=1 offered, historical bytes with the card's capabilities, check byte.
func (c *Card) ATR() []byte {
	history := append([]byte{0x80, 0x73}, c.abilities()...) // compact TLV: tag 7, three bytes
	atr := append([]byte{0x3B, 0x80 | byte(len(history)), 0x80, 0x01}, history...)
	var check byte
	for _, b := range atr[1:] {
		check ^= b
	}
	return append(atr, check)
}

// abilities is the value of DO'47' (ISO/IEC 7816-4 §12.1.1.9): selection by name,
// by file identifier and by short one; data units of one byte; command chaining
// and, where the card has them, extended lengths stated in EF.ATR/INFO.
func (c *Card) abilities() []byte {
	third := byte(0x80)
	if c.max > 256 {
		third |= 0x60
	}
	return []byte{0x94, 0x01, third}
}

// capabilities is the content of EF.ATR/INFO: DO'47', and DO'7F66' with the most
// bytes of a command and of a response.
func (c *Card) capabilities() []byte {
	out := ber.TLV(0x47, c.abilities())
	if c.max > 256 {
		most := []byte{byte(c.max >> 8), byte(c.max)}
		if most[0]&0x80 != 0 { // an INTEGER with its sign
			most = append([]byte{0}, most...)
		}
		out = append(out, ber.TLV(0x7F66, ber.TLV(0x02, most), ber.TLV(0x02, most))...)
	}
	return out
}
