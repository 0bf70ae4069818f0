package pcsc

import (
	"regexp"
	"strings"

	"github.com/ebfe/scard"

	"github.com/enrold/enrold/hw/profile"
)

// CardState is what lies on a reader.
type CardState string

const (
	Empty   CardState = "empty"
	Present CardState = "card"
	InUse   CardState = "in_use" // a program holds the card for itself
	Mute    CardState = "mute"   // a card that does not answer
	Gone    CardState = "gone"   // the reader does not answer
)

// Reader is a slot of a reader, as pcscd names it.
type Reader struct {
	Name    string
	Profile string // name of the profile that claims it, "" for none
	State   CardState
	ATR     []byte // of the card, if there is one
}

func stateOf(f scard.StateFlag) CardState {
	switch {
	case f&(scard.StateUnknown|scard.StateUnavailable|scard.StateIgnore) != 0:
		return Gone
	case f&scard.StatePresent == 0:
		return Empty
	case f&scard.StateMute != 0:
		return Mute
	case f&scard.StateExclusive != 0:
		return InUse
	}
	return Present
}

// usual is how a reader without a profile is used.
var usual = profile.Reader{APDU: "extended", SelectMF: "tolerate", PACE: true, DebounceMS: 400, Share: "exclusive", Disconnect: "unpower", SessionS: 60}

// claim finds the profile of a reader by its name and, where they are known, by
// its USB ids. A profile that is no reader's is none.
func (s *Service) claim(d profile.Device) (name string, r profile.Reader) {
	p, ok := s.profiles.Claim(d)
	if !ok || p.Reader == nil {
		return "", usual
	}
	return p.Name, *p.Reader
}

var (
	// Slots that take no document: of security modules and of contact cards.
	otherSlot   = regexp.MustCompile(`(?i)\b(SAM|ICC|contact)\b`)
	contactless = regexp.MustCompile(`(?i)\b(PICC|contactless|CL|NFC)\b`)
)

// candidates keeps the slots that may hold a document. With a name asked for,
// those whose name holds it: who names a slot knows why. Otherwise slots that
// their name gives away as others are passed over, and of a reader whose profile
// knows the contactless slot only that one stays, provided that the driver
// names it so.
func (s *Service) candidates(states []scard.ReaderState, part string) []scard.ReaderState {
	var out []scard.ReaderState
	for _, st := range states {
		if part != "" {
			if strings.Contains(strings.ToLower(st.Reader), strings.ToLower(part)) {
				out = append(out, st)
			}
			continue
		}
		owner, r := s.claim(profile.Device{Name: st.Reader})
		if r.Contactless(st.Reader) || !otherSlot.MatchString(st.Reader) && !s.sibling(states, owner) {
			out = append(out, st)
		}
	}
	return out
}

// sibling says whether a slot of the reader that the profile claims is known as
// the contactless one.
func (s *Service) sibling(states []scard.ReaderState, owner string) bool {
	for _, st := range states {
		name, r := s.claim(profile.Device{Name: st.Reader})
		if owner != "" && name == owner && r.Contactless(st.Reader) {
			return true
		}
	}
	return false
}

// pick takes a slot with a card: one that is contactless by name or by its
// card's ATR goes first.
func (s *Service) pick(states []scard.ReaderState) (found Reader, ok bool) {
	best := -1
	for _, st := range states {
		if stateOf(st.CurrentState) != Present {
			continue
		}
		owner, r := s.claim(profile.Device{Name: st.Reader})
		rank := 0
		if mapped(st.Atr) {
			rank = 1
		}
		if r.Contactless(st.Reader) || contactless.MatchString(st.Reader) {
			rank = 2
		}
		if rank > best {
			found, ok, best = Reader{Name: st.Reader, Profile: owner, State: Present, ATR: st.Atr}, true, rank
		}
	}
	return found, ok
}

// mapped tells an ATR that a reader made for a contactless card (PC/SC part 3
// §3.1.3.2.3): 3B 8n 80 01.
func mapped(atr []byte) bool {
	return len(atr) > 4 && atr[0] == 0x3B && atr[1]&0xF0 == 0x80 && atr[2] == 0x80 && atr[3] == 0x01
}
