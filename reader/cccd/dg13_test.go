package cccd_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/enrold/enrold/reader/cccd"
	"github.com/enrold/enrold/reader/tlv"
)

func item(n byte, tag uint32, value string) []byte {
	return tlv.Append(nil, 0x30, append([]byte{2, 1, n}, tlv.Append(nil, tag, []byte(value))...))
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func wrap(content []byte, tags ...uint32) []byte {
	for _, t := range tags {
		content = tlv.Append(nil, t, content)
	}
	return content
}

func TestParseEnvelopes(t *testing.T) {
	items := join(
		item(1, 0x13, "099190000011"), item(2, 0x0C, "NGUYE\u0302\u0303N THI\u0323 A\u0301NH"),
		item(3, 0x13, "15/01/1990"), item(4, 0x0C, "Nữ"), item(5, 0x0C, "Việt Nam"),
		item(9, 0x0C, "Số 1 \u00D0ường Mẫu"), item(11, 0x13, "02/07/2024"), item(12, 0x0C, "Không thời hạn"),
		wrap(join([]byte{2, 1, 13}, wrap([]byte("A"), 0x0C, 0x30), wrap([]byte("B"), 0x0C, 0x30)), 0x30),
		wrap([]byte{2, 1, 14}, 0x30), item(15, 0x13, "012345678"), item(16, 0x13, "0123456789ABCDEF"),
		item(17, 0x13, "later"),
	)
	for name, tags := range map[string][]uint32{
		"bare":                  {0x6D},
		"in a sequence":         {0x30, 0x6D},
		"in a set and a tag":    {0x31, 0x7F61, 0x6D},
		"in an octet string":    {0x30, 0x04, 0x6D},
		"two sequences deep":    {0x30, 0x30, 0x6D},
		"in a context-specific": {0x30, 0xA0, 0x6D},
	} {
		d, err := cccd.Parse(wrap(items, tags...))
		want := cccd.Data{
			Number: "099190000011", Name: "NGUYỄN THỊ ÁNH", Birth: "1990-01-15", Sex: "F", Nationality: "Việt Nam",
			Residence: "Số 1 Đường Mẫu", Issued: "2024-07-02", Unlimited: true, OldNumber: "012345678",
		}
		if err != nil || d != want {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":       nil,
		"another tag": wrap(item(1, 0x13, "099190000011"), 0x6C),
		"cut short":   wrap(item(1, 0x13, "099190000011"), 0x6D)[:10],
		"no items":    wrap([]byte{4, 2, 1, 1}, 0x6D),
		"too large":   wrap(make([]byte, 70<<10), 0x6D),
	} {
		if d, err := cccd.Parse(b); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	// Values that are no text are passed over, not taken half.
	d, err := cccd.Parse(wrap(join(item(1, 0x13, "1"), item(2, 0x0C, "A\xFF"), item(3, 0x13, "31/02/1990"), item(9, 0x0C, "a\x00b")), 0x6D))
	if err != nil || d.Name != "" || d.Birth != "" || d.Residence != "" {
		t.Errorf("%+v %v", d, err)
	}
}

func TestSharedVector(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/data/vectors.json")
	if err != nil {
		t.Skip("shared vectors are not on this machine")
	}
	var v struct {
		DG13 string `json:"dg13_synthetic_hex"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(v.DG13)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cccd.Parse(b)
	want := cccd.Data{
		Number: "099190000011", Name: "Nguyễn Thị Ánh Tuyết", Birth: "1990-01-15", Sex: "F", Nationality: "Việt Nam",
		PlaceOfOrigin: "Phường Mẫu, Hà Nội", Residence: "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
		Issued: "2024-07-20", Expiry: "2030-01-15", OldNumber: "012345678",
	}
	if err != nil || d != want {
		t.Errorf("%+v %v", d, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(wrap(join(item(1, 0x13, "099190000011"), item(2, 0x0C, "Nguyễn")), 0x30, 0x6D))
	f.Add(wrap([]byte{2, 1, 13, 0x30, 0x80}, 0x30, 0x6D))
	f.Add([]byte{0x6D, 0x82, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := cccd.Parse(b)
		if err != nil {
			return
		}
		if len(d.Name) > 4*1024 || len(d.Birth) != 0 && len(d.Birth) != 10 || d.OldNumber != "" && len(d.OldNumber) != 9 {
			t.Fatal("value out of bounds")
		}
	})
}
