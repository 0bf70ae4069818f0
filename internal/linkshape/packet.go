package linkshape

import (
	"encoding/binary"
	"net/netip"
)

// packet is an IPv4 packet (RFC 791) that holds a whole TCP header (RFC 9293),
// or something else that is carried as it is.
type packet []byte

const protocolTCP = 6

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

// parse accepts IPv4 packets only: link-local IPv6 chatter of the devices would
// be counted as a desk's traffic.
func parse(data []byte) (packet, bool) {
	p := packet(data)
	if len(p) < 20 || p[0]>>4 != 4 || p.header() < 20 || len(p) < p.header() {
		return nil, false
	}
	return p, true
}

func (p packet) header() int { return int(p[0]&15) * 4 }

// tcp returns the TCP segment, nil for other protocols.
func (p packet) tcp() []byte {
	if p[9] != protocolTCP || len(p) < p.header()+20 {
		return nil
	}
	return p[p.header():]
}

// flow names a connection, the same in both directions.
type flow struct{ low, high netip.AddrPort }

func (p packet) flow() flow {
	t := p.tcp()
	if t == nil {
		return flow{}
	}
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[12:16])), binary.BigEndian.Uint16(t))
	b := netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[16:20])), binary.BigEndian.Uint16(t[2:]))
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return flow{a, b}
}

// opens says whether p is the first packet of a connection.
func (p packet) opens() bool {
	t := p.tcp()
	return t != nil && t[13]&(flagSYN|flagACK) == flagSYN
}

// reset returns the answer to p of a host that knows no such connection (RFC
// 9293 §3.5.2), nil when p needs none.
func (p packet) reset() packet {
	t := p.tcp()
	if t == nil || t[13]&flagRST != 0 {
		return nil
	}
	r := make(packet, 40)
	r[0], r[8], r[9] = 0x45, 64, protocolTCP
	binary.BigEndian.PutUint16(r[2:], 40)
	copy(r[12:16], p[16:20])
	copy(r[16:20], p[12:16])
	binary.BigEndian.PutUint16(r[10:], ^sum(0, r[:20]))
	out := r[20:]
	copy(out[0:2], t[2:4])
	copy(out[2:4], t[0:2])
	out[12] = 5 << 4
	if t[13]&flagACK != 0 {
		copy(out[4:8], t[8:12])
		out[13] = flagRST
	} else {
		length := len(t) - int(t[12]>>4)*4
		if t[13]&(flagSYN|flagFIN) != 0 {
			length++
		}
		binary.BigEndian.PutUint32(out[8:], binary.BigEndian.Uint32(t[4:])+uint32(length))
		out[13] = flagRST | flagACK
	}
	pseudo := make([]byte, 12)
	copy(pseudo, r[12:20])
	pseudo[9], pseudo[11] = protocolTCP, 20
	binary.BigEndian.PutUint16(out[16:], ^sum(sum(0, pseudo), out))
	return r
}

// sum is the ones' complement sum of RFC 1071.
func sum(start uint16, data []byte) uint16 {
	total := uint32(start)
	for ; len(data) > 1; data = data[2:] {
		total += uint32(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		total += uint32(data[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}
