package emrtd

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/mrz"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// transcript is a card that expects each command and answers as recorded.
type transcript struct {
	t     testing.TB
	lines [][2]string
}

func (s *transcript) Transmit(_ context.Context, cmd []byte) ([]byte, error) {
	if len(s.lines) == 0 {
		return nil, errors.New("nothing more in the transcript")
	}
	want, answer := unhex(s.t, s.lines[0][0]), unhex(s.t, s.lines[0][1])
	s.lines = s.lines[1:]
	if !bytes.Equal(cmd, want) {
		s.t.Errorf("sent %X, want %X", cmd, want)
	}
	return answer, nil
}

// The worked example of Doc 9303-11 appendix D, to the byte: keys, mutual
// authentication, then selecting and reading EF.COM in pieces of 4 and 18 bytes.
func TestWorkedExampleOfAppendixD(t *testing.T) {
	key := mrz.Key{Number: "L898902C", Birth: "690806", Expiry: "940623"}
	if key.Information() != "L898902C<369080619406236" {
		t.Fatal(key.Information())
	}
	card := &transcript{t, [][2]string{
		{"00A4040C07A0000002471001", "9000"},
		{"0084000008", "4608F919887022129000"},
		{
			"0082000028 72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2 5F1448EEA8AD90A7 28",
			"46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F 2F2D235D074D7449 9000",
		},
		{"0CA4020C15 8709016375432908C044F6 8E08BF8B92D635FF24F8 00", "990290008E08FA855A5D4C50A8ED9000"},
		{"0CB000000D 970104 8E08ED6705417E96BA55 00", "8709019FF0EC34F99226 51990290008E08AD55CC17140B2DED9000"},
		{"0CB000040D 970112 8E082EA28A70F3C7B535 00", "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000"},
	}}
	ch := apdu.NewChannel(card)
	random := bytes.NewReader(unhex(t, "781723860C06C226 0B795240CB7049B01C19B33E32804F0B"))
	w := bac{key, random}
	s, err := w.session(context.Background(), ch)
	if err != nil {
		t.Fatal(err)
	}
	c := &Chip{card: ch, session: s, way: w, inside: true, maxLe: 231}
	if err := c.selectFile(context.Background(), COM); err != nil {
		t.Fatal(err)
	}
	a, sw, err := c.read(context.Background(), 0, 4)
	if err != nil || sw != apdu.OK {
		t.Fatal(sw, err)
	}
	b, sw, err := c.read(context.Background(), 4, 18)
	if err != nil || sw != apdu.OK {
		t.Fatal(sw, err)
	}
	if want := unhex(t, "60145F0104303130365F36063034303030305C026175"); !bytes.Equal(append(a, b...), want) {
		t.Errorf("EF.COM is %X%X", a, b)
	}
	if len(card.lines) != 0 || ch.APDUs() != 6 {
		t.Errorf("%d lines left, %d commands", len(card.lines), ch.APDUs())
	}
}

func TestRefusedKey(t *testing.T) {
	for sw, want := range map[string]error{"6300": ErrAccessDenied, "6982": ErrAccessDenied, "6985": ErrAccessDenied, "6988": ErrAccessDenied, "6983": ErrBlocked} {
		card := &transcript{t, [][2]string{
			{"00A4040C07A0000002471001", "9000"},
			{"0084000008", "4608F919887022129000"},
			{"0082000028 72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2 5F1448EEA8AD90A7 28", sw},
		}}
		random := bytes.NewReader(unhex(t, "781723860C06C226 0B795240CB7049B01C19B33E32804F0B"))
		_, err := bac{mrz.Key{Number: "L898902C", Birth: "690806", Expiry: "940623"}, random}.session(context.Background(), apdu.NewChannel(card))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", sw, err)
		}
	}
}
