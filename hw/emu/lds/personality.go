package lds

import (
	"crypto"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/enrold/enrold/hw/emu/lds/domain"
	"github.com/enrold/enrold/hw/emu/persons"
)

// Personality is a kind of card: what it offers and what it holds.
type Personality struct {
	Name, Meaning string

	document  string // the only document it can be, or ""
	bac       bool
	pace      []Mapping
	can       bool
	chipKey   bool
	active    string // "", rsa or ecdsa
	terminal  bool   // DG3 waits for terminal authentication
	fewFields bool   // DG13 has only what the 2024 card gives away
	version   string // of the logical data structure, "" for 1.7
	extra     bool   // DG7, DG11, DG12
}

// Personalities lists every kind of card, the default first.
func Personalities() []Personality {
	generic := []Mapping{Generic}
	return []Personality{
		{Name: "bac", Meaning: "basic access control only", bac: true},
		{Name: "pace-gm", Meaning: "PACE with generic mapping, no basic access control", pace: generic, can: true},
		{Name: "pace-im", Meaning: "PACE with integrated mapping, no basic access control", pace: []Mapping{Integrated}, can: true},
		{Name: "pace-cam", Meaning: "PACE with chip authentication mapping (and generic, as the standard asks), EF.CardSecurity", pace: []Mapping{ChipAuthentication, Generic}, can: true},
		{Name: "ca", Meaning: "basic access control, chip authentication", bac: true, chipKey: true},
		{Name: "aa-rsa", Meaning: "basic access control, active authentication with RSA", bac: true, active: "rsa"},
		{Name: "aa-ecdsa", Meaning: "basic access control, active authentication with ECDSA", bac: true, active: "ecdsa"},
		{Name: "dg3-protected", Meaning: "basic access control, chip authentication, fingerprints behind terminal authentication", bac: true, chipKey: true, terminal: true},
		{Name: "cccd-2021", Meaning: "Vietnamese card of 2021: PACE and basic access control, chip and active authentication", document: citizen, bac: true, pace: generic, can: true, chipKey: true, active: "rsa", terminal: true},
		{Name: "cccd-no-cardaccess", Meaning: "Vietnamese card without EF.CardAccess", document: citizen, bac: true, chipKey: true, active: "rsa", terminal: true},
		{Name: "cc-2024", Meaning: "Vietnamese card of 2024: few items in DG13", document: citizen, bac: true, pace: generic, can: true, chipKey: true, active: "rsa", terminal: true, fewFields: true},
		{Name: "epassport-td3", Meaning: "passport: PACE and basic access control, chip and active authentication, DG7, DG11, DG12, LDS 1.8", document: foreigner, bac: true, pace: generic, chipKey: true, active: "ecdsa", version: lds18, extra: true},
	}
}

const (
	citizen   = "citizen"
	foreigner = "foreigner"
)

// Spec says which card to make. The zero value is a citizen's card with basic
// access control.
type Spec struct {
	// Personality is a name from Personalities, then options, each after a plus: a
	// domain parameter set (secp384r1, dh-2), a cipher (aes-256), a signature
	// (rsa-pss-sha256), a hash for active authentication (sha256).
	Personality string
	Document    string // citizen, foreigner, or "" for the personality's
	Curve       string // like the options, and stronger than they
	Cipher      string
	Signature   string
	PadDG2      int // bytes of padding inside the portrait's JPEG
}

// choice is a Spec that was understood.
type choice struct {
	Personality
	document  string
	group     domain.Group
	cipher    Cipher
	signature Signature
	hash      crypto.Hash // of active authentication, 0 for the usual
	pad       int
}

func (s Spec) resolve() (choice, error) {
	words := strings.Split(s.Personality, "+")
	if words[0] == "" {
		words[0] = Personalities()[0].Name
	}
	i := slices.IndexFunc(Personalities(), func(p Personality) bool { return p.Name == words[0] })
	if i < 0 {
		return choice{}, fmt.Errorf("unknown personality %q", words[0])
	}
	c := choice{Personality: Personalities()[i], cipher: AES128, signature: usual, pad: s.PadDG2}
	c.group = mustCurve("brainpoolP256r1")
	for _, w := range append(words[1:], s.Curve, s.Cipher, s.Signature) {
		if err := c.option(w); err != nil {
			return c, err
		}
	}
	c.document = s.Document
	if c.document == "" {
		c.document = c.Personality.document
	}
	if c.document == "" {
		c.document = citizen
	}
	if c.document != citizen && c.document != foreigner {
		return c, fmt.Errorf("document %q: want citizen or foreigner", c.document)
	}
	if want := c.Personality.document; want != "" && c.document != want {
		return c, fmt.Errorf("personality %s is a %s's document", c.Name, want)
	}
	if c.pad < 0 || c.pad > maxPadding {
		return c, fmt.Errorf("padding of %d bytes: want 0 to %d", c.pad, maxPadding)
	}
	return c, nil
}

func (c *choice) option(word string) error {
	if word == "" {
		return nil
	}
	if g, ok := domain.ByName(word); ok {
		c.group = g
	} else if cipher, ok := cipherNames[word]; ok {
		c.cipher = cipher
	} else if hash, ok := hashNames[word]; ok {
		c.hash = hash
	} else if s, err := ParseSignature(word); err == nil {
		c.signature = s
	} else {
		return fmt.Errorf("unknown option %q of a personality", word)
	}
	return nil
}

// Make makes the chip of person's document; portrait is a JPEG.
func Make(p persons.Person, portrait []byte, s Spec) (*Chip, error) {
	c, err := s.resolve()
	if err != nil {
		return nil, err
	}
	id, zone, from := p.Citizen, td1(p.Citizen), vietNam
	if c.document == foreigner {
		id, zone, from = p.Foreigner, td3(p.Foreigner), utopia
	}
	chip := &Chip{MRZ: zone, NoBAC: !c.bac, Locked: map[uint16]bool{}, Master: map[uint16][]byte{}}
	chip.BAC = accessKey(zone)
	if c.can {
		chip.CAN = lastDigits(id)
	}
	chip.NoMasterFile = c.Personality.document == citizen // Vietnamese cards do not let it be selected
	if err := chip.equip(c); err != nil {
		return nil, err
	}
	if err := chip.fill(c, id, portrait); err != nil {
		return nil, err
	}
	chip.signing = signing{country: from, signature: c.signature, version: c.version, issued: id.Issued}
	return chip, chip.sign(sound)
}

// equip gives the chip its keys and protocols.
func (c *Chip) equip(o choice) error {
	for _, m := range o.pace {
		p := PACE{Mapping: m, Group: o.group, Cipher: o.cipher}
		if err := p.check(); err != nil {
			return err
		}
		c.PACE = append(c.PACE, p)
	}
	cam := slices.Contains(o.pace, ChipAuthentication)
	if o.chipKey || cam {
		c.Key = &ChipKey{Group: o.group, Private: scalar(o.group, "chip "+c.BAC), ID: -1, Ciphers: []Cipher{o.cipher}}
		if cam { // the key's identifier is that of the domain parameters (Doc 9303-11 §9.2.1)
			c.Key.ID = o.group.ID()
		}
	}
	switch o.active {
	case "rsa":
		key, err := readRSAKey("pki/aa-rsa.key.pem")
		if err != nil {
			return err
		}
		c.Active = &ActiveKey{RSA: key, Hash: crypto.SHA1}
	case "ecdsa":
		curve, ok := o.group.(*domain.Curve)
		if !ok {
			return fmt.Errorf("active authentication with ECDSA wants a curve, not %s", o.group.Name())
		}
		c.Active = &ActiveKey{Curve: curve, Private: scalar(curve, "active "+c.BAC), Hash: hashFor(curve)}
	}
	if c.Active != nil && o.hash != 0 {
		c.Active.Hash = o.hash
	}
	if c.Active != nil && c.Active.Curve != nil && oidPlainECDSA[c.Active.Hash] == nil {
		return fmt.Errorf("active authentication with ECDSA does not take SHA-1 (Doc 9303-11 §6.1.2.3)")
	}
	return nil
}

// hashFor is the longest hash that is not longer than a key of the curve.
func hashFor(c *domain.Curve) crypto.Hash {
	best := crypto.SHA224
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if 8*h.Size() <= c.Order().BitLen() {
			best = h
		}
	}
	return best
}

// Load makes the chip of person i with the first photograph below photos.
// document is "citizen" or "foreigner".
func Load(i int, document, photos string) (*Chip, error) {
	return LoadSpec(i, photos, Spec{Document: document})
}

// LoadSpec is Load for any card.
func LoadSpec(i int, photos string, s Spec) (*Chip, error) {
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
	return Make(p, portrait, s)
}
