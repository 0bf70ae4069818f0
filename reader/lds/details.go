package lds

import (
	"fmt"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/tlv"
)

// Person is DG11, what the holder's state adds about the person (Doc 9303-10
// §4.7.11). Absent fields are empty. Profession, title, summary and custody are
// passed over: no procedure asks for them, and what is not read cannot leak.
type Person struct {
	Name           string   // in national characters, components parted by fillers: "NGUYỄN<<VĂN<AN"
	OtherNames     []string // at most maxBlocks
	PersonalNumber string
	Birth          eid.Date
	PlaceOfBirth   string
	Address        string
	Telephone      string
	OtherDocuments string
}

// ParseDG11 reads DG11. Which fields are there is told by the objects, not by
// the list of tags before them.
func ParseDG11(file []byte) (Person, error) {
	content, err := body(file, 11)
	if err != nil {
		return Person{}, err
	}
	objects, err := tlv.List(content)
	if err != nil {
		return Person{}, fmt.Errorf("DG11: %w", err)
	}
	var p Person
	for _, o := range objects {
		switch o.Tag {
		case 0x5F0E:
			p.Name = text(o.Value)
		case 0xA0:
			p.OtherNames = append(p.OtherNames, texts(o.Value, 0x5F0F)...)
		case 0x5F0F: // some issuers leave the template away
			p.OtherNames = append(p.OtherNames, text(o.Value))
		case 0x5F10:
			p.PersonalNumber = text(o.Value)
		case 0x5F2B:
			p.Birth = date(o.Value)
		case 0x5F11:
			p.PlaceOfBirth = parts(o.Value)
		case 0x5F42:
			p.Address = parts(o.Value)
		case 0x5F12:
			p.Telephone = text(o.Value)
		case 0x5F17:
			p.OtherDocuments = parts(o.Value)
		}
	}
	p.OtherNames = p.OtherNames[:min(len(p.OtherNames), maxBlocks)]
	return p, nil
}

// Issue is DG12, what the state adds about the document (Doc 9303-10 §4.7.12).
type Issue struct {
	Authority    string
	Issued       eid.Date
	Endorsements string
	Tax          string  // tax or exit requirements
	Personalised string  // yyyymmddhhmmss
	Front, Rear  []Image // pictures of the document, at most one each
}

// ParseDG12 reads DG12.
func ParseDG12(file []byte) (Issue, error) {
	content, err := body(file, 12)
	if err != nil {
		return Issue{}, err
	}
	objects, err := tlv.List(content)
	if err != nil {
		return Issue{}, fmt.Errorf("DG12: %w", err)
	}
	var i Issue
	for _, o := range objects {
		switch o.Tag {
		case 0x5F19:
			i.Authority = text(o.Value)
		case 0x5F26:
			i.Issued = date(o.Value)
		case 0x5F1B:
			i.Endorsements = text(o.Value)
		case 0x5F1C:
			i.Tax = text(o.Value)
		case 0x5F1D:
			i.Front = picture(o.Value)
		case 0x5F1E:
			i.Rear = picture(o.Value)
		case 0x5F55:
			if i.Personalised = text(o.Value); len(o.Value) == 7 {
				i.Personalised = fmt.Sprintf("%x", o.Value)
			}
		}
	}
	return i, nil
}

// picture is an image that nobody needs: one that cannot be read is none.
func picture(v []byte) []Image {
	i, err := imageOf(v)
	if err != nil {
		return nil
	}
	return []Image{i}
}

// Contact is a person to notify (DG16).
type Contact struct {
	Recorded                 eid.Date
	Name, Telephone, Address string
}

// ParseDG16 reads the persons to notify (Doc 9303-10 §4.7.16): templates A1, A2
// and so on.
func ParseDG16(file []byte) ([]Contact, error) {
	content, err := body(file, 16)
	if err != nil {
		return nil, err
	}
	objects, err := tlv.List(content)
	if err != nil {
		return nil, fmt.Errorf("DG16: %w", err)
	}
	var list []Contact
	for _, o := range objects {
		if o.Tag < 0xA1 || o.Tag > 0xAF || len(list) == maxBlocks {
			continue
		}
		fields, err := tlv.List(o.Value)
		if err != nil {
			return nil, fmt.Errorf("DG16: %w", err)
		}
		var c Contact
		for _, f := range fields {
			switch f.Tag {
			case 0x5F50:
				c.Recorded = date(f.Value)
			case 0x5F51:
				c.Name = text(f.Value)
			case 0x5F52:
				c.Telephone = text(f.Value)
			case 0x5F53:
				c.Address = parts(f.Value)
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// texts reads the objects of one tag in a template that begins with their number.
func texts(template []byte, tag uint32) []string {
	objects, err := tlv.List(template)
	if err != nil {
		return nil
	}
	var list []string
	for _, o := range objects {
		if s := text(o.Value); o.Tag == tag && s != "" {
			list = append(list, s)
		}
	}
	return list
}
