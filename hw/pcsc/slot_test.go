package pcsc

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
)

func states(present bool, names ...string) (out []scard.ReaderState) {
	for _, n := range names {
		st := scard.ReaderState{Reader: n, CurrentState: scard.StateEmpty}
		if present {
			st.CurrentState = scard.StatePresent
		}
		out = append(out, st)
	}
	return out
}

func testService(t *testing.T) *Service {
	t.Helper()
	profiles, err := profile.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return &Service{profiles: profiles, log: slog.New(slog.DiscardHandler)}
}

// Names as pcsc-lite makes them: product, interface in brackets, serial number,
// reader and slot.
func TestCandidates(t *testing.T) {
	const (
		picc1252 = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"
		sam1252  = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00"
		icc1281  = "ACS ACR1281 1S Dual Reader [ACR1281 1S Dual Reader ICC] 00 00"
		picc1281 = "ACS ACR1281 1S Dual Reader [ACR1281 1S Dual Reader PICC] 00 01"
		sam1281  = "ACS ACR1281 1S Dual Reader [ACR1281 1S Dual Reader SAM] 00 02"
		cl5422   = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422CL Smartcard Reader] (KZ0N) 00 00"
		ct5422   = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422 Smartcard Reader] (KZ0N) 01 00"
		cl4701   = "Identiv uTrust 4701 F CL Reader [uTrust 4701 F CL Reader] (1) 00 00"
		ct4701   = "Identiv uTrust 4701 F Contact Reader [uTrust 4701 F Contact Reader] (1) 01 00"
		cl518    = "SpringCard H518 [CCID] 00 00 Contactless"
		ct518    = "SpringCard H518 [CCID] 00 01 Contact"
		other    = "Gemalto PC Twin Reader 02 00"
	)
	s := testService(t)
	for _, c := range []struct {
		name, part string
		slots      []string
		want       []string
	}{
		{"SAM beside PICC", "", []string{sam1252, picc1252}, []string{picc1252}},
		{"SAM alone is no reader", "", []string{sam1252}, nil},
		{"three slots", "", []string{icc1281, picc1281, sam1281}, []string{picc1281}},
		{"interfaces of one reader", "", []string{ct5422, cl5422}, []string{cl5422}},
		{"contact slot that does not say so, alone", "", []string{ct5422}, []string{ct5422}},
		{"CL and contact", "", []string{ct4701, cl4701}, []string{cl4701}},
		{"two slots", "", []string{ct518, cl518}, []string{cl518}},
		{"two readers", "", []string{picc1252, other, cl5422, ct5422}, []string{picc1252, other, cl5422}},
		{"asked for by name", "1281", []string{picc1252, icc1281, picc1281}, []string{icc1281, picc1281}},
		{"a slot asked for by name", "gemalto", []string{picc1252, other}, []string{other}},
		{"name of none", "no such", []string{picc1252, other}, nil},
	} {
		var got []string
		for _, st := range s.candidates(states(false, c.slots...), c.part) {
			got = append(got, st.Reader)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	if r, ok := s.pick(states(true, other, picc1252)); !ok || r.Name != picc1252 || r.Profile != "acr1252u" {
		t.Errorf("%+v: contactless first", r)
	}
	two := states(true, other, "Other Reader 00 00")
	two[1].Atr = []byte{0x3B, 0x80, 0x80, 0x01, 0x01}
	if r, ok := s.pick(two); !ok || r.Name != "Other Reader 00 00" {
		t.Errorf("%+v: the card with a contactless card's ATR first", r)
	}
	if _, ok := s.pick(states(false, other)); ok {
		t.Error("a card on an empty reader")
	}
}

// A removal shorter than the debounce time is none.
func TestSettled(t *testing.T) {
	const name = "ACS ACR122U PICC Interface 00 00" // 400 ms
	s, empty := testService(t), map[string]time.Time{}
	there := Status{Readers: []Reader{{Name: name, State: Present}}}
	got, wait := s.settled(states(false, name), there, empty)
	if got[0].State != Present || wait > 400*time.Millisecond || wait < 300*time.Millisecond {
		t.Fatalf("%+v %s: just gone", got, wait)
	}
	if got, _ = s.settled(states(true, name), there, empty); got[0].State != Present || len(empty) != 0 {
		t.Fatalf("%+v: back", got)
	}
	s.settled(states(false, name), there, empty)
	empty[name] = empty[name].Add(-time.Second)
	if got, wait = s.settled(states(false, name), there, empty); got[0].State != Empty || wait != look {
		t.Fatalf("%+v %s: gone for a second", got, wait)
	}
}
