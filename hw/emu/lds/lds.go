// Package lds makes the content of emulated chips: the files of a Vietnamese
// identity card or of a passport for a synthetic person, in memory, signed by a
// test document signer (ICAO Doc 9303-10, the logical data structure).
package lds

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/persons"
)

// File identifiers of the eMRTD application (Doc 9303-10 §3.11); the short
// identifier of a file is the low five bits.
const (
	EFCom uint16 = 0x011E
	EFSOD uint16 = 0x011D
)

// DG returns the file identifier of data group n, 1 to 16.
func DG(n int) uint16 { return 0x0100 + uint16(n) }

// Chip is everything that an emulated chip holds.
type Chip struct {
	Files  map[uint16][]byte // of the application, by file identifier
	Locked map[uint16]bool   // files that need terminal authentication; their content is not made
	// Master holds the files under the master file, readable by anyone: none
	// yet; EF.CardAccess goes here once the card speaks PACE.
	Master map[uint16][]byte
	// NoMasterFile says that SELECT of the master file is an unknown
	// instruction, as Vietnamese cards answer.
	NoMasterFile bool
	MRZ          []string
	BAC          string // MRZ information of Doc 9303-11 §4.3.2: number, birth, expiry, each with its check digit
}

// Citizen makes the chip of person's identity card; portrait is a JPEG.
func Citizen(p persons.Person, portrait []byte) (*Chip, error) {
	id := p.Citizen
	groups, err := commonGroups(id, td1(id), portrait)
	if err != nil {
		return nil, err
	}
	groups[13] = dg13(id)
	// Fingerprints are on a real card, so EF.COM and EF.SOD list them. Ours are
	// nobody's: a constant is hashed and the file never opens.
	groups[3] = []byte("enrold: DG3 of an emulated card")
	c := &Chip{MRZ: td1(id), NoMasterFile: true, Locked: map[uint16]bool{DG(3): true}}
	c.BAC = c.MRZ[0][5:15] + c.MRZ[1][0:7] + c.MRZ[1][8:15]
	return c, c.seal(groups, "vn", id)
}

// Foreigner makes the chip of person's passport; portrait is a JPEG.
func Foreigner(p persons.Person, portrait []byte) (*Chip, error) {
	id := p.Foreigner
	groups, err := commonGroups(id, td3(id), portrait)
	if err != nil {
		return nil, err
	}
	c := &Chip{MRZ: td3(id)}
	c.BAC = c.MRZ[1][0:10] + c.MRZ[1][13:20] + c.MRZ[1][21:28]
	return c, c.seal(groups, "ut", id)
}

// Load makes the chip of person i with the first photograph below photos.
// document is "citizen" or "foreigner".
func Load(i int, document, photos string) (*Chip, error) {
	p, err := persons.Get(i)
	if err != nil {
		return nil, err
	}
	paths, err := p.Photos(photos)
	if err != nil {
		return nil, err
	}
	portrait, err := os.ReadFile(paths[0])
	if err != nil {
		return nil, fmt.Errorf("read photograph: %w", err)
	}
	switch document {
	case "citizen":
		return Citizen(p, portrait)
	case "foreigner":
		return Foreigner(p, portrait)
	}
	return nil, fmt.Errorf("document %q: want citizen or foreigner", document)
}

func commonGroups(id persons.Identity, mrz []string, portrait []byte) (map[int][]byte, error) {
	face, err := dg2(portrait, id.Sex)
	if err != nil {
		return nil, err
	}
	return map[int][]byte{
		1: ber.TLV(0x61, ber.TLV(0x5F1F, []byte(strings.Join(mrz, "")))),
		2: face,
	}, nil
}

// seal writes the data groups, EF.COM and EF.SOD into the chip.
func (c *Chip) seal(groups map[int][]byte, country string, id persons.Identity) error {
	issued, err := time.Parse(time.DateOnly, string(id.Issued))
	if err != nil {
		return fmt.Errorf("read date of issue: %w", err)
	}
	s, err := documentSigner(country)
	if err != nil {
		return err
	}
	security, err := sod(groups, s, issued)
	if err != nil {
		return err
	}
	c.Files = map[uint16][]byte{EFCom: com(groups), EFSOD: security}
	for n, content := range groups {
		if !c.Locked[DG(n)] {
			c.Files[DG(n)] = content
		}
	}
	return nil
}

// com is EF.COM (Doc 9303-10 §4.6.1): LDS 1.7, Unicode 4.0.0, the tags present.
func com(groups map[int][]byte) []byte {
	tags := [17]byte{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}
	var list []byte
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, tags[n])
	}
	return ber.TLV(0x60, ber.TLV(0x5F01, []byte("0107")), ber.TLV(0x5F36, []byte("040000")), ber.TLV(0x5C, list))
}
