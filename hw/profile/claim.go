package profile

import "math/bits"

// Device is what is known of a device before any driver opens it. Unknown
// fields are zero.
type Device struct {
	VID, PID, Revision uint16
	Classes            []uint8 // of the device and its interfaces
	Name               string  // product string, PC/SC reader name, V4L2 name
}

// Claim returns the profile with the most specific match for d: a revision
// range before vid and pid, those before a name, a name before a class; of two
// ranges the narrower; of two equals the first by name.
func (s *Set) Claim(d Device) (Profile, bool) {
	best, score := -1, 0
	for i, p := range s.profiles {
		for _, m := range p.Match {
			if n := m.score(d); n > score {
				best, score = i, n
			}
		}
	}
	if best < 0 {
		return Profile{}, false
	}
	return s.profiles[best], true
}

// score is 0 when m does not fit d, and higher the more it pins down.
func (m Match) score(d Device) int {
	score := 0
	if m.VID != 0 {
		if m.VID != d.VID {
			return 0
		}
		score += 1 << 10
	}
	if m.PID != 0 {
		if m.PID != d.PID {
			return 0
		}
		score += 1 << 11
	}
	if m.RevisionMax != 0 {
		if d.Revision < m.RevisionMin || d.Revision > m.RevisionMax {
			return 0
		}
		score += 1<<9 + 16 - bits.Len16(m.RevisionMax-m.RevisionMin)
	}
	if m.pattern != nil {
		if !m.pattern.MatchString(d.Name) {
			return 0
		}
		score += 1 << 8
	}
	if m.Class != 0 {
		found := false
		for _, c := range d.Classes {
			found = found || c == m.Class
		}
		if !found {
			return 0
		}
		score += 1 << 5
	}
	return score
}
