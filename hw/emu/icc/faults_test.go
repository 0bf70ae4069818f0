package icc

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/enrold/enrold/hw/emu/icc/icctest"
	"github.com/enrold/enrold/hw/emu/lds"
)

// TestStatusAtCommand counts commands from the power on; basic access control
// takes three.
func TestStatusAtCommand(t *testing.T) {
	terminal := openCard(t, Options{Fault: "sw@4=6A82"})
	if _, sw, err := terminal.Protected(insSelect, 2, 0x0C, []byte{1, 0x1E}, 0); err != nil || sw != swNotFound {
		t.Errorf("fourth command: %04X, %v", sw, err)
	}
	if _, sw, err := terminal.Protected(insSelect, 2, 0x0C, []byte{1, 0x1E}, 0); err != nil || sw != swOK {
		t.Errorf("the session is lost: %04X, %v", sw, err)
	}

	card, terminal := newCard(t, Options{Fault: "plain-sw@4=6F00"})
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	command, err := terminal.Wrap(insSelect, 2, 0x0C, []byte{1, 0x1E}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if answer := card.Process(command); !bytes.Equal(answer, []byte{0x6F, 0x00}) {
		t.Errorf("plain status word: %X", answer)
	}
	if _, sw, err := terminal.Protected(insSelect, 2, 0x0C, []byte{1, 0x1E}, 0); err != nil || sw != swLocked {
		t.Errorf("the session lives: %04X, %v", sw, err)
	}
}

func TestRemoval(t *testing.T) {
	card, terminal := newCard(t, Options{Fault: "removal@2"})
	if _, sw, err := terminal.Plain(icctest.SelectApplication...); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	for range 2 {
		if answer := card.Process([]byte{0x00, 0x84, 0, 0, 8}); answer != nil {
			t.Errorf("a pulled card answers %X", answer)
		}
	}
}

func TestWrongChecksum(t *testing.T) {
	terminal := openCard(t, Options{Fault: "sm-mac-error@4"})
	if _, _, err := terminal.Protected(insReadBinary, 0x9E, 0, nil, 6); err == nil {
		t.Error("a wrong checksum is not seen")
	}
}

func TestSlow(t *testing.T) {
	var slept []time.Duration
	card, _ := newCard(t, Options{Fault: "slow=250", Sleep: func(d time.Duration) { slept = append(slept, d) }})
	card.Process(icctest.SelectApplication)
	card.Process(icctest.SelectApplication)
	if !slices.Equal(slept, []time.Duration{250 * time.Millisecond, 250 * time.Millisecond}) {
		t.Errorf("slept %v", slept)
	}
}

// TestExactLength follows 6Cxx through a file and gets it whole.
func TestExactLength(t *testing.T) {
	terminal := openCard(t, Options{Fault: "le-6cxx"})
	want := testChip().Files[lds.DG(2)][:1000]
	var got []byte
	for p1, ask := byte(0x82), 256; len(got) < 200; p1 = 0 { // the short identifier leaves 8 bits of offset
		data, sw, err := terminal.Protected(insReadBinary, p1, byte(len(got)), nil, ask)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case sw&0xFF00 == swExact:
			ask = int(sw & 0xFF)
		case sw == swOK && len(data) == ask:
			got = append(got, data...)
		default:
			t.Fatalf("%04X, %d bytes", sw, len(data))
		}
	}
	if !bytes.Equal(got, want[:len(got)]) || len(got) != exactLimit {
		t.Errorf("%d bytes read, or wrong ones", len(got))
	}
	if _, sw, err := terminal.Protected(insReadBinary, 0x9E, 20, nil, 9); err != nil || sw != swExact|4 {
		t.Errorf("past the end: %04X, %v", sw, err)
	}
	if _, sw, err := terminal.Protected(insReadBinaryBT, 0, 0x1E, []byte{0x54, 1, 20}, 11); err != nil || sw != swExact|6 {
		t.Errorf("past the end by data object: %04X, %v", sw, err)
	}
}

// TestPieces fetches a long answer with GET RESPONSE.
func TestPieces(t *testing.T) {
	card, err := New(testChip(), Options{Fault: "more-61xx"})
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	terminal := &icctest.Terminal{Transmit: func(b []byte) ([]byte, error) {
		answer := card.Process(b)
		for answer[len(answer)-2] == 0x61 {
			pieces++
			more := card.Process([]byte{0x00, insResponse, 0, 0, answer[len(answer)-1]})
			answer = append(answer[:len(answer)-2], more...)
		}
		return answer, nil
	}}
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	got, sw, err := terminal.Protected(insReadBinary, 0x82, 0, nil, 500)
	if err != nil || sw != swOK || !bytes.Equal(got, testChip().Files[lds.DG(2)][:500]) || pieces != 5 {
		t.Errorf("%04X, %d bytes in %d pieces, %v", sw, len(got), pieces, err)
	}
	if answer := card.Process([]byte{0x00, insResponse, 0, 0, 0}); word(answer) != swConditions {
		t.Errorf("GET RESPONSE without anything waiting: %X", answer)
	}
}

// TestPACEFails wants basic access control to work after the application was
// selected again, and not before.
func TestPACEFails(t *testing.T) {
	p := lds.PACE{Mapping: lds.Generic, Group: group(t, "secp256r1"), Cipher: lds.AES128}
	chip := paceChip(p)
	chip.NoBAC = false
	_, terminal := terminalFor(t, chip, Options{Fault: "pace-fails"})
	if _, sw, err := terminal.Plain(icctest.SelectApplication...); err != nil || sw != swOK {
		t.Fatalf("%04X, %v", sw, err)
	}
	if _, sw, err := terminal.PACE(p, icctest.MRZ, secret(icctest.MRZ)); err != nil || sw != swLocked {
		t.Errorf("PACE: %04X, %v", sw, err)
	}
	if _, sw, err := terminal.Plain(0x00, insChallenge, 0, 0, 8); err != nil || sw != swLocked {
		t.Errorf("challenge at once: %04X, %v", sw, err)
	}
	if sw, err := terminal.Open(exampleMRZ); err != nil || sw != swOK {
		t.Errorf("basic access control: %04X, %v", sw, err)
	}
}

func TestFaultNames(t *testing.T) {
	for _, bad := range []string{
		"no-such", "sw@0=9000", "sw@x=9000", "sw=9000", "sw@1=XYZ", "removal", "removal@2=1", "slow=-1", "slow=99999",
		"slow", "tries=x", "tries=16", "sm-mac-error", "le-6cxx=1", "sw@1=6A82,no-such",
	} {
		if _, err := New(testChip(), Options{Fault: bad}); err == nil {
			t.Errorf("fault %q is accepted", bad)
		}
	}
	f, damages, err := parseFaults("sw@1=6A82,wrong-signer,slow=5,,sw@7=6F00,tries=2,expired-dsc")
	if err != nil || f.protected[1] != 0x6A82 || f.protected[7] != 0x6F00 || f.slow != 5*time.Millisecond || f.tries != 2 ||
		!slices.Equal(damages, []string{"wrong-signer", "expired-dsc"}) {
		t.Errorf("list of faults: %+v, %v, %v", f, damages, err)
	}
}
