package lds

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// within says that every image is part of the file and within the bounds. Octet
// strings in pieces are put together and may not be.
func within(t *testing.T, file []byte, list []Image) {
	t.Helper()
	if len(list) == 0 || len(list) > maxBlocks {
		t.Fatalf("%d images", len(list))
	}
	for _, i := range list {
		if len(i.Data) > len(file) || i.Width > maxSide || i.Height > maxSide || i.Width < 0 || i.Height < 0 || i.Type == "" {
			t.Fatalf("image of %d bytes, %dx%d", len(i.Data), i.Width, i.Height)
		}
	}
}

func FuzzCOM(f *testing.F) {
	f.Add([]byte{0x60, 0x04, 0x5C, 0x02, 0x61, 0x75})
	f.Add(unhex(f, "60185F0104303130375F36063034303030305C0661756D6E6F6E"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCOM(b); err == nil && len(c.Groups) > 16 {
			t.Fatal("more data groups than there are")
		}
	})
}

func FuzzDG1(f *testing.F) {
	f.Add(object(0x61, object(0x5F1F, []byte("IDVNM1900000118099190000011<<49001158F3001156VNM<<<<<<<<<<<6NGUYEN<<THI<ANH<TUYET<<<<<<<<<"))))
	f.Add(object(0x61, object(0x5F1F, []byte("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"))))
	f.Add([]byte{0x61, 0x03, 0x5F, 0x1F, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDG1(b, today); err == nil && (d.Number == "" && d.PersonalNumber != "" || len(d.Lines) < 2) {
			t.Fatal("an incomplete zone was accepted")
		}
	})
}

func FuzzDG2(f *testing.F) {
	f.Add(template(0x75, record(facial(0, jpeg))))
	f.Add(template(0x75, record(facial(2, jp2, codes))))
	f.Add(template(0x75, object(0x7F2E, object(0xA1, faceBlock(jpeg, codes)))))
	f.Add([]byte{0x75, 0x82, 0xFF, 0xFF, 0x7F, 0x61, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := ParseDG2(b); err == nil {
			within(t, b, list)
		}
	})
}

func FuzzDG3(f *testing.F) {
	f.Add(template(0x63, record(fingers(0, 2, 7))))
	f.Add(template(0x63, record(fingers(2, 1))))
	f.Add(object(0x63, object(0x7F61, []byte{2, 1, 0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseDG3(b)
		if err != nil {
			return
		}
		for _, i := range list {
			if !bytes.Contains(b, i.Data) || i.Position < 0 || i.Position > 10 || i.Compression == FingerRaw && len(i.Data) < i.Width*i.Height {
				t.Fatal("a finger is not what the file holds")
			}
		}
	})
}

func FuzzDG7(f *testing.F) {
	f.Add(object(0x67, []byte{2, 1, 1}, object(0x5F43, jpeg)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := ParseDG7(b); err == nil {
			within(t, b, list)
		}
	})
}

func FuzzDG11(f *testing.F) {
	f.Add(object(0x6B, object(0x5C, []byte{0x5F, 0x0E}), object(0x5F0E, []byte("SMITH<<JOHN")), object(0xA0, []byte{2, 1, 1}, object(0x5F0F, []byte("X"))), object(0x5F2B, []byte("19740812"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseDG11(b); err == nil && (!utf8.ValidString(p.Name+p.Address) || len(p.OtherNames) > maxBlocks) {
			t.Fatal("text is not valid")
		}
	})
}

func FuzzDG12(f *testing.F) {
	f.Add(object(0x6C, object(0x5F19, []byte("UTOPIA")), object(0x5F26, []byte("20020531")), object(0x5F1D, jpeg), object(0x5F55, []byte{0x20, 2, 5, 0x31, 8, 0, 0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := ParseDG12(b); err == nil && (!utf8.ValidString(i.Authority) || len(i.Issued) != 0 && len(i.Issued) != 10) {
			t.Fatal("text or date is not valid")
		}
	})
}

func FuzzDG16(f *testing.F) {
	f.Add(object(0x70, []byte{2, 1, 1}, object(0xA1, object(0x5F50, []byte("20020101")), object(0x5F51, []byte("SMITH<<CHARLES")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := ParseDG16(b); err == nil && len(list) > maxBlocks {
			t.Fatal("too many contacts")
		}
	})
}
