// Package persons holds the five synthetic persons of the emulated desk. Their
// personal numbers begin with 099, a prefix never assigned; their faces are the
// labelled photographs that Debian's libdlib19.1 ships, and their fingers grow
// from a seed (hw/emu/ridge). Nothing here is stored: every program of the
// emulated desk derives the same person from the same index.
package persons

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/enrold/enrold/internal/eid"
)

// Count is the number of persons.
const Count = 5

// Person is one synthetic person in both roles: as a citizen with a chip card
// and as a foreigner with a passport.
type Person struct {
	Index     int
	Citizen   Identity
	Foreigner Identity
	Residence eid.ResidenceCard
	Contacts  eid.Contacts
	PhotoDir  string // folder name below the photograph folder
}

// Identity is what a document says.
type Identity struct {
	PersonalNumber string // citizens: 12 digits beginning 099
	DocumentNumber string // citizens: last nine digits; foreigners: passport number
	Name           string // as printed, upper case, NFC
	NameMRZ        string // "NGUYEN<<VAN<AN"
	Birth, Expiry  eid.Date
	Issued         eid.Date
	Sex            string
	Nationality    string
	Residence      string
	PlaceOfOrigin  string
}

var folders = [Count]string{"John_Salley", "John_Savage", "John_Schneider", "John_Shimkus", "John_Simm"}

var citizens = [Count]Identity{
	{PersonalNumber: "099064000101", Name: "NGUYỄN VĂN AN", NameMRZ: "NGUYEN<<VAN<AN", Birth: "1964-05-16", Expiry: ""},
	{PersonalNumber: "099085000202", Name: "ĐẶNG HỮU ĐỨC", NameMRZ: "DANG<<HUU<DUC", Birth: "1985-08-25", Expiry: "2045-08-25"},
	{PersonalNumber: "099090000303", Name: "LÊ VĂN ỬNG", NameMRZ: "LE<<VAN<UNG", Birth: "1990-04-08", Expiry: "2030-04-08"},
	{PersonalNumber: "099078000404", Name: "QUÁCH TRƯỜNG UYÊN PHƯƠNG THẢO", NameMRZ: "QUACH<<TRUONG<UYEN<PHUONG<THAO", Birth: "1978-02-28", Expiry: "2038-02-28"},
	{PersonalNumber: "099200000505", Name: "Y BHĂM ÊBAN", NameMRZ: "Y<<BHAM<EBAN", Birth: "2000-02-29", Expiry: "2040-02-28"},
}

var foreigners = [Count]Identity{
	{DocumentNumber: "X00000101", Name: "ERIKSSON JOHN PETER", NameMRZ: "ERIKSSON<<JOHN<PETER", Birth: "1964-05-16"},
	{DocumentNumber: "X00000202", Name: "O'HARA SEAN", NameMRZ: "OHARA<<SEAN", Birth: "1985-08-25"},
	{DocumentNumber: "X00000303", Name: "MUELLER JOHANN", NameMRZ: "MUELLER<<JOHANN", Birth: "1990-04-08"},
	{DocumentNumber: "X00000404", Name: "DA SILVA JOAO", NameMRZ: "DA<SILVA<<JOAO", Birth: "1978-02-28"},
	{DocumentNumber: "X00000505", Name: "ARKFREITH", NameMRZ: "ARKFREITH", Birth: "2000-02-29"},
}

// Get returns person i, 0 to Count-1.
func Get(i int) (Person, error) {
	if i < 0 || i >= Count {
		return Person{}, fmt.Errorf("no person %d: there are %d", i, Count)
	}
	c := citizens[i]
	c.DocumentNumber = c.PersonalNumber[3:]
	c.Sex, c.Nationality, c.Issued = "M", "VNM", "2021-07-01"
	c.Residence = fmt.Sprintf("Số %d phố Thử Nghiệm, Phường Hoàn Kiếm, Hà Nội", i+1)
	c.PlaceOfOrigin = "Xã Thử Nghiệm, Ninh Bình"
	f := foreigners[i]
	f.Sex, f.Nationality, f.Issued, f.Expiry = "M", "UTO", "2023-03-01", "2033-03-01"
	return Person{
		Index: i, Citizen: c, Foreigner: f,
		Residence: eid.ResidenceCard{Type: "TRC", Number: eid.Private(fmt.Sprintf("TT09900%d", i)), Expiry: "2029-12-31"},
		Contacts:  eid.Contacts{Phone: eid.Private(fmt.Sprintf("090000010%d", i)), Email: eid.Private(fmt.Sprintf("person%d@example.invalid", i))},
		PhotoDir:  folders[i],
	}, nil
}

// FingerSeed is the seed from which the finger at position grows.
func (p Person) FingerSeed(position eid.FingerPosition) uint64 {
	return 0x656e726f6c64<<16 | uint64(p.Index)<<8 | uint64(position)
}

// Photos returns the paths of the person's photographs below root (the
// "johns" folder), sorted. The first is the one that the chip carries; the
// camera shows the others.
func (p Person) Photos(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, p.PhotoDir, "*.jpg"))
	if err != nil {
		return nil, fmt.Errorf("list photographs: %w", err)
	}
	if len(files) < 2 {
		return nil, fmt.Errorf("photographs of person %d: %w in %s", p.Index, os.ErrNotExist, root)
	}
	sort.Strings(files)
	return files, nil
}
