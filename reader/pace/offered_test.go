package pace

import (
	"slices"
	"strings"
	"testing"

	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/tlv"
)

// bp256 is the domain parameters of brainpoolP256r1 as an AlgorithmIdentifier
// (Doc 9303-11 appendix G.1), with the generator's last byte as the argument.
func bp256(t testing.TB, last string) string {
	t.Helper()
	return `3081EC 06072A8648CE3D0201 3081E0 020101
	302C 06072A8648CE3D0101 022100A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
	3044 04207D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9 042026DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6
	0441048BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F0469` + last + `
	022100A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7 020101`
}

func parse(t testing.TB, entries ...string) secinfo.Infos {
	t.Helper()
	infos, err := secinfo.Parse(tlv.Append(nil, 0x31, unhex(t, strings.Join(entries, ""))))
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

func names(list []Protocol) []string {
	var out []string
	for _, p := range list {
		out = append(out, strings.TrimPrefix(p.Name(), "PACE-")+" "+p.Group.Name()+" "+p.Info.Cipher.String())
	}
	return out
}

func TestOffered(t *testing.T) {
	const (
		gmBP     = "3012060A04007F0007020204020202010202010D"
		gm3DES   = "3012060A04007F0007020204020102010202010D"
		imBP     = "3012060A04007F0007020204040202010202010D"
		imP224   = "3012060A04007F0007020204040202010202010A"
		camBP    = "3012060A04007F0007020204060202010202010D"
		dhGM     = "3012060A04007F00070202040102020102020102"
		explicit = "3012060A04007F00070202040202020102020140"  // parameter 64
		reserved = "3012060A04007F00070202040202020102020113"  // parameter 19
		mixed    = "3012060A04007F00070202040102020102 02010D" // DH on a curve
		domain   = "3081FD 060904007F000702020402"             // followed by the parameters and 020140
	)
	good, foreign := domain+bp256(t, "97")+"020140", domain+bp256(t, "98")+"020140"
	for name, c := range map[string]struct {
		entries   []string
		want      []string
		ambiguous bool
	}{
		"nothing":                          {nil, nil, false},
		"best first":                       {[]string{dhGM, gm3DES, imBP, gmBP, camBP}, []string{"CAM brainpoolP256r1 AES-128", "GM brainpoolP256r1 AES-128", "GM brainpoolP256r1 3DES", "GM MODP-2048-256 AES-128", "IM brainpoolP256r1 AES-128"}, true},
		"one set of parameters":            {[]string{gmBP, camBP}, []string{"CAM brainpoolP256r1 AES-128", "GM brainpoolP256r1 AES-128"}, false},
		"explicit and standardised":        {[]string{explicit, good}, []string{"GM brainpoolP256r1 AES-128"}, false},
		"explicit, generator not standard": {[]string{explicit, foreign, gmBP}, []string{"GM brainpoolP256r1 AES-128"}, true},
		"explicit without parameters":      {[]string{explicit}, nil, false},
		"reserved parameter":               {[]string{reserved}, nil, false},
		"DH on a curve":                    {[]string{mixed}, nil, false},
		"integrated mapping on secp224r1":  {[]string{imP224}, nil, false},
	} {
		list := Offered(parse(t, c.entries...))
		if got := names(list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
		for _, p := range list {
			if p.Ambiguous != c.ambiguous {
				t.Errorf("%s: %s ambiguous %v", name, p.Name(), p.Ambiguous)
			}
		}
	}
}
