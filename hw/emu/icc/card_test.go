package icc

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
)

// testChip holds files of known content: EF.COM of 24 bytes, DG2 of 70,000.
func testChip() *lds.Chip {
	long := make([]byte, 70000)
	for i := range long {
		long[i] = byte(i ^ i>>8)
	}
	return &lds.Chip{
		BAC:          exampleMRZ,
		NoMasterFile: true,
		Files:        map[uint16][]byte{lds.EFCom: []byte("EF.COM of 24 bytes......"), lds.DG(2): long},
		Locked:       map[uint16]bool{lds.DG(3): true},
		Master:       map[uint16][]byte{0x2F01: []byte("free")},
	}
}

func newCard(t testing.TB, o Options) (*Card, *icctest.Terminal) {
	t.Helper()
	card, err := New(testChip(), o)
	if err != nil {
		t.Fatal(err)
	}
	return card, &icctest.Terminal{Transmit: func(b []byte) ([]byte, error) { return card.Process(b), nil }}
}

func openCard(t testing.TB, o Options) *icctest.Terminal {
	t.Helper()
	_, terminal := newCard(t, o)
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("basic access control: %04X, %v", sw, err)
	}
	return terminal
}

// TestPlain sends plain commands in order to a card just powered.
func TestPlain(t *testing.T) {
	const app = "00A4040C07A0000002471001"
	for _, c := range []struct{ name, commands, status string }{
		{"select master file", "00A4000C023F00 00A4000C", "6D00 6D00"},
		{"select application", app, "9000"},
		{"select unknown application", "00A4040C07A0000002471002", "6A82"},
		{"no EF.CardAccess", "00A4020C02011C 00B09C0008", "6A82 6A82"},
		{"file under the master file", "00A4020C022F01 00B0000000", "9000 9000"},
		{"file under the master file, by the application", app + " 00A4020C022F01", "9000 6982"},
		{"select file before access", app + " 00A4020C02011E 00A4020C020102 00A4020C020199", "9000 6982 6982 6982"},
		{"read before access", app + " 00B0000000 00B09E0000 00B08200000000", "9000 6982 6982 6982"},
		{"read by odd instruction before access", app + " 00B1001E0354010000", "9000 6982"},
		{"file under the master file stays unread", "00A4020C022F01 " + app + " 00B0000000", "9000 9000 6982"},
		{"challenge before application", "0084000008", "6985"},
		{"authenticate without challenge", app + " 0082000028" + strings.Repeat("00", 40) + "28", "9000 6985"},
		{"authenticate with garbage", app + " 0084000008 0082000028" + strings.Repeat("00", 40) + "28", "9000 9000 6300"},
		{"challenge serves once", app + " 0084000008 0082000028" + strings.Repeat("00", 40) + "28 0082000028" + strings.Repeat("00", 40) + "28", "9000 9000 6300 6985"},
		{"authenticate too short", app + " 0084000008 008200000401020304", "9000 9000 6700"},
		{"protected without session", "0CB000000D9701048E08ED6705417E96BA5500", "6982"},
		{"unknown instruction", app + " 00DA0000", "9000 6D00"},
		{"unknown class", "80CA000000", "6E00"},
		{"malformed", "00 00A404 00A4040C07A0 00A4000000000001", "6700 6700 6700 6700"},
	} {
		_, terminal := newCard(t, Options{})
		var got []string
		for _, s := range strings.Fields(c.commands) {
			_, sw, err := terminal.Plain(unhex(t, s)...)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%04X", sw))
		}
		if s := strings.Join(got, " "); s != c.status {
			t.Errorf("%s: %s, want %s", c.name, s, c.status)
		}
	}
}

// TestProtected sends one command each in a fresh session.
func TestProtected(t *testing.T) {
	chip := testChip()
	com, dg2 := chip.Files[lds.EFCom], chip.Files[lds.DG(2)]
	for _, c := range []struct {
		name        string
		max         int
		ins, p1, p2 byte
		data        string
		ne          int
		want        []byte
		status      uint16
	}{
		{"select file", 0, 0xA4, 0x02, 0x0C, "011E", 0, nil, swOK},
		{"select missing file", 0, 0xA4, 0x02, 0x0C, "010B", 0, nil, swNotFound},
		{"select locked file", 0, 0xA4, 0x02, 0x0C, "0103", 0, nil, swLocked},
		{"read locked file", 0, 0xB0, 0x83, 0, "", 8, nil, swLocked},
		{"read nothing selected", 0, 0xB0, 0, 0, "", 8, nil, swNoFile},
		{"read by short identifier", 0, 0xB0, 0x9E, 4, "", 8, com[4:12], swOK},
		{"read all there is", 0, 0xB0, 0x9E, 4, "", 256, com[4:], swOK},
		{"read past the end", 0, 0xB0, 0x9E, 20, "", 8, com[20:], swEndOfFile},
		{"read beyond the end", 0, 0xB0, 0x9E, 24, "", 8, nil, swWrongOffset},
		{"read without length", 0, 0xB0, 0x9E, 0, "00", 0, nil, swWrongLength},
		{"read 60,000 bytes", 0, 0xB0, 0x82, 0, "", 60000, dg2[:60000], swOK},
		{"read all that fits", 0, 0xB0, 0x82, 0, "", 65536, dg2[:65511], swOK},
		{"read all that fits a small card", 1000, 0xB0, 0x82, 0, "", 65536, dg2[:975], swOK},
		{"read at a far offset", 0, 0xB1, 0, 2, "540301117000", 0, nil, swWrongLength},
		{"read by data object", 0, 0xB1, 0, 2, "540300FFF0", 18, append([]byte{0x53, 16}, dg2[0xFFF0:0xFFF0+16]...), swOK},
		{"read by data object, file identifier", 0, 0xB1, 1, 0x1E, "540104", 6, append([]byte{0x53, 4}, com[4:8]...), swOK},
	} {
		terminal := openCard(t, Options{MaxResponse: c.max})
		got, sw, err := terminal.Protected(c.ins, c.p1, c.p2, unhex(t, c.data), c.ne)
		if err != nil || sw != c.status || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %04X with %d bytes (%v), want %04X with %d", c.name, sw, len(got), err, c.status, len(c.want))
		}
		// Whatever the status was, the session lives.
		if got, sw, err := terminal.Protected(0xB0, 0x9E, 0, nil, 6); err != nil || sw != swOK || string(got) != "EF.COM" {
			t.Errorf("%s: the session is lost: %04X, %v", c.name, sw, err)
		}
	}
}

// TestSessionEnds breaks the rules of secure messaging and wants the status
// word, and then no access to anything.
func TestSessionEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken func(good []byte) []byte
		status uint16
	}{
		{"plain read", func([]byte) []byte { return []byte{0x00, 0xB0, 0x9E, 0, 6} }, swLocked},
		{"plain select", func([]byte) []byte { return icctest.SelectApplication }, swLocked},
		{"checksum altered", func(b []byte) []byte { b[len(b)-3] ^= 1; return b }, swSMIncorrect},
		{"header altered", func(b []byte) []byte { b[3] ^= 1; return b }, swSMIncorrect},
		{"expected length altered", func(b []byte) []byte { b[9] ^= 1; return b }, swSMIncorrect},
		{"no checksum", func(b []byte) []byte { return []byte{0x0C, 0xB0, 0x9E, 0, 3, 0x97, 1, 6, 0} }, swSMMissing},
		{"no objects", func(b []byte) []byte { return []byte{0x0C, 0xB0, 0x9E, 0, 6} }, swSMMissing},
		{"garbage objects", func(b []byte) []byte { return []byte{0x0C, 0xB0, 0x9E, 0, 2, 0x97, 9, 0} }, swSMIncorrect},
	} {
		terminal := openCard(t, Options{})
		good, err := terminal.Wrap(0xB0, 0x9E, 0, nil, 6)
		if err != nil {
			t.Fatal(err)
		}
		if data, sw, err := terminal.Plain(c.broken(bytes.Clone(good))...); err != nil || sw != c.status || len(data) > 0 {
			t.Errorf("%s: %04X with %d bytes, want %04X", c.name, sw, len(data), c.status)
		}
		if _, sw, _ := terminal.Plain(good...); sw != swLocked {
			t.Errorf("%s: the session answers %04X afterwards", c.name, sw)
		}
		if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
			t.Errorf("%s: access cannot be proven again: %04X, %v", c.name, sw, err)
		}
	}
}

func TestReplayIsRefused(t *testing.T) {
	terminal := openCard(t, Options{})
	command, err := terminal.Wrap(0xB0, 0x9E, 0, nil, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint16{swOK, swSMIncorrect} {
		if _, sw, err := terminal.Plain(command...); err != nil || sw != want {
			t.Errorf("time %d: %04X, want %04X", i+1, sw, want)
		}
	}
}

func TestWrongKeyOpensNothing(t *testing.T) {
	_, terminal := newCard(t, Options{})
	if sw, err := terminal.Open("L898902C<369080619406235"); err != nil || sw != swAuthFailed {
		t.Errorf("%04X, %v, want %04X", sw, err, swAuthFailed)
	}
	if _, sw, _ := terminal.Plain(0x00, 0xB0, 0x9E, 0, 6); sw != swLocked {
		t.Errorf("a file is read after a failed authentication: %04X", sw)
	}
}

func TestShortCard(t *testing.T) {
	_, terminal := newCard(t, Options{MaxResponse: 256})
	if _, sw, err := terminal.Plain(0x00, 0xB0, 0, 0, 0, 0, 0); err != nil || sw != swWrongLength {
		t.Errorf("extended length on a short card: %04X, want %04X", sw, swWrongLength)
	}
}

func TestResetEndsAccess(t *testing.T) {
	card, terminal := newCard(t, Options{})
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	card.Reset()
	if _, sw, err := terminal.Protected(0xB0, 0x9E, 0, nil, 6); err != nil || sw != swLocked {
		t.Errorf("%04X after reset, want %04X", sw, swLocked)
	}
}

func TestUnknownFault(t *testing.T) {
	if _, err := New(testChip(), Options{Fault: "no-such"}); err == nil {
		t.Error("an unknown fault is accepted")
	}
}
