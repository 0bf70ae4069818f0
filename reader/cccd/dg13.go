// Package cccd reads what Vietnamese identity cards (CCCD 2021, Căn cước 2024)
// carry beside the ICAO files: the person data in DG13. Their layout is not
// published. It was reconstructed from cards by others, so the parser takes
// items wherever it finds them and treats each as optional.
package cccd

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

// Data is the content of DG13. Absent items are empty. Text is NFC as on the card.
type Data struct {
	Number        string // twelve digits
	Name          string
	Birth         eid.Date
	Sex           string // M, F, or ""
	Nationality   string // "Việt Nam"
	PlaceOfOrigin string
	Residence     string
	Issued        eid.Date
	Expiry        eid.Date
	Unlimited     bool   // expiry is "Không thời hạn"
	OldNumber     string // nine digits
}

// Numbers of the items of DG13. Ethnicity (6), religion (7), identifying
// features (10), parents (13) and spouse (14) are passed over: no procedure
// asks for them, and what is not read cannot leak.
const (
	itemNumber      = 1
	itemName        = 2
	itemBirth       = 3
	itemSex         = 4
	itemNationality = 5
	itemOrigin      = 8
	itemResidence   = 9
	itemIssued      = 11
	itemExpiry      = 12
	itemOldNumber   = 15
	itemLast        = 16
)

const (
	tagDG13        = 0x6D
	tagInteger     = 0x02
	tagOctetString = 0x04
	tagSequence    = 0x30

	maxBytes = 64 << 10
	maxDepth = 8
	maxText  = 1024
)

// Parse reads DG13. It fails only when the file is no DG13 or holds no item.
func Parse(file []byte) (Data, error) {
	if len(file) > maxBytes {
		return Data{}, errors.New("DG13: file is too large")
	}
	o, _, err := tlv.Next(file)
	if err != nil || o.Tag != tagDG13 {
		return Data{}, errors.New("DG13: tag 6D is missing or the file is cut short")
	}
	items := make(map[int]string)
	walk(o.Value, 0, items)
	if len(items) == 0 {
		return Data{}, errors.New("DG13: no item is found")
	}
	d := Data{
		Number: items[itemNumber], Name: items[itemName], Birth: date(items[itemBirth]),
		Sex: sex(items[itemSex]), Nationality: items[itemNationality],
		PlaceOfOrigin: items[itemOrigin], Residence: items[itemResidence],
		Issued: date(items[itemIssued]), Expiry: date(items[itemExpiry]),
	}
	d.Unlimited = d.Expiry == "" && strings.EqualFold(items[itemExpiry], "Không thời hạn")
	// Sources differ on whether the old number is item 15 or 16.
	for _, n := range []int{itemOldNumber, itemLast} {
		if d.OldNumber == "" && isDigits(items[n], 9) {
			d.OldNumber = items[n]
		}
	}
	return d, nil
}

// walk looks for items in every list of objects below b. Objects that do not
// decode end their list only: the envelope around the items is unknown, so a
// primitive object may turn out to be no list.
func walk(b []byte, depth int, items map[int]string) {
	if depth > maxDepth {
		return
	}
	for len(b) > 0 {
		o, rest, err := tlv.Next(b)
		if err != nil {
			return
		}
		b = rest
		if n, text, ok := item(o); ok {
			if _, seen := items[n]; !seen {
				items[n] = text
			}
			continue
		}
		if o.Constructed() || o.Tag == tagOctetString {
			walk(o.Value, depth+1, items)
		}
	}
}

// item reads SEQUENCE { INTEGER 1..16, value }. The value of a known single
// item is a string; anything else counts as empty.
func item(o tlv.Object) (n int, text string, ok bool) {
	if o.Tag != tagSequence {
		return 0, "", false
	}
	id, rest, err := tlv.Next(o.Value)
	if err != nil || id.Tag != tagInteger || len(id.Value) != 1 {
		return 0, "", false
	}
	if n = int(id.Value[0]); n < itemNumber || n > itemLast {
		return 0, "", false
	}
	if v, _, err := tlv.Next(rest); err == nil {
		text = stringOf(v)
	}
	return n, text, true
}

// stringOf reads the string types of ASN.1 that are subsets of UTF-8.
func stringOf(o tlv.Object) string {
	switch o.Tag {
	case 0x0C, 0x12, 0x13, 0x16, 0x1A: // UTF8, Numeric, Printable, IA5, Visible
	default:
		return ""
	}
	if len(o.Value) > maxText || !utf8.Valid(o.Value) || strings.ContainsFunc(string(o.Value), isControl) {
		return ""
	}
	// U+00D0 looks like Đ (U+0110) and is found on cards.
	s := strings.ReplaceAll(norm.NFC.String(string(o.Value)), "\u00D0", "Đ")
	return strings.TrimSpace(s)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7F }

// date reads dd/mm/yyyy; anything else is no date.
func date(s string) eid.Date {
	t, err := time.Parse("02/01/2006", s)
	if err != nil {
		return ""
	}
	return eid.Date(t.Format(time.DateOnly))
}

func sex(s string) string {
	switch strings.ToLower(s) {
	case "nam":
		return "M"
	case "nữ":
		return "F"
	}
	return ""
}

func isDigits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}
