package sm

import (
	"bytes"
	"testing"

	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/tlv"
)

func TestDerive(t *testing.T) {
	for _, c := range []struct {
		name, secret string
		a            Algorithm
		p            Purpose
		want         string
	}{
		{"Doc 9303-11 appendix D.2, encryption", "239AB9CB282DAF66231DC5A4DF6BFBAE", TDES, Enc, "AB94FDECF2674FDFB9B391F85D7F76F2"},
		{"Doc 9303-11 appendix D.2, checksum", "239AB9CB282DAF66231DC5A4DF6BFBAE", TDES, MAC, "7962D9ECE03D1ACD4C76089DCE131543"},
		{"Doc 9303-11 appendix G, password", "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD", AES128, Password, "89DED1B26624EC1E634C1989302849DD"},
		{"Doc 9303-11 appendix G.1, encryption", "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925", AES128, Enc, "F5F0E35C0D7161EE6724EE513A0D9A7F"},
		{"Doc 9303-11 appendix G.1, checksum", "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925", AES128, MAC, "FE251C7858B356B24514B3BD5F4297D1"},
	} {
		if got := c.a.Derive(unhex(t, c.secret), c.p); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%s: %X", c.name, got)
		}
	}
	for a, size := range map[Algorithm]int{TDES: 16, AES128: 16, AES192: 24, AES256: 32} {
		if got := len(a.Derive([]byte{1}, Enc)); got != size {
			t.Errorf("%s: key of %d bytes", a, got)
		}
	}
}

// The CMAC examples of NIST SP 800-38B appendix D, cut to 8 bytes.
func TestCMAC(t *testing.T) {
	const m = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710"
	keys := map[Algorithm]string{
		AES128: "2B7E151628AED2A6ABF7158809CF4F3C",
		AES192: "8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B",
		AES256: "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4",
	}
	for _, c := range []struct {
		a     Algorithm
		bytes int
		want  string
	}{
		{AES128, 0, "BB1D6929E9593728"},
		{AES128, 16, "070A16B46B4D4144"},
		{AES128, 40, "DFA66747DE9AE630"},
		{AES128, 64, "51F0BEBF7E3B9D92"},
		{AES192, 0, "D17DDF46ADAACDE5"},
		{AES192, 16, "9E99A7BF31E71090"},
		{AES192, 40, "8A1DE5BE2EB31AAD"},
		{AES192, 64, "A1D5DF0EED790F79"},
		{AES256, 0, "028962F61B7BF89E"},
		{AES256, 16, "28A7023F452E8F82"},
		{AES256, 40, "AAF3D8F1DE5640C2"},
		{AES256, 64, "E1992190549F6ED5"},
	} {
		s, err := New(c.a, unhex(t, keys[c.a]), unhex(t, keys[c.a]))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Token(unhex(t, m)[:c.bytes]); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%s, %d bytes: %X", c.a, c.bytes, got)
		}
	}
}

func TestKeysOfWrongSize(t *testing.T) {
	for _, a := range []Algorithm{0, TDES, AES128, AES192, AES256, 9} {
		if _, err := New(a, make([]byte, 15), make([]byte, 15)); err == nil {
			t.Errorf("%s: accepted", a)
		}
	}
	if _, err := New(0, nil, nil); err == nil {
		t.Error("no algorithm was accepted")
	}
}

// Both ends of a session agree for every algorithm, size and instruction.
func TestRoundTrip(t *testing.T) {
	for _, a := range []Algorithm{TDES, AES128, AES192, AES256} {
		suite, err := New(a, a.Derive([]byte("secret"), Enc), a.Derive([]byte("secret"), MAC))
		if err != nil {
			t.Fatal(err)
		}
		terminal := NewSession(suite, make([]byte, suite.BlockSize()))
		ssc := make([]byte, suite.BlockSize())
		for i, n := range []int{0, 1, 7, 15, 16, 17, 231, 1000} {
			ins := byte(0xB0 + i%2)
			if _, err := terminal.Protect(apdu.Command{INS: ins, Data: make([]byte, n), Le: 10}); err != nil {
				t.Fatal(err)
			}
			ssc[len(ssc)-1] = byte(2*i + 2)
			r := answer(suite, ssc, ins, bytes.Repeat([]byte{byte(n)}, n))
			got, err := terminal.Open(r)
			if err != nil || !bytes.Equal(got.Data, bytes.Repeat([]byte{byte(n)}, n)) || got.SW != apdu.OK {
				t.Fatalf("%s, %d bytes: %v", a, n, err)
			}
		}
	}
}

// answer is the card's side of §9.8.4: DO'87' or DO'85', DO'99', DO'8E'.
func answer(suite Suite, ssc []byte, ins byte, data []byte) apdu.Response {
	var body []byte
	if len(data) > 0 {
		c := suite.Encrypt(ssc, Pad(data, suite.BlockSize()))
		if ins&1 == 0 {
			body = tlv.Append(body, 0x87, append([]byte{1}, c...))
		} else {
			body = tlv.Append(body, 0x85, c)
		}
	}
	body = append(body, 0x99, 2, 0x90, 0)
	mac := suite.MAC(append(bytes.Clone(ssc), Pad(body, suite.BlockSize())...))
	return apdu.Response{Data: tlv.Append(body, 0x8E, mac), SW: apdu.OK}
}
