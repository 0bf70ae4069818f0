// Package lds makes the content of emulated chips: the files of a Vietnamese
// identity card or of a passport for a synthetic person, in memory, signed by a
// test document signer (ICAO Doc 9303-10, the logical data structure), and the
// keys with which the chip proves that it is genuine (Doc 9303-11).
package lds

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/enrold/enrold/hw/emu/lds/ber"
	"github.com/enrold/enrold/hw/emu/persons"
	"github.com/enrold/enrold/internal/eid"
)

// File identifiers of the eMRTD application (Doc 9303-10 §3.11); the short
// identifier of a file is the low five bits.
const (
	EFCom uint16 = 0x011E
	EFSOD uint16 = 0x011D
)

// File identifiers under the master file; short identifiers 1C, 1D, 1E.
const (
	EFCardAccess   uint16 = 0x011C
	EFCardSecurity uint16 = 0x011D
	EFDIR          uint16 = 0x2F00
)

// Versions of the logical data structure and of Unicode (Doc 9303-10 §4.6).
const (
	lds17          = "0107"
	lds18          = "0108"
	unicodeVersion = "040000"
)

// DG returns the file identifier of data group n, 1 to 16.
func DG(n int) uint16 { return 0x0100 + uint16(n) }

// Chip is everything that an emulated chip holds.
type Chip struct {
	Files  map[uint16][]byte // of the application, by file identifier
	Locked map[uint16]bool   // files that need terminal authentication; their content is not made
	// Master holds the files under the master file: EF.CardAccess and EF.DIR,
	// which anyone reads, and EF.CardSecurity.
	Master map[uint16][]byte
	// NoMasterFile says that SELECT of the master file is an unknown
	// instruction, as Vietnamese cards answer.
	NoMasterFile bool
	MRZ          []string
	BAC          string // MRZ information of Doc 9303-11 §4.3.2: number, birth, expiry, each with its check digit; the MRZ password of PACE too
	NoBAC        bool
	CAN          string // "" for none
	PACE         []PACE
	Key          *ChipKey   // nil: no chip authentication
	Active       *ActiveKey // nil: no active authentication

	groups  map[int][]byte // what EF.COM lists and EF.SOD hashes
	signing signing
}

// signing is how EF.SOD and EF.CardSecurity are signed.
type signing struct {
	country   country
	signature Signature
	version   string
	issued    eid.Date
}

// Citizen makes the chip of person's identity card; portrait is a JPEG.
func Citizen(p persons.Person, portrait []byte) (*Chip, error) {
	return Make(p, portrait, Spec{Document: citizen})
}

// Foreigner makes the chip of person's passport; portrait is a JPEG.
func Foreigner(p persons.Person, portrait []byte) (*Chip, error) {
	return Make(p, portrait, Spec{Document: foreigner})
}

// fill makes the data groups.
func (c *Chip) fill(o choice, id persons.Identity, portrait []byte) error {
	portrait, err := padJPEG(portrait, o.pad)
	if err != nil {
		return err
	}
	face, err := dg2(portrait, id.Sex)
	if err != nil {
		return err
	}
	c.groups = map[int][]byte{
		1: ber.TLV(0x61, ber.TLV(0x5F1F, []byte(strings.Join(c.MRZ, "")))),
		2: face,
	}
	if o.document == citizen {
		c.groups[13] = dg13(id, o.fewFields)
	}
	if o.document == citizen || o.terminal {
		// Fingerprints are on a real card, so EF.COM and EF.SOD list them. Ours are
		// nobody's: a constant is hashed and the file never opens.
		c.groups[3] = []byte("enrold: DG3 of an emulated card")
		c.Locked[DG(3)] = true
	}
	if o.extra {
		if c.groups[7], err = dg7(); err != nil {
			return err
		}
		c.groups[11], c.groups[12] = dg11(id), dg12(id)
	}
	if len(c.PACE) > 0 || c.Key != nil || o.terminal || (c.Active != nil && c.Active.Curve != nil) {
		if c.groups[14], err = c.dg14(o.terminal); err != nil {
			return err
		}
	}
	if c.Active != nil {
		if c.groups[15], err = dg15(c.Active); err != nil {
			return err
		}
	}
	return nil
}

// sign writes every file into the chip: the data groups, EF.COM and EF.SOD, and
// what belongs under the master file.
func (c *Chip) sign(f flaw) error {
	if c.groups == nil {
		return fmt.Errorf("sign chip: it was not made from a person")
	}
	at, err := time.Parse(time.DateOnly, string(c.signing.issued))
	if err != nil {
		return fmt.Errorf("read date of issue: %w", err)
	}
	s, err := documentSigner(c.signing.country, c.signing.signature, f)
	if err != nil {
		return err
	}
	version := c.signing.version
	if version == "" {
		version = lds17
	}
	security, err := sod(c.groups, s, at, version)
	if err != nil {
		return err
	}
	c.Files = map[uint16][]byte{EFCom: com(c.groups, version), EFSOD: security}
	for n, content := range c.groups {
		if !c.Locked[DG(n)] {
			c.Files[DG(n)] = content
		}
	}
	return c.signMaster(s, at)
}

func (c *Chip) signMaster(s signer, at time.Time) error {
	if len(c.PACE) == 0 {
		return nil
	}
	var err error
	if c.Master[EFCardAccess], err = c.cardAccess(); err != nil {
		return err
	}
	// EF.DIR: the one application (Doc 9303-10 §3.11.2).
	c.Master[EFDIR] = ber.TLV(0x61, ber.TLV(0x4F, []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}))
	if c.Key == nil || c.Key.ID < 0 {
		return nil
	}
	infos, err := c.cardSecurity()
	if err != nil {
		return err
	}
	c.Master[EFCardSecurity], err = signData(oidSecurityObject, infos, s, at)
	return err
}

// com is EF.COM (Doc 9303-10 §4.6.1): the versions, the tags present.
func com(groups map[int][]byte, version string) []byte {
	tags := [17]byte{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}
	var list []byte
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, tags[n])
	}
	return ber.TLV(0x60, ber.TLV(0x5F01, []byte(version)), ber.TLV(0x5F36, []byte(unicodeVersion)), ber.TLV(0x5C, list))
}
