package lds

import (
	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
)

const (
	tagUTF8      = 0x0C
	tagPrintable = 0x13
)

// dg13 returns the Vietnamese personal data: 6D { SEQUENCE { SEQUENCE {
// INTEGER n, value } … } }. The ministry has not published the format; the items
// are those that readers of real cards report. few leaves what the law opens to
// any reader of the 2024 card (Circular 16/2024/TT-BCA article 6).
func dg13(id persons.Identity, few bool) []byte {
	sex := "Nam"
	if id.Sex == "F" {
		sex = "Nữ"
	}
	expiry := text(tagPrintable, slashed(id.Expiry))
	if id.Expiry == "" {
		expiry = text(tagUTF8, "Không thời hạn")
	}
	items := [][]byte{
		item(1, text(tagPrintable, id.PersonalNumber)),
		item(2, text(tagUTF8, id.Name)),
		item(3, text(tagPrintable, slashed(id.Birth))),
		item(4, text(tagUTF8, sex)),
		item(5, text(tagUTF8, "Việt Nam")),
		item(6, text(tagUTF8, "Kinh")),
		item(7, text(tagUTF8, "Không")),
		item(8, text(tagUTF8, id.PlaceOfOrigin)),
		item(9, text(tagUTF8, id.Residence)),
		item(10, text(tagUTF8, "Nốt ruồi cách 1cm dưới trước đuôi mắt trái")),
		item(11, text(tagPrintable, slashed(id.Issued))),
		item(12, expiry),
		item(13, ber.TLV(0x30, text(tagUTF8, "Nguyễn Văn Thử")), ber.TLV(0x30, text(tagUTF8, "Trần Thị Nghiệm"))),
		item(14),
		item(15, text(tagPrintable, "099"+id.PersonalNumber[6:])),
		item(16, text(tagPrintable, "0000"+id.PersonalNumber)),
	}
	if few {
		items = [][]byte{items[0], items[1], items[2], items[3], items[4], items[7], items[11]}
	}
	return ber.TLV(0x6D, ber.TLV(0x30, items...))
}

func item(n byte, values ...[]byte) []byte {
	return ber.TLV(0x30, append([][]byte{ber.TLV(0x02, []byte{n})}, values...)...)
}

func text(tag uint32, s string) []byte { return ber.TLV(tag, []byte(s)) }

// slashed is dd/mm/yyyy.
func slashed(d eid.Date) string {
	if len(d) != len("2006-01-02") {
		return ""
	}
	return string(d[8:10] + "/" + d[5:7] + "/" + d[0:4])
}
